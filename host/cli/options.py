"""Options of the command line, from the fields of the values that the commands take."""

import functools
import inspect
import shlex
import sys
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from typing import Annotated, Any, TypeAlias, get_origin, get_type_hints

import typer

Json: TypeAlias = Annotated[
    bool, typer.Option("--json", help="One JSON object on stdout, nothing else.")
]

Open: TypeAlias = Annotated[
    bool, typer.Option("--open", help="Open the report in a browser when it is written.")
]


def with_options(function: Callable[..., None]) -> Callable[..., None]:
    """A command for typer, from a function some of whose parameters are dataclasses.

    Each of their fields with an ``Annotated`` type is an option (or argument) of the command; a
    field ``command`` gets the command line itself. Where there are several, the parameter's
    name is the options' heading in ``--help``. The function's other parameters stay as they are.
    """
    hints = get_type_hints(function, include_extras=True)
    several = sum(is_dataclass(hint) for hint in hints.values()) > 1
    flat: list[inspect.Parameter] = []
    parts: dict[str, tuple[type, list[str]]] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if not is_dataclass(hints[name]):
            flat.append(parameter.replace(annotation=hints[name], kind=parameter.KEYWORD_ONLY))
            continue
        part: type = hints[name]
        options = _options(part, name.capitalize() if several else None)
        flat += options
        parts[name] = part, [option.name for option in options]

    @functools.wraps(function)
    def command(**values: Any) -> None:
        for name, (part, names) in parts.items():
            chosen = {option: values.pop(option) for option in names}
            if any(field.name == "command" for field in fields(part)):
                chosen["command"] = shlex.join(["python", "-m", "host", *sys.argv[1:]])
            values[name] = part(**chosen)
        function(**values)

    command.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in flat}
    return command


def _options(part: type, heading: str | None) -> list[inspect.Parameter]:
    hints = get_type_hints(part, include_extras=True)
    options = []
    for field in fields(part):
        hint = hints[field.name]
        if get_origin(hint) is not Annotated:
            continue
        hint.__metadata__[0].rich_help_panel = heading
        default = inspect.Parameter.empty if field.default is MISSING else field.default
        kind = inspect.Parameter.KEYWORD_ONLY
        options.append(inspect.Parameter(field.name, kind, default=default, annotation=hint))
    return options
