#!/usr/bin/env python3
"""Compares what an example prints with the `// prints:` lines at the end of its source.

usage: check_prints.py <source> <executable>
       check_prints.py <client source> <client> --server <server source> <server>
           starts the server on a port it picks itself, gives the client its address, and closes the server's stdin
       check_prints.py --readme <README.md> <source>
           compares the first ```cpp block of the README with the source up to its `// prints:` lines

In the source, after a line `// prints:`, each line `// text` is one line of output; `...` stands for any text in a line.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import threading

SECONDS = 20


def source_parts(path):
    """The program, and the lines it says it prints."""
    lines = path.read_text(encoding="utf-8").splitlines()
    marks = [number for number, line in enumerate(lines) if line.strip() == "// prints:"]
    if not marks:
        sys.exit(f"{path.name}: there is no line `// prints:`; end the file with it and the lines of the output behind `// `")
    expected = []
    for line in lines[marks[-1] + 1:]:
        if not line.startswith("//"):
            sys.exit(f"{path.name}: after `// prints:` only lines that begin with `//` may follow, found: {line}")
        expected.append(line[2:].removeprefix(" ").rstrip())
    return lines[:marks[-1]], expected


def compare(name, expected, printed):
    printed = [line.rstrip() for line in printed]
    patterns = [".*".join(map(re.escape, line.split("..."))) for line in expected]
    if len(patterns) == len(printed) and all(map(re.fullmatch, patterns, printed)):
        print(f"{name} prints what it says")
        return True
    print(f"{name} prints something else than the `// prints:` lines at its end.\n-- expected")
    print("\n".join(expected))
    print("-- printed")
    print("\n".join(printed))
    return False


def run(source, command):
    _, expected = source_parts(source)
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=SECONDS, text=True, check=False)
    except subprocess.TimeoutExpired:
        print(f"{source.name} did not end within {SECONDS} seconds")
        return False
    agrees = compare(source.name, expected, done.stdout.splitlines())
    if done.returncode:
        print(f"{source.name} ended with {done.returncode}")
    return agrees and done.returncode == 0


def run_pair(client_source, client, server_source, server):
    _, expected = source_parts(server_source)
    with subprocess.Popen([server, "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        guard = threading.Timer(2 * SECONDS, process.kill)
        guard.start()
        first = process.stdout.readline()
        found = re.search(r"listening on (\S+)", first)
        if found:
            agrees = run(client_source, [client, found[1]])
        else:
            agrees = False
            print(f"{server_source.name} should first print `listening on <url>`, it prints: {first.rstrip()}")
        # The end of its stdin asks the server to stop; what it prints after that counts as well.
        process.stdin.close()
        rest = process.stdout.read()
        process.wait()
        guard.cancel()
    if process.returncode:
        how = f"ended with {process.returncode}" if process.returncode > 0 else "had to be killed: it goes on after the end of its stdin"
        print(f"{server_source.name} {how}")
    return compare(server_source.name, expected, [first, *rest.splitlines()]) and agrees and process.returncode == 0


def compare_readme(readme, source):
    block = re.search(r"^```cpp\n(.*?)^```", readme.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    if not block:
        print(f"{readme.name} has no ```cpp block; the first one must be {source.name}")
        return False
    program, _ = source_parts(source)
    shown = block[1].rstrip().splitlines()
    program = "\n".join(program).rstrip().splitlines()
    if shown == program:
        print(f"the program of {readme.name} is {source.name}")
        return True
    for number, (left, right) in enumerate(zip(shown + [""] * len(program), program + [""] * len(shown)), 1):
        if left != right:
            print(f"the first program of {readme.name} differs from {source.name} in line {number}:\n  {left}\n  {right}")
            break
    return False


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("executable")
    parser.add_argument("--server", nargs=2)
    parser.add_argument("--readme", action="store_true")
    options = parser.parse_args()
    for program in [options.executable, *(options.server or [])]:
        if not pathlib.Path(program).is_file():
            sys.exit(f"{program} does not exist: was it built?")
    if options.readme:
        good = compare_readme(options.source, pathlib.Path(options.executable))
    elif options.server:
        good = run_pair(options.source, options.executable, pathlib.Path(options.server[0]), options.server[1])
    else:
        good = run(options.source, [options.executable])
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
