#!/usr/bin/env python3
"""Holds what a call costs against what is recorded in guards.json: instructions, system calls and allocations, of the server and of the client.

One connection with 64 calls under way is where instructions are counted. 64 connections with 16 each, of 581 bytes, are w3 of the benchmark, where system calls tell: there
by epoll, which asio takes, and by io_uring, which TENON_IO_URING takes.

usage: guards.py [--record]      $CXX is the compiler (g++), binaries go to $TENON_BUILD_DIR (build), in bench/

Fails when a figure has risen by more than 3 %, and says which. Time is not looked at: it is no figure that repeats. Instructions hang on the compiler and
on the libraries' versions, so that elsewhere than with g++ 12 on x86-64 there is nothing to compare with; that is said as a line `skipped: ...`.
--record writes what was measured into guards.json; do that in the commit that changes a figure, and say there why.
"""
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RECORDED = HERE / "guards.json"
TOLERANCE = 0.03
# Below this a rise is rounding: a buffer that grew once in all calls.
SLACK = 0.002
ONE = ("1", "64")
MANY = ("64", "16")
IO_URING = ("-DASIO_HAS_IO_URING", "-DASIO_DISABLE_EPOLL", "-luring", "-ldl")


class Workload:
    def __init__(self, program, what, shape=ONE, size=(), options=(), counts_instructions=True):
        self.program, self.what, self.shape, self.size, self.options, self.counts_instructions = program, what, shape, size, options, counts_instructions


WORKLOADS = {
    "echo": Workload("guards", "echo"),
    "msgpack": Workload("guards", "msgpack"),
    "json": Workload("guards", "json"),
    "protobuf": Workload("guards", "protobuf"),
    "jsonrpc": Workload("guards_jsonrpc", "jsonrpc"),
    "w3": Workload("guards", "echo", MANY, ("581",), counts_instructions=False),
    "w3, io_uring": Workload("guards", "echo", MANY, ("581",), IO_URING, counts_instructions=False),
}


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def built(compiler, name, options):
    folder = pathlib.Path(os.environ.get("TENON_BUILD_DIR", ROOT / "build")) / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / (name + ("_io_uring" if options else ""))
    run(compiler, "-std=c++20", "-O3", "-DNDEBUG", "-DMSGPACK_NO_BOOST", f"-I{ROOT}/include", HERE / f"{name}.cpp", "-o", program, "-pthread", *options)
    return program


def has_io_uring(compiler):
    """Whether liburing is installed and the kernel lets it work."""
    folder = pathlib.Path(os.environ.get("TENON_BUILD_DIR", ROOT / "build")) / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "has_io_uring.cpp"
    source.write_text("#include <liburing.h>\nint main() { io_uring ring; return io_uring_queue_init(16384, &ring, 0) < 0; }\n", encoding="utf-8")
    program = folder / "has_io_uring"
    made = subprocess.run([compiler, source, "-o", program, "-luring"], capture_output=True, check=False).returncode == 0
    return made and subprocess.run([program], check=False).returncode == 0


def counted(program, workload):
    """Allocations and system calls per call."""
    pairs = re.findall(r"(\w+)=([0-9.]+)", run(program, workload.what, *workload.shape, "20000", *workload.size))
    return {name: float(value) for name, value in pairs if name != "calls"}


def instructions(program, workload):
    """Instructions per call of each side's turns, the C library's included."""
    out = program.parent / "guards.callgrind"
    printed = run("valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--toggle-collect=*server_turn*", "--toggle-collect=*client_turn*",
                  program, workload.what, *workload.shape, "3000", *workload.size)
    calls = int(re.search(r"calls=(\d+)", printed).group(1))
    table = run("callgrind_annotate", "--inclusive=yes", "--threshold=100", out)
    figures = {}
    for side in ("server", "client"):
        line = re.search(rf"^\s*([0-9,]+) .*\b{side}_turn\(", table, re.MULTILINE)
        figures[f"{side}_instructions"] = round(int(line.group(1).replace(",", "")) / calls)
    return figures


def main():
    compiler = os.environ.get("CXX", "g++")
    version = run(compiler, "-dumpversion").strip()
    if not shutil.which("valgrind"):
        print("skipped: instructions, system calls and allocations per call (no valgrind here)")
        return 0
    if version.split(".")[0] != "12" or "clang" in compiler or platform.machine() != "x86_64":
        print(f"skipped: instructions, system calls and allocations per call (recorded for g++ 12 on x86_64, this is {compiler} {version} on {platform.machine()})")
        return 0
    wanted = dict(WORKLOADS)
    if not has_io_uring(compiler):
        print("skipped: system calls per call by io_uring (no liburing here, or a kernel that does not let it work)")
        wanted = {name: workload for name, workload in wanted.items() if workload.options != IO_URING}
    programs = {key: built(compiler, *key) for key in sorted({(each.program, each.options) for each in wanted.values()})}
    measured = {}
    for name, workload in wanted.items():
        program = programs[workload.program, workload.options]
        measured[name] = counted(program, workload) | (instructions(program, workload) if workload.counts_instructions else {})
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    if "--record" in sys.argv:
        recorded |= measured
        RECORDED.write_text(json.dumps(recorded, indent=2) + "\n", encoding="utf-8")
    risen = 0
    print("per call: recorded, now")
    for workload, figures in measured.items():
        for name, now in figures.items():
            before = recorded[workload][name]
            mark = ""
            if now > before * (1 + TOLERANCE) + SLACK:
                mark = "  RISEN"
                risen += 1
            elif now < before * (1 - TOLERANCE) - SLACK:
                mark = "  fallen: record it"
            print(f"  {workload:13} {name:20} {before:10g} {now:10g}{mark}")
    if risen:
        print(f"{risen} figures have risen by more than {TOLERANCE:.0%}")
    return 1 if risen else 0


if __name__ == "__main__":
    sys.exit(main())
