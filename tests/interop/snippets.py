"""Runs the readme's calls from other languages against a server of the readme's market, and compares what they print with what the readme says.
usage: snippets.py README curl|python|javascript|go HOST:PORT"""
import pathlib
import re
import subprocess
import sys
import tempfile

readme, language, address = sys.argv[1:]
text = pathlib.Path(readme).read_text()
failed = 0


def check(name, command, expected, **options):
    global failed
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=100, **options)
        found = ran.stdout.strip() or ran.stderr.strip()
    except subprocess.TimeoutExpired:
        found = "nothing within 100 s"
    if found == expected:
        print(f"ok {name}")
    else:
        failed += 1
        print(f"FAIL {name}: expected {expected!r}, found {found[:300]!r}")


def here(code):
    return code.replace("127.0.0.1:9000", address)


cases = 0
if language == "curl":
    # A line `$ curl ...`, and below it what it prints.
    for block in re.findall(r"```sh\n(.*?)```", text, re.S):
        for command, expected in re.findall(r"^\$ (curl .*)\n((?:[^$\n].*\n)+)", block, re.M):
            cases += 1
            check(f"curl, {cases}", ["sh", "-c", here(command).replace("curl ", "curl -sS --max-time 10 ", 1)], expected.strip())
else:
    for code in re.findall(rf"```{language}\n(.*?)```", text, re.S):
        cases += 1
        expected = re.findall(r"(?:#|//) prints (.*)", code)
        with tempfile.TemporaryDirectory() as folder:
            if language == "python":
                command, name, body = [sys.executable, "main.py"], "main.py", code
            elif language == "javascript":
                command, name, body = ["node", "main.mjs"], "main.mjs", code
            else:
                packages = {"http.": "net/http", "json.": "encoding/json", "strings.": "strings", "fmt.": "fmt", "log.": "log"}
                imports = "".join(f'"{path}"\n' for use, path in packages.items() if use in code)
                command, name, body = ["go", "run", "main.go"], "main.go", f"package main\nimport (\n{imports})\nfunc main() {{\n{code}}}\n"
            (pathlib.Path(folder) / name).write_text(here(body))
            check(f"{language}, {cases}", command, "\n".join(expected), cwd=folder)
if cases == 0:
    failed += 1
    print(f"FAIL {language}: the readme has no such lines")
sys.exit(failed != 0)
