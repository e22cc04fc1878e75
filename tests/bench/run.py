#!/usr/bin/env python3
"""Runs the workloads of workloads.py: contestants in turns, every round, so that what drifts on a machine drifts for all of them. Called by run.sh, which builds.

usage: run.py BUILD [--rounds N] [--seconds S] [--quick] [--list] [workload...]

Names may be patterns. Without any it runs the default set, draws the charts into tests/bench/charts and puts the results beside them; with names, or with other rounds or seconds,
both go to the build folder. A measurement during which others had more than 5 % of a core is made again once while there is time, and left out of the medians if it was
disturbed again; where no calm one is left all are used, and the table, the JSON and the charts say that the machine was busy.
"""
import argparse
import datetime
import fnmatch
import json
import pathlib
import re
import shutil
import statistics
import struct
import sys
import time

import charts
import facts
import processes
from workloads import WORKLOADS

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DISTURBED = 0.05     # of one core
LIMIT = 580          # seconds for the default set
START_AND_STOP = 0.25  # of a server and a client, in seconds
LOADS = (10, 50, 80)
STARTS = 20
COUNTED = "calls_per_second"


class Run:
    def __init__(self, build, rounds, seconds):
        self.build = build
        self.rounds = rounds
        self.seconds = seconds
        self.warm_up = min(0.3, seconds)
        self.began = time.monotonic()
        self.limit = 0.0  # seconds for all of it
        self.left = 0.0   # seconds of what is planned and has not been done
        self.failures = []

    def program(self, name):
        return "h2load" if name == "h2load" else str(self.build / "bin" / name)

    def missing(self, contestant):
        return [name for name in (contestant.server, contestant.client) if not shutil.which(self.program(name))]

    def server_command(self, contestant):
        return [self.program(contestant.server), "port=0", *(f"{name}={value}" for name, value in contestant.server_options.items())]

    def client_command(self, contestant, workload, port, **more):
        shape = {**workload.shape, **contestant.shape}
        if contestant.client == "h2load":
            # gRPC's prefix and protobuf's field 1, of so many bytes.
            size = shape["bytes"]
            length = bytes([size]) if size < 128 else bytes([size & 0x7F | 0x80, size >> 7])
            body = b"\x0a" + length + bytes(size)
            data = self.build / f"grpc.{size}.bin"
            data.write_bytes(b"\0" + struct.pack(">I", len(body)) + body)
            return ["h2load", "-D", f"{round(self.seconds * 1000)}ms", "--warm-up-time", f"{round(self.warm_up * 1000)}ms", "-c", str(shape["connections"]), "-m", str(shape["in_flight"]), "-d", str(data),
                    "-H", "content-type: application/grpc", "-H", "te: trailers", f"http://127.0.0.1:{port}/bench.Echo/Say"]
        given = {"port": port, **shape, "seconds": self.seconds, "warm_up": self.warm_up, **contestant.client_options, **more}
        return [self.program(contestant.client), *(f"{name}={value}" for name, value in given.items())]

    def load(self, contestant, workload, **more):
        """One server, one client, and what the client found."""
        server_cores, client_cores = processes.cores_of(contestant.cores)
        with processes.server(self.server_command(contestant), server_cores) as (pid, port, _):
            watch = processes.Watch(pid)
            printed = processes.Client(self.client_command(contestant, workload, port, **more), client_cores).end(self.seconds + 30)
            usage = watch.usage()
        if contestant.client == "h2load":
            rate = re.search(r"^finished in .*s, ([0-9.]+) req/s", printed, re.MULTILINE)
            if not rate or not re.search(r"requests: .* 0 failed, 0 errored, 0 timeout", printed):
                raise processes.Failed(f"h2load: {printed}")
            return {COUNTED: float(rate.group(1))}, usage
        figures = {name: float(value) for name, value in re.findall(r"(\w+)=([0-9.]+)", printed)}
        if figures.get(COUNTED, 0) <= 0:
            raise processes.Failed(f"{contestant.client} counted nothing: {printed}")
        return figures, usage

    def closed(self, contestant, workload):
        figures, usage = self.load(contestant, workload)
        value = figures[COUNTED]
        if workload.unit == "MB/s":
            value *= workload.shape["bytes"] / 1e6
        # Of the whole run, the warm-up included, as if calls had come at the same rate: what a server costs even where others held it up.
        server_us = usage["server_cpu"] * 1e6 / (figures[COUNTED] * (self.seconds + self.warm_up))
        return {"value": value, "server_us": round(server_us, 3), **figures, **usage}

    def open(self, contestant, workload):
        capacity, usage = self.load(contestant, workload)
        found = {"value": capacity[COUNTED], "loads": {}, **usage}
        for load in LOADS:
            figures, usage = self.load(contestant, workload, rate=round(capacity[COUNTED] * load / 100))
            found["loads"][str(load)] = {name: figures[name] for name in (COUNTED, "p50_us", "p99_us", "p999_us")}
            found["disturbed"] = max(found["disturbed"], usage["disturbed"])
        return found

    def memory(self, contestant, workload):
        server_cores, client_cores = processes.cores_of(1)
        with processes.server(self.server_command(contestant), server_cores) as (pid, port, _):
            before = processes.resident_kib(pid)
            client = processes.Client(self.client_command(contestant, workload, port, linger=1), client_cores)
            line = client.first_line()
            time.sleep(0.2)
            after = processes.resident_kib(pid)
            client.end(30)
        if COUNTED not in line:
            raise processes.Failed(f"{contestant.client} printed {line!r}")
        more = {name: float(value) for name, value in re.findall(r"(client_\w+)=([0-9.]+)", line)}
        return {"value": (after - before) / workload.shape["connections"], "before_kib": before, "after_kib": after, "disturbed": 0.0, **more}

    def pending(self, contestant, workload):
        found = self.memory(contestant, workload)
        calls = workload.shape["connections"] * workload.shape["in_flight"]
        return {**found, "value": (found["after_kib"] - found["before_kib"]) * 1024 / calls}

    def startup(self, contestant, _):
        times = []
        watch = processes.Watch()
        for _ in range(STARTS):
            with processes.server(self.server_command(contestant), None) as (_, _, took):
                times.append(took * 1000)
        return {"value": statistics.median(times), "times": [round(each, 2) for each in times], "disturbed": watch.usage()["disturbed"]}

    def size(self, contestant, _):
        own, libraries = facts.size_kib(pathlib.Path(self.program(contestant.server)))
        return {"value": own + libraries, "program_kib": own, "libraries_kib": libraries, "disturbed": 0.0}

    def once(self, contestant, workload, number):
        """The attempts of one contestant in one round: one, or two when the first was disturbed."""
        attempts = []
        while True:
            began = time.monotonic()
            found = getattr(self, workload.kind)(contestant, workload)
            calm = found["disturbed"] <= DISTURBED
            attempts.append({"round": number, "contestant": contestant.name, "calm": calm, **found})
            took = time.monotonic() - began
            if calm or len(attempts) == 2 or self.elapsed() + self.left + took > self.limit:
                return attempts

    def elapsed(self):
        return time.monotonic() - self.began


