#!/usr/bin/env python3
"""Prints what a hello server costs to compile, against the headers tenon stands on, and fails when that has grown.

usage: compile_time.py <compiler>

Compiles, in turns and with -O2 -c: a file with asio, nlohmann/json and msgpack only; a hello server, header-only and as
tenon::compiled has it; examples/hello.cpp, which is a server and its client, both ways. Compares the least processor time of each,
because the least is what other work on the machine disturbs least; the ratio still differs by a tenth from one machine, and
one run, to the next. The goal is a ratio of 1.6 for the hello server, which tenon::compiled reaches; ALLOWED and
ALLOWED_COMPILED are what has been reached, and that much room: beyond them something has been added that costs.
"""
import pathlib
import resource
import subprocess
import sys
import tempfile

GOAL = 1.6
ALLOWED = 3.2
ALLOWED_COMPILED = 1.7
ROUNDS = 3
BASE = "#include <asio.hpp>\n#include <msgpack.hpp>\n#include <nlohmann/json.hpp>\n"
HELLO_SERVER = """#include <tenon.hpp>

struct hello {
  std::string greet(std::string name) { return "hello, " + name; }
  TENON_SERVICE(hello, greet)
};

int main() {
  tenon::server server;
  server.serve(hello{});
  server.listen("tcp://127.0.0.1:9000");
  server.run();
}
"""


def seconds(compiler, root, source, folder, *options):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [compiler, "-std=c++20", "-O2", "-DMSGPACK_NO_BOOST", f"-I{root}/include", *options, "-c", source, "-o", f"{folder}/object.o"],
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
        server = pathlib.Path(folder) / "hello_server.cpp"
        server.write_text(HELLO_SERVER, encoding="utf-8")
        both = root / "examples/hello.cpp"
        separate = "-DTENON_SEPARATE_COMPILATION"
        work = [(base,), (server,), (server, separate), (both,), (both, separate)]
        rounds = [[seconds(compiler, root, source, folder, *options) for source, *options in work] for _ in range(ROUNDS)]
    least_base, least_server, least_compiled, least_both, least_both_compiled = (min(column) for column in zip(*rounds))
    ratio = least_server / least_base
    compiled = least_compiled / least_base
    print(f"{compiler} -O2 -c: asio + json + msgpack headers {least_base:.2f} s")
    print(f"hello server {least_server:.2f} s, ratio {ratio:.2f} (goal {GOAL}, allowed {ALLOWED})")
    print(f"hello server with tenon::compiled {least_compiled:.2f} s, ratio {compiled:.2f} (goal {GOAL}, allowed {ALLOWED_COMPILED})")
    print(f"hello server and client {least_both:.2f} s, ratio {least_both / least_base:.2f}; with tenon::compiled {least_both_compiled:.2f} s, ratio {least_both_compiled / least_base:.2f}")
    return 0 if ratio <= ALLOWED and compiled <= ALLOWED_COMPILED else 1


if __name__ == "__main__":
    sys.exit(main())
