"""The OpenAPI document of a running tenon server, judged by openapi-spec-validator; each of its schemas by JSON Schema's own.
usage: openapi.py URL"""
import json
import sys
import urllib.request

from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

document = json.load(urllib.request.urlopen(sys.argv[1], timeout=10))
failed = 0


def check(name, errors):
    global failed
    errors = list(errors)
    if not errors:
        print(f"ok {name}")
        return
    failed += 1
    for error in errors:
        print(f"FAIL {name}: {error.message[:200]} at {'/'.join(map(str, error.absolute_path))}")


check("the document is OpenAPI 3.1", OpenAPIV31SpecValidator(document).iter_errors())
check("it has paths", [] if len(document["paths"]) > 4 else [ValueError("too few")])
for name, schema in document["components"]["schemas"].items():
    check(f"schema {name}", Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(schema))
sys.exit(failed != 0)
