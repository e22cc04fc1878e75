#!/usr/bin/env python3
"""Prints what tenon adds to the compile time of the headers it stands on, and fails above the budget.

usage: compile_time.py <compiler>

Compiles examples/hello.cpp and a file with asio, nlohmann/json and msgpack only, in turns, with -O2 -c; compares the
least processor time of each, because the least is what other work on the machine disturbs least.
"""
import pathlib
import resource
import subprocess
import sys
import tempfile

BUDGET = 1.6
ROUNDS = 3
BASE = "#include <asio.hpp>\n#include <msgpack.hpp>\n#include <nlohmann/json.hpp>\n"


def seconds(compiler, root, source, folder):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [compiler, "-std=c++20", "-O2", "-DMSGPACK_NO_BOOST", f"-I{root}/include", "-c", source, "-o", f"{folder}/object.o"],
        check=False,
    )
    if done.returncode:
        sys.exit(f"{source} does not compile, so there is no time to compare")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    compiler = sys.argv[1] if len(sys.argv) > 1 else "g++"
    root = pathlib.Path(__file__).resolve().parent.parent
    with tempfile.TemporaryDirectory() as folder:
        base = pathlib.Path(folder) / "base.cpp"
        base.write_text(BASE, encoding="utf-8")
        hello = root / "examples/hello.cpp"
        rounds = [(seconds(compiler, root, base, folder), seconds(compiler, root, hello, folder)) for _ in range(ROUNDS)]
    least_base, least_hello = (min(column) for column in zip(*rounds))
    ratio = least_hello / least_base
    print(f"{compiler} -O2 -c: asio + json + msgpack {least_base:.2f} s, hello {least_hello:.2f} s, ratio {ratio:.2f}, budget {BUDGET}")
    return 0 if ratio <= BUDGET else 1


if __name__ == "__main__":
    sys.exit(main())
