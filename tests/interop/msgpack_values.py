#!/usr/bin/env python3
"""Random values between Python's msgpack and tenon's: what Python packs tenon reads and packs again, and Python unpacks the same.

usage: msgpack_values.py PROGRAM   where PROGRAM is tests/interop/msgpack_values.cpp, built
"""
import datetime
import random
import subprocess
import sys

import msgpack

FIELDS = ["flag", "tiny", "medium", "huge", "unsigned_huge", "real", "text", "data", "maybe", "numbers", "by_name", "by_number", "points", "one", "both", "either", "when"]
UTC = datetime.timezone.utc


def integer(dice, bits, signed):
    value = dice.getrandbits(dice.randint(0, bits - (1 if signed else 0)))
    return -value - 1 if signed and dice.random() < 0.5 else value


def text(dice):
    return "".join(dice.choice("abcé語\U0001f600") for _ in range(dice.choice([0, 1, 5, 31, 32, 90, 300])))


def point(dice, style):
    x, y = integer(dice, 32, True), integer(dice, 32, True)
    return {"positional": [x, y], "numbered": {1: x, 2: y}, "named": {"x": x, "y": y}}[style]


def sample(dice, style):
    values = [
        dice.random() < 0.5,
        integer(dice, 8, True),
        integer(dice, 16, False),
        integer(dice, 64, True),
        integer(dice, 64, False),
        dice.uniform(-1e9, 1e9),
        text(dice),
        dice.randbytes(dice.choice([0, 3, 255, 256, 70000])),
        dice.choice([None, text(dice)]),
        [integer(dice, 64, True) for _ in range(dice.choice([0, 3, 20]))],
        {text(dice): dice.random() for _ in range(dice.randint(0, 20))},
        {integer(dice, 32, True): text(dice) for _ in range(dice.randint(0, 5))},
        [point(dice, style) for _ in range(dice.randint(0, 20))],
        point(dice, style),
        [integer(dice, 32, True), text(dice), point(dice, style)],
        dice.choice([integer(dice, 64, True), text(dice), [True, False, True]]),
        datetime.datetime.fromtimestamp(integer(dice, 33, True), UTC) + datetime.timedelta(microseconds=dice.choice([0, 1, 999999])),
    ]
    if style == "positional":
        return values
    keys = FIELDS if style == "named" else range(1, len(FIELDS) + 1)
    return dict(zip(keys, values))


def main():
    dice = random.Random(20261120)
    program = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(style, packed):
        program.stdin.write(f"{style} {packed.hex()}\n")
        program.stdin.flush()
        line = program.stdout.readline().strip()
        if line.startswith("error"):
            return line
        return msgpack.unpackb(bytes.fromhex(line), timestamp=3, strict_map_key=False)

    failed = 0
    for style in ["named", "positional", "numbered"]:
        wrong = None
        for _ in range(1000):
            value = sample(dice, style)
            found = ask(style, msgpack.packb(value, datetime=True))
            if found != value:
                wrong = wrong or (value, found)
        print(f"FAIL {style}: sent {wrong[0]!r:.300}, found {wrong[1]!r:.300}" if wrong else f"ok 1000 values, {style}")
        failed += wrong is not None

    # Writers older than the format's bin know only raw: text and binary alike.
    value = sample(dice, "named")
    value["data"] = b"raw"
    old = {key.encode(): each for key, each in value.items() if key != "when"}
    found = ask("named", msgpack.packb(old, use_bin_type=False))
    same = isinstance(found, dict) and all(found[key] == each for key, each in value.items() if key != "when")
    print("ok old raw strings" if same else f"FAIL old raw strings: found {found!r:.300}")
    failed += not same

    found = ask("named", msgpack.packb({"points": [{"x": 1}, {"y": "two"}]}))
    expected = 'error field "points[1].y": expected integer, found string at byte'
    good = isinstance(found, str) and found.startswith(expected)
    print("ok an error names the path" if good else f"FAIL an error names the path: found {found!r:.300}")
    failed += not good

    program.stdin.close()
    program.wait()
    return 1 if failed or program.returncode else 0


sys.exit(main())