def planned_seconds(workload, seconds, warm_up):
    """For one contestant in one round."""
    one = seconds + warm_up + START_AND_STOP
    if workload.kind == "open":
        one *= 1 + len(LOADS)
    elif workload.kind == "startup":
        one = STARTS * 0.05
    elif workload.kind == "size":
        one = 0.1
    return one


def chosen(rows):
    """Of each round its calm attempt, or the least disturbed one."""
    best = {}
    for row in rows:
        key = row["contestant"], row["round"]
        if key not in best or (not row["calm"], row["disturbed"]) < (not best[key]["calm"], best[key]["disturbed"]):
            best[key] = row
    return best


def calm_or_all(rows):
    calm = [row for row in rows if row["calm"]]
    return (calm, True) if calm else (rows, False)


def median_of(rows):
    """Of every figure the median; of figures within figures likewise."""
    found = {}
    for name, value in rows[0].items():
        values = [row[name] for row in rows]
        if isinstance(value, dict):
            found[name] = median_of(values)
        elif isinstance(value, (int, float)) and not isinstance(value, bool) and name != "round":
            found[name] = statistics.median(values)
    return found


def summarised(workload, rows):
    best = chosen(rows)
    medians = {}
    for contestant in workload.contestants:
        mine = [row for (name, _), row in best.items() if name == contestant.name]
        if mine:
            used, calm = calm_or_all(mine)
            medians[contestant.name] = {**median_of(used), "rounds": len(used), "calm": calm}
    ratios = []
    for above, below, goal in workload.ratios:
        pairs = []
        for (name, number), row in best.items():
            other = best.get((below, number))
            if name == above and other:
                pairs.append({"ratio": row["value"] / other["value"], "calm": row["calm"] and other["calm"]})
        if pairs:
            used, calm = calm_or_all(pairs)
            ratios.append({"of": above, "to": below, "ratio": statistics.median(pair["ratio"] for pair in used), "goal": goal, "rounds": len(used), "calm": calm})
    return {"title": workload.title, "kind": workload.kind, "unit": workload.unit, "better": workload.better, "shape": workload.shape,
            "quiet": all(each["calm"] for each in medians.values()) and all(each["calm"] for each in ratios),
            "medians": medians, "ratios": ratios, "rounds": rows}


