#!/usr/bin/env python3
"""Validates schemas that tenon made, and values against them.

usage: json_schema.py <file of cases>

A case is an object with a schema, values that it must accept (good) and values that it must refuse (bad).
"""
import json
import sys

import jsonschema

CLASS = jsonschema.Draft202012Validator


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        cases = json.load(file)
    failures = 0
    for case in cases:
        schema = case["schema"]
        name = schema.get("title") or schema.get("$ref") or schema.get("type")
        CLASS.check_schema(schema)
        # Every definition is a schema by itself, and what it refers to exists.
        for key in schema["$defs"]:
            CLASS({"$ref": "#/$defs/" + key, "$defs": schema["$defs"]}).is_valid({})
        validator = CLASS(schema, format_checker=CLASS.FORMAT_CHECKER)
        wrong = [error.message for value in case["good"] for error in validator.iter_errors(value)]
        wrong += [f"accepts {json.dumps(value)[:80]}" for value in case["bad"] if validator.is_valid(value)]
        for sentence in wrong:
            print(f"FAIL json schema of {name}: {sentence}")
        if not wrong:
            print(f"ok json schema of {name}: {len(case['good'])} accepted, {len(case['bad'])} refused")
        failures += len(wrong)
    return 1 if failures or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
