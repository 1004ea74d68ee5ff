"""The JSON schemas of the reports; one may refer to another."""

from __future__ import annotations

import json
from importlib.resources import files

import jsonschema
from referencing import Registry, Resource


def validate(name: str, value: object) -> None:
    """See that a report fits a schema of host/report; and that the schema is one."""
    registry: Registry[object] = Registry()
    for path in files("host.report").iterdir():
        if path.name.endswith("schema.json"):
            content = json.loads(path.read_text("utf-8"))
            registry = registry.with_resource(path.name, Resource.from_contents(content))
    schema = json.loads(files("host.report").joinpath(name).read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema, registry=registry).validate(value)
