"""What machine, compiler and libraries a result belongs to, and how large programs are. For run.py."""
import os
import pathlib
import platform
import re
import shutil
import subprocess
import tempfile

# What every C++ program on a system has anyway.
EVERYBODYS = re.compile(r"/(ld-linux[^/]*|libc|libm|libgcc_s|libstdc\+\+|libpthread|libdl|librt)[-.][^/]*$")


def first_line(*command):
    """The first line of what a program prints; empty where there is no such program."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().split("\n")[0]
    except (OSError, subprocess.CalledProcessError):
        return ""


def of_file(path, pattern):
    try:
        return "\n".join(re.findall(pattern, pathlib.Path(path).read_text(encoding="utf-8"), re.MULTILINE)[:1])
    except OSError:
        return ""


def machine():
    memory = of_file("/proc/meminfo", r"^MemTotal:\s+(\d+) kB")
    return {
        "processor": of_file("/proc/cpuinfo", r"^model name\s*: (.*)$") or platform.processor(),
        "cores": len(os.sched_getaffinity(0)),
        "virtual": "hypervisor" in of_file("/proc/cpuinfo", r"^flags\s*: (.*)$").split(),
        "memory_gib": round(int(memory) / 2**20, 1) if memory else None,
        "kernel": platform.release(),
        "system": of_file("/etc/os-release", r'^PRETTY_NAME="(.*)"$'),
    }


def versions(build, root):
    cache = (build / "CMakeCache.txt").read_text(encoding="utf-8")
    compiler = re.search(r"^CMAKE_CXX_COMPILER:\w+=(.*)$", cache, re.MULTILINE).group(1)
    asio = of_file("/usr/include/asio/version.hpp", r"^#define ASIO_VERSION (\d+)")
    found = {
        "tenon": first_line("git", "-C", str(root), "describe", "--always", "--dirty"),
        "compiler": first_line(compiler, "--version"),
        "flags": "-O3 -DNDEBUG",
        "asio": f"{int(asio) // 100000}.{int(asio) // 100 % 1000}.{int(asio) % 100}" if asio else "",
        "boost": of_file("/usr/include/boost/version.hpp", r'^#define BOOST_LIB_VERSION "(.*)"').replace("_", "."),
        "gRPC": first_line("pkg-config", "--modversion", "grpc++"),
        "protobuf": first_line("pkg-config", "--modversion", "protobuf"),
        "Cap'n Proto": first_line("pkg-config", "--modversion", "capnp-rpc"),
        "nghttp2": first_line("pkg-config", "--modversion", "libnghttp2"),
    }
    return {name: value for name, value in found.items() if value}


def size_kib(program):
    """A stripped copy, and the shared libraries that it brings along."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / program.name
        shutil.copy(program, copy)
        subprocess.run(["strip", str(copy)], check=True)
        own = copy.stat().st_size
    listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout
    libraries = [path for path in re.findall(r"=> (/\S+)", listed) if not EVERYBODYS.search(path)]
    return own / 1024, sum(pathlib.Path(path).resolve().stat().st_size for path in libraries) / 1024
