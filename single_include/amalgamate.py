#!/usr/bin/env python3
"""Writes single_include/tenon.hpp: the umbrella include/tenon.hpp and all it includes, in one file.

usage: amalgamate.py           writes it
       amalgamate.py --check   fails when it is not what the headers give
Options for tests of this script: --root <folder with include/ and single_include/>

Every tenon header is taken in once, where it is first included. Includes of others stay where they are, because a header
may have to prepare them (tenon/core/asio.hpp does), and are dropped when the same line stood above outside any #if.
"""
import argparse
import pathlib
import re
import sys

TENON = re.compile(r"^#include <(tenon(?:/[^>]*)?\.hpp)>[ \t]*$")
OTHER = re.compile(r"^#[ \t]*include[ \t]*([<\"][^>\"]*[>\"])")
ANY_TENON = re.compile(r"^[ \t]*#[ \t]*include[ \t]*[<\"]tenon[/.]")
OPENS = re.compile(r"^[ \t]*#[ \t]*if")
CLOSES = re.compile(r"^[ \t]*#[ \t]*endif")
MIX_CHECK = "#if defined(TENON_SINGLE_INCLUDE)"

HEAD = """\
#pragma once
// tenon {version}: all of <tenon.hpp> in one file. Made by single_include/amalgamate.py from include/; change it there.
// SPDX-License-Identifier: Apache-2.0
#if defined(TENON_VERSION_MAJOR) && !defined(TENON_SINGLE_INCLUDE)
#error "tenon: single_include/tenon.hpp and the header tree are mixed in one translation unit; put only one of the two on the include path"
#endif
// A guard beside the pragma: two copies of this file may lie on one include path.
#if !defined(TENON_SINGLE_INCLUDE)
#define TENON_SINGLE_INCLUDE 1
"""


class Amalgamation:
    def __init__(self, include):
        self.include = include
        self.taken = set()
        self.external = set()
        self.lines = []

    def take(self, name, wanted_by):
        if name in self.taken:
            return
        self.taken.add(name)
        path = self.include / name
        if not path.is_file():
            sys.exit(f"amalgamate: {wanted_by} includes <{name}>, which does not exist in {self.include}")
        self.lines += ["", f"// {name}"]
        depth = 0
        dropping_until = None
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            where = f"{name}:{number}"
            if line.rstrip() == "#pragma once":
                continue
            if OPENS.match(line):
                if line.rstrip() == MIX_CHECK and dropping_until is None:
                    dropping_until = depth
                depth += 1
            closes = CLOSES.match(line) is not None
            if closes:
                depth -= 1
            if dropping_until is not None:
                if closes and depth == dropping_until:
                    dropping_until = None
                continue
            if not self.take_include(line, depth, where):
                self.lines.append(line.rstrip())
        if depth:
            sys.exit(f"amalgamate: {name} has #if and #endif that do not match")

    def take_include(self, line, depth, where):
        """Whether the line was an include that is dealt with."""
        inner = TENON.match(line)
        if inner:
            if depth:
                sys.exit(f"amalgamate: {where} includes <{inner[1]}> inside #if; include it outside")
            self.take(inner[1], where)
            return True
        if ANY_TENON.match(line):
            sys.exit(f"amalgamate: {where}: write `#include <tenon/...>` at column one, with nothing behind it")
        other = OTHER.match(line)
        if other and not depth:
            if other[1] in self.external:
                return True
            self.external.add(other[1])
        return False

    def text(self):
        body = []
        for line in self.lines:
            if line or (body and body[-1]):
                body.append(line)
        return "\n".join(body) + "\n"


def product(root):
    include = root / "include"
    version = "".join(re.findall(r'version = "([0-9.]+)"', (include / "tenon/version.hpp").read_text(encoding="utf-8")))
    amalgamation = Amalgamation(include)
    amalgamation.take("tenon.hpp", "amalgamate.py")
    return HEAD.format(version=version) + amalgamation.text() + "\n#endif\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    options = parser.parse_args()
    target = options.root / "single_include/tenon.hpp"
    text = product(options.root)
    current = target.read_text(encoding="utf-8") if target.is_file() else None
    if current == text:
        print("single_include/tenon.hpp is current")
        return 0
    if options.check:
        state = "differs from what include/ gives" if current is not None else "does not exist"
        print(f"single_include/tenon.hpp {state}; renew it with: python3 single_include/amalgamate.py")
        return 1
    target.write_text(text, encoding="utf-8")
    print(f"single_include/tenon.hpp written: {text.count(chr(10))} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
