"""What a profile suggests to change in the model."""

from collections.abc import Iterator, Mapping, Sequence

from host.models.tflite import Graph, Operator
from host.report.formats import percent, plain
from host.verdict.costs import OperatorCost

# What takes less of an inference is not worth a change.
_WORTH = 0.05
_ACTIVATIONS = ("RELU", "RELU6", "LEAKY_RELU", "PRELU", "ELU", "HARD_SWISH", "LOGISTIC", "TANH")


def advice(graph: Graph, costs: Sequence[OperatorCost]) -> tuple[str, ...]:
    """Sentences on operators that a change of the model would save; empty without ticks."""
    shares = {cost.index: cost.share or 0.0 for cost in costs}
    return tuple(
        f"{_titles(operators)} {'take' if len(operators) > 1 else 'takes'} {percent(share)} of an "
        f"inference. {change}"
        for operators, change in _found(graph)
        if (share := sum(shares.get(operator.index, 0.0) for operator in operators)) > _WORTH
    )


def _titles(operators: Sequence[Operator]) -> str:
    return " and ".join(f"{operator.index} {plain(operator.name)}" for operator in operators)


def _found(graph: Graph) -> Iterator[tuple[Sequence[Operator], str]]:
    writers = {tensor: operator for operator in graph.operators for tensor in operator.outputs}
    for operator in graph.operators:
        before = writers.get(operator.inputs[0]) if operator.inputs else None
        if before is not None and _normalizes(graph, before, operator, writers):
            yield (
                (before, operator),
                "They are a batch normalization behind an activation, which cannot be folded "
                "into the layer before it. Put it between the layer and its activation.",
            )
        elif operator.name == "TRANSPOSE":
            yield (
                (operator,),
                "It only moves values. Train with the order of axes that the next layer wants, "
                "channels last.",
            )
        elif operator.name == "QUANTIZE" and not (graph.enters(operator) or graph.leaves(operator)):
            yield (
                (operator,),
                "It only changes the scale between two layers. Ranges that are alike need none: "
                "calibrate with more data, or end both layers with one activation.",
            )


def _normalizes(
    graph: Graph, scale: Operator, shift: Operator, writers: Mapping[int, Operator]
) -> bool:
    """Whether two operators multiply and add constants behind an activation."""
    layer = writers.get(scale.inputs[0]) if scale.inputs else None
    return (
        (scale.name, shift.name) == ("MUL", "ADD")
        and all(_by_constants(graph, operator) for operator in (scale, shift))
        and layer is not None
        and (bool(layer.options.get("fusedActivationFunction")) or layer.name in _ACTIVATIONS)
    )


def _by_constants(graph: Graph, operator: Operator) -> bool:
    return any(graph.tensors[index].data is not None for index in operator.inputs)