def number_text(value):
    return f"{value:,.0f}".replace(",", " ") if value >= 100 else f"{value:.1f}"


def show(name, found):
    star = "" if found["quiet"] else "   * the machine was busy"
    print(f"\n{name}: {found['title']}, {found['unit']}{star}")
    for contestant, median in found["medians"].items():
        mark = " " if median["calm"] else "*"
        line = f"  {contestant:25} {number_text(median['value']):>12}{mark}"
        if "server_us" in median:
            line += f"   server {median['server_us']:.2f} us"
        if found["kind"] == "open":
            line += "".join(f"   {load} %: {number_text(at['p50_us'])} / {number_text(at['p99_us'])} / {number_text(at['p999_us'])}" for load, at in median["loads"].items())
        elif median.get("p50_us"):
            line += f"   p50 {number_text(median['p50_us'])} us, p99 {number_text(median['p99_us'])} us"
        elif "client_bytes" in median:
            line += f"   client {number_text(median['client_bytes'])}"
        elif "libraries_kib" in median:
            line += f"   the program {number_text(median['program_kib'])}"
        print(f"{line}   ({median['rounds']} rounds)" if found["kind"] in ("closed", "open") else line)
    if found["kind"] == "open":
        print("  calls/s that were its capacity; p50 / p99 / p99.9 in us at so much of it")
        for contestant, median in found["medians"].items():
            at = median["loads"]["50"]
            print(f"  {contestant}, p99.9 / p50 at 50 %: {at['p999_us'] / at['p50_us']:.1f}{'' if median['calm'] else '*'}   the goal is at most 10")
    for each in found["ratios"]:
        goal = "" if each["goal"] is None else f"   the goal is {each['goal']}"
        print(f"  {each['of']} / {each['to']}: {each['ratio']:.2f}{'' if each['calm'] else '*'}{goal}")


def arguments():
    known = [each.name for each in WORKLOADS]
    parser = argparse.ArgumentParser(description="the benchmark of tenon", epilog="workloads: " + ", ".join(known))
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("workloads", nargs="*", metavar="workload")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--quick", action="store_true", help="1 round of 0.3 s: whether everything works, no figures")
    parser.add_argument("--list", action="store_true", help="say what the workloads are, and run none")
    given = parser.parse_intermixed_args()
    for name in given.workloads:
        if not fnmatch.filter(known, name):
            parser.error(f"no workload \"{name}\"; there are {', '.join(known)}")
    given.workloads = [each for each in known if any(fnmatch.fnmatch(each, name) for name in given.workloads)]
    return given


