"""Which of a model's tensors a user means, and whether the device computes it."""

import difflib
from collections.abc import Sequence

from host.base.errors import ConfigError
from host.firmware.rendered import ExecutedOperator
from host.models.tflite import Graph

_LISTED = 6
_TABLE = "Without --tensor, `trace` lists all that the device computes."


def find_output(graph: Graph, operators: Sequence[ExecutedOperator], wanted: str) -> int:
    """The position in ``operators`` of the tensor that is called ``wanted``.

    An exact name takes precedence over an index, so that a tensor called "7" can be named.

    Raises:
        ConfigError: there is no such tensor, there are several, or the device does not compute it.
    """
    index = _index(graph, wanted)
    for position, output in enumerate(operators):
        if output.tensor == index:
            return position
    tensor = graph.tensors[index]
    what = f"tensor {index} ({tensor.name!r})"
    if index in graph.inputs:
        raise ConfigError(f"{what} is an input of the model: it is what the host sends", _TABLE)
    if tensor.data is not None:
        raise ConfigError(f"{what} is a constant of the model: nothing computes it", _TABLE)
    writer = next((o for o in graph.operators if index in o.outputs), None)
    if writer is None:
        raise ConfigError(f"{what} is not written by any operator", _TABLE)
    raise ConfigError(
        f"{what} is not computed on the device: the engine has folded operator {writer.index} "
        f"{writer.name} into another, or laid its output over another tensor",
        _TABLE,
    )


def _index(graph: Graph, wanted: str) -> int:
    named = [tensor.index for tensor in graph.tensors if tensor.name == wanted]
    if len(named) > 1:
        raise ConfigError(
            f"{len(named)} tensors are called {wanted!r}",
            f"Give one's index: {', '.join(map(str, named))}.",
        )
    if named:
        return named[0]
    count = len(graph.tensors)
    if wanted.isascii() and wanted.isdigit():
        if int(wanted) < count:
            return int(wanted)
        raise ConfigError(f"there is no tensor {wanted}: the model has {count}", _TABLE)
    names = sorted({tensor.name for tensor in graph.tensors if tensor.name})
    near = difflib.get_close_matches(wanted, names, _LISTED, cutoff=0.4)
    near += [name for name in names if wanted and wanted in name and name not in near]
    listed = ", ".join(map(repr, near[:_LISTED]))
    raise ConfigError(
        f"the model has no tensor {wanted!r}", f"Similar names: {listed}." if near else _TABLE
    )
