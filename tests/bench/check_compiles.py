#!/usr/bin/env python3
"""Whether every program of tests/bench still compiles: nobody else builds them in a test run. usage: python3 tests/bench/check_compiles.py [compiler]

Only the syntax is checked, warnings are errors. What needs the code of a generator or a library that is missing is named as skipped.
"""
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FOREIGN = ("grpcpp/", "google/", "kj/", "capnp/", "codec.pb.h", "bench.grpc.pb.h", "bench.pb.h", "bench.capnp.h")
FLAGS = ["-std=c++20", "-fsyntax-only", "-O0", "-Wall", "-Wextra", "-Werror", "-DMSGPACK_NO_BOOST"]
# The header of generated code, who generates it, and how.
GENERATED = (
    ("codec.pb.h", ("protoc",), ["protoc", "-I", str(HERE), "--cpp_out={folder}", str(HERE / "codec.proto")]),
    ("bench.grpc.pb.h", ("protoc", "grpc_cpp_plugin"), ["protoc", "-I", str(HERE / "peers"), "-I", str(HERE), "--cpp_out={folder}", "--grpc_out={folder}", "--plugin=protoc-gen-grpc={grpc_cpp_plugin}",
                                                      str(HERE / "peers" / "bench.proto")]),
    ("bench.capnp.h", ("capnp",), ["capnp", "compile", "-oc++:{folder}", f"--src-prefix={HERE / 'peers'}", str(HERE / "peers" / "bench.capnp")]),
)


def generate(folder):
    for _, programs, command in GENERATED:
        if all(shutil.which(program) for program in programs):
            subprocess.run([part.format(folder=folder, grpc_cpp_plugin=shutil.which("grpc_cpp_plugin")) for part in command], check=True)


def checked(compiler, folder, source):
    """What is wrong, and whether it could not be checked."""
    include = ["-I", str(ROOT / "include"), "-I", str(ROOT / "tests"), "-I", str(HERE), "-isystem", str(folder)]
    # First the preprocessor alone: it says at once which header cannot be had.
    found = subprocess.run([compiler, *FLAGS[:1], "-E", "-o", os.devnull, *include, str(source)], capture_output=True, text=True)
    missing = [line for line in found.stderr.splitlines() if "No such file" in line or "file not found" in line]
    if missing:
        return missing[0], any(f"error: {name}" in missing[0] or f"error: '{name}" in missing[0] for name in FOREIGN)
    return subprocess.run([compiler, *FLAGS, *include, str(source)], capture_output=True, text=True).stderr, False


def main():
    compiler = sys.argv[1] if len(sys.argv) > 1 else "g++"
    sources = sorted(HERE.rglob("*.cpp"))
    failed = skipped = 0
    with tempfile.TemporaryDirectory() as name, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
        folder = pathlib.Path(name)
        generate(folder)
        for source, (text, is_skipped) in zip(sources, workers.map(lambda each: checked(compiler, folder, each), sources)):
            where = source.relative_to(ROOT)
            if is_skipped:
                skipped += 1
                print(f"skipped: {where}: {text}")
            elif text:
                failed += 1
                print(f"failed: {where}\n{text}")
    print(f"{len(sources)} programs of tests/bench: {len(sources) - failed - skipped} compile, {failed} do not, {skipped} could not be tried")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
