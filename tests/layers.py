#!/usr/bin/env python3
"""Keeps the table of layers: an include that runs upwards, around a door, or in a circle fails with one sentence.

usage: layers.py [include folder]
"""
import pathlib
import re
import sys

ALLOWED = {
    "core": [],
    "reflect": ["core"],
    "codec": ["core", "reflect"],
    "policy": ["core"],
    "config": ["core", "reflect", "codec", "policy"],
    "protocol": ["core"],
    "net": ["core"],
    "service": ["core", "reflect", "codec", "protocol"],
    "client": ["core", "reflect", "codec", "policy", "protocol", "net", "service"],
    "server": ["core", "reflect", "codec", "policy", "protocol", "net", "service"],
    "peers": ["core", "reflect", "codec", "policy", "protocol", "net", "service", "client", "server"],
    "discovery": ["core", "client"],
    "telemetry": ["core", "policy", "service"],
}
# Belongs to no layer: the version of the whole.
FREE = {"tenon/version.hpp"}
INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*([<\"])(tenon[/.][^>\"]*)[>\"](.*)$")


def read_includes(root, complaints):
    """Every header's tenon includes, as they are spelled in include lines."""
    graph = {}
    for path in sorted(root.rglob("*.hpp")):
        name = path.relative_to(root).as_posix()
        graph[name] = []
        depth = 0
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.match(r"[ \t]*#[ \t]*if", line):
                depth += 1
            if re.match(r"[ \t]*#[ \t]*endif", line):
                depth -= 1
            found = INCLUDE.match(line)
            if not found:
                continue
            quote, target, rest = found.groups()
            if quote != "<" or not line.startswith("#include <") or rest.strip() or depth:
                complaints.append(
                    f"{name}:{number} includes {target} in another form than `#include <{target}>` at column one, "
                    "outside #if: single_include could not take it in"
                )
            graph[name].append(target)
    return graph


def layer_of(name):
    """("core", False) for a header of core, ("core", True) for its door, (None, ...) for what is in no layer."""
    parts = name.split("/")
    if len(parts) == 2 and parts[1].removesuffix(".hpp") in ALLOWED:
        return parts[1].removesuffix(".hpp"), True
    return (parts[1] if len(parts) > 2 else None), False


def check_edge(name, target, graph, optional):
    if target not in graph:
        return f"{name} includes {target}, which does not exist"
    layer, is_door = layer_of(name)
    target_layer, target_is_door = layer_of(target)
    if name == "tenon.hpp":
        if target_is_door or target in FREE:
            return None
        return f"tenon.hpp includes {target}; the map includes doors only, so put it into the door of its layer"
    if target == "tenon.hpp":
        return f"{name} includes the umbrella tenon.hpp; name the headers it needs"
    if target in FREE or name in optional:
        return None
    if is_door:
        if target_layer == layer and not target_is_door:
            return None
        return f"the door {name} includes {target}; a door includes only the files of its own layer"
    if layer == target_layer:
        if target_is_door:
            return f"{name} includes its own door {target}; name the header it needs"
        return None
    if target_layer not in ALLOWED.get(layer, []):
        may = ", ".join(ALLOWED.get(layer, [])) or "no other layer"
        return f"{name} includes {target}, but {layer} may include only: {may}"
    return None


def find_circle(graph):
    """One circle of includes as a list of names, or nothing. Iterative depth-first search with the way on the stack."""
    done = set()
    for start in graph:
        way, on_way = [], set()
        stack = [(start, iter(graph[start]))] if start not in done else []
        if stack:
            way, on_way = [start], {start}
        while stack:
            name, targets = stack[-1]
            target = next(targets, None)
            if target is None:
                stack.pop()
                way.pop()
                on_way.discard(name)
                done.add(name)
            elif target in on_way:
                return way[way.index(target):] + [target]
            elif target in graph and target not in done:
                stack.append((target, iter(graph[target])))
                way.append(target)
                on_way.add(target)
    return None


def main():
    default = pathlib.Path(__file__).resolve().parent.parent / "include"
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    complaints = []
    graph = read_includes(root, complaints)
    if not graph:
        complaints.append(f"there is no header in {root}")

    # A header directly in tenon/ that is neither a door nor the version is the door of an optional target (tls, grpc).
    optional = set()
    for name in graph:
        layer, is_door = layer_of(name)
        if name == "tenon.hpp" or is_door or name in FREE:
            continue
        if layer is None:
            optional.add(name)
        elif layer not in ALLOWED:
            complaints.append(f"{name} is in no layer of the table in tests/layers.py; the layers are: {', '.join(ALLOWED)}")

    for name, targets in graph.items():
        complaints += filter(None, (check_edge(name, target, graph, optional) for target in targets))
    for layer in ALLOWED:
        if any(name.startswith(f"tenon/{layer}/") for name in graph) and f"tenon/{layer}.hpp" not in graph:
            complaints.append(f"tenon/{layer}/ has headers, but its door tenon/{layer}.hpp does not exist")
    circle = find_circle(graph)
    if circle:
        complaints.append("these headers include each other in a circle: " + " -> ".join(circle))

    for complaint in complaints:
        print(complaint)
    if not complaints:
        print(f"{len(graph)} headers keep to their layers")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