def main():
    given = arguments()
    if given.list:
        for each in WORKLOADS:
            print(f"{each.name:18} {each.title}{'' if each.default else ' (only by name)'}")
        return 0
    rounds = given.rounds or (1 if given.quick else 5)
    seconds = given.seconds or (0.3 if given.quick else 0.8)
    workloads = [each for each in WORKLOADS if each.name in given.workloads or (not given.workloads and each.default)]
    whole = not given.workloads and not given.rounds and not given.seconds and not given.quick
    run = Run(given.build.resolve(), rounds, seconds)
    processes.allow_descriptors()
    each_takes = {each.name: planned_seconds(each, seconds, run.warm_up) for each in workloads}
    run.left = sum(each_takes[each.name] * len(each.contestants) * min(each.rounds or rounds, rounds) for each in workloads)
    run.limit = LIMIT if whole else 1.25 * run.left
    cores = processes.CORES
    pins = f"server on core {cores[0]}, client on core {cores[1]}" if len(cores) > 1 else "not pinned: there is one core"
    print(f"{pins}; {rounds} rounds of {seconds} s: about {run.left / 60:.1f} minutes, and up to {(run.limit - run.left) / 60:.1f} more for what others disturb", flush=True)

    skipped = (run.build / "skipped.txt").read_text(encoding="utf-8").splitlines()
    for line in skipped:
        print(f"skipped: {line}")
    rows = {each.name: [] for each in workloads}
    for number in range(1, rounds + 1):
        if whole and run.elapsed() > run.limit:
            print(f"the time was over after {number - 1} rounds: this machine is too busy")
            break
        print(f"round {number}:", end="", flush=True)
        for workload in workloads:
            if number > (workload.rounds or rounds):
                continue
            print(f" {workload.name}", end="", flush=True)
            # Who comes first changes from round to round.
            turn = number % len(workload.contestants)
            for contestant in workload.contestants[turn:] + workload.contestants[:turn]:
                run.left -= each_takes[workload.name]
                missing = run.missing(contestant)
                if missing:
                    skipped += [line for line in [f"{workload.name}, {contestant.name}: no {' and no '.join(missing)}"] if line not in skipped]
                    continue
                try:
                    attempts = run.once(contestant, workload, number)
                except processes.Failed as why:
                    run.failures.append({"workload": workload.name, "contestant": contestant.name, "round": number, "why": str(why)})
                    print(f"\nfailed: {workload.name}, {contestant.name}: {why}", flush=True)
                    continue
                rows[workload.name] += attempts
                print("." if attempts[-1]["calm"] else "*", end="", flush=True)
        print()

    results = {
        "format": 1, "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "took_seconds": round(run.elapsed()),
        "machine": facts.machine(), "versions": facts.versions(run.build, ROOT), "pinned": len(cores) > 1,
        "settings": {"rounds": rounds, "seconds": seconds, "warm_up": run.warm_up, "disturbed_above": DISTURBED}, "skipped": skipped, "failures": run.failures,
        "workloads": {each.name: summarised(each, rows[each.name]) for each in workloads if rows[each.name]},
    }
    results["quiet"] = all(each["quiet"] for each in results["workloads"].values())
    for name, found in results["workloads"].items():
        show(name, found)
    discarded = sum(not row["calm"] for found in rows.values() for row in found)
    print(f"\n{discarded} of {sum(map(len, rows.values()))} measurements were disturbed by other work (more than {DISTURBED:.0%} of a core). Took {results['took_seconds']} s.")
    if not results["quiet"]:
        print("THE MACHINE WAS BUSY: figures with a * are of disturbed measurements, as there was no calm one. Take them again before quoting them.")
    folder = HERE / "charts" if whole else run.build / "charts"
    folder.mkdir(exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    charts.draw(results, folder)
    print(f"results and charts: {folder}")
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main())
