"""From a graph to calls of kernels, or a refusal that names what cannot be run."""

from host.base.errors import OperatorError
from host.engines.aot.core.ir import Lowered
from host.engines.aot.core.operator_context import INT8_HINT, RefusalError, require
from host.engines.aot.core.quantization import LIMITS
from host.engines.aot.fold import fold
from host.engines.aot.operators import LOWERINGS
from host.models.tflite import Graph, Operator

MAX_RANK = 6  # kMaxRank of model.h, which is that of the wire
# What inputs and outputs can be; the wire knows no others.
END_TYPES = ("int8", "uint8", "int16", "int32", "float32")

# What to do instead, where there is something better to say than which operators there are.
_CONTROL_FLOW = (
    "Control flow does not run on the device. Make the model's shapes static, batch 1, and unroll "
    "loops (unroll=True in Keras's recurrent layers)."
)
_REMEDIES = {
    name: remedy
    for remedy, names in {
        _CONTROL_FLOW: "IF WHILE",
        "Use HARD_SWISH, LEAKY_RELU, RELU6, LOGISTIC or TANH in its place.": (
            "ELU ERF EXP GELU LOG RELU_0_TO_1 RELU_N1_TO_1"
        ),
        "Do it before the model or after it, where the data set or the outputs are read.": (
            "CAST EMBEDDING_LOOKUP L2_NORMALIZATION TOPK_V2"
        ),
        "It is one half of a dilated convolution that the converter could not fuse: give the "
        "model a fixed batch size, and pad before the convolution, not inside it.": (
            "BATCH_TO_SPACE_ND SPACE_TO_BATCH_ND"
        ),
        "Freeze the model's variables before the conversion.": "CALL_ONCE VAR_HANDLE",
        "Multiply by the reciprocal, where the divisor is constant.": "DIV",
        "Use SLICE, STRIDED_SLICE or SPLIT, where the indices are constant.": "GATHER",
        "Use SOFTMAX; its largest output is at the same place.": "LOG_SOFTMAX",
        "Use MUL, for a square.": "POW",
        "Use MUL of the tensor with itself.": "SQUARE",
    }.items()
    for name in names.split()
}


def lower(graph: Graph) -> tuple[Lowered, ...]:
    """Lower what ``fold`` leaves, in the order of the file, which is that of execution.

    Raises:
        OperatorError: what the kernels cannot do; names the operator, its index and its output
            tensor. Also a model with several subgraphs.
    """
    if graph.subgraphs != 1:
        raise OperatorError(
            f"the model has {graph.subgraphs} subgraphs; engine aot runs one", _CONTROL_FLOW
        )
    graph = fold(graph)
    written = set(graph.inputs)
    lowered = []
    for operator in graph.operators:
        try:
            step = _lower(graph, operator, written)
        except ValueError as error:  # mostly RefusalError, which may have a hint
            hint = getattr(error, "hint", None)
            raise OperatorError(f"{graph.describe(operator)} {error}", hint) from error
        written.update(step.outputs)
        lowered.append(step)
    _check_ends(graph, written)
    return tuple(lowered)


def _lower(graph: Graph, operator: Operator, written: set[int]) -> Lowered:
    if operator.name not in LOWERINGS:
        reason = "is not among the operators of engine aot"
        raise RefusalError(reason, _remedy(graph, operator))
    step = LOWERINGS[operator.name].lower(graph, operator)
    for tensor in (graph.tensors[index] for index in step.inputs):
        ready = tensor.index in written
        require(ready, f"reads {tensor.name!r} before any operator writes it")
    for tensor in (graph.tensors[index] for index in step.outputs):
        fresh = tensor.index not in written and tensor.data is None
        require(fresh, "writes a tensor that already has a value")
    return step


def _remedy(graph: Graph, operator: Operator) -> str:
    """What may help where the engine does not have the operator."""
    name = operator.name
    choice = f"Engine aot has {', '.join(sorted(LOWERINGS))}; another engine may have more."
    if name.startswith("CUSTOM"):
        return f"Convert the model without custom operators. {choice}"
    if name in _REMEDIES:
        return f"{_REMEDIES[name]} {choice}"
    tensors = {*operator.inputs, *operator.outputs} - {-1}
    if any(graph.tensors[index].dtype == "float32" for index in tensors):
        return f"{INT8_HINT} What stays float even so must be replaced. {choice}"
    return f"Replace the operator in the model. {choice}"


def _check_ends(graph: Graph, written: set[int]) -> None:
    """Check inputs and outputs. Their operators have refused most of what can be wrong."""
    for role, indices in (("input", graph.inputs), ("output", graph.outputs)):
        for tensor in (graph.tensors[i] for i in indices):
            name = f"the model's {role} {tensor.name!r}"
            if tensor.dtype not in END_TYPES:
                raise OperatorError(f"{name} is {tensor.dtype}, not quantized int8", INT8_HINT)
            if tensor.dtype in LIMITS and tensor.quantization is None:
                raise OperatorError(f"{name} has no scale", INT8_HINT)
            if len(tensor.shape) > MAX_RANK or tensor.size == 0:
                raise OperatorError(f"{name} has shape {tensor.shape}")
            if tensor.index not in written:
                raise OperatorError(f"no operator writes {name}")
