"""A report's files: the JSON document, its page, and what else a command writes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, computed_field, field_validator
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from host.base.arrays import Array
from host.base.files import replacing, write_text

# Every command's files have these names, in a folder of its own.
DOCUMENT = "report.json"
PAGE = "report.html"
# A text, the bytes of a file, or arrays for an .npz.
Content: TypeAlias = str | bytes | Mapping[str, Array]


if TYPE_CHECKING:
    derived = property
else:

    def derived(getter):
        """A property that is a key in documents as fields are; its docstring describes it."""
        return computed_field(property(getter))


class Part(BaseModel):
    """An object in a document. A string below a field describes it in the schema.

    Fields may be frozen dataclasses: their fields and ``derived`` properties are keys, described
    likewise.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", from_attributes=True, use_attribute_docstrings=True
    )

    @classmethod
    def of(cls, *sources: object, **more: Any) -> Self:
        """With what the sources have under the names of its fields: the first that has one."""
        names = cls.model_fields
        taken = {n: getattr(s, n) for s in reversed(sources) for n in names if hasattr(s, n)}
        return cls(**{**taken, **more})


class Document(Part):
    """What every command's report.json holds and ``--json`` prints.

    A number that could not be computed is null: NaN and infinities have no form in JSON.
    """

    schema_version: int
    """Version of this schema; grows when a key changes its meaning or goes."""
    created: str = Field(
        default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"),
        json_schema_extra={"format": "date-time"},
    )
    """When the report was made, ISO 8601 with the offset from UTC."""
    command: str
    """The command that reproduces the run."""
    notes: tuple[str, ...]
    """What a reader must know, in whole sentences; each once."""

    @field_validator("notes")
    @classmethod
    def _once(cls, notes: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(notes))

    def values(self) -> dict[str, Any]:
        """The document as JSON's own types, for a page or for ``json.dumps``."""
        return {key: jsonable(value) for key, value in self.model_dump().items()}

    @classmethod
    def schema_text(cls) -> str:
        """The JSON schema of such documents, as the text of a file."""
        schema = cls.model_json_schema(mode="serialization", schema_generator=_Schema)
        dialect = {"$schema": _Schema.schema_dialect}
        return json.dumps({**dialect, **schema}, indent=2, ensure_ascii=False) + "\n"


class _Schema(GenerateJsonSchema):
    """Any float may be null, and titles that repeat a key say nothing."""

    def float_schema(self, schema: Any) -> JsonSchemaValue:
        return {**super().float_schema(schema), "type": ["number", "null"]}

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def write_report(folder: Path, document: Document, others: Mapping[str, Content]) -> None:
    """Write a command's files, the document last: where it is there, the report is complete.

    Args:
        folder: where; each file is there whole or not at all.
        document: its text is what ``--json`` prints.
        others: the page and other files by name, in the order in which they are written.

    Raises:
        MachineError: the folder cannot be written to.
    """
    for name, content in others.items():
        if isinstance(content, str):
            write_text(folder / name, content)
            continue
        with replacing(folder / name) as file:
            if isinstance(content, bytes):
                file.write(content)
            else:
                np.savez_compressed(file, allow_pickle=False, **content)
    text = json.dumps(document.values(), indent=2, allow_nan=False)
    write_text(folder / DOCUMENT, text + "\n")


def jsonable(value: Any) -> Any:
    """Plain Python values of a nested value; NaN and infinities become None."""
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.generic | np.ndarray):
        return jsonable(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return value
