"""What an operator must be like, and what lowers it: an entry of the tables in operators/."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from host.engines.aot.core.ir import Lowered
from host.engines.aot.core.operator_context import INT8_HINT, OperatorContext, check_type, require
from host.models.tflite import Graph, Operator

INT8 = ("int8",)
INT8_OR_INT16 = ("int8", "int16")
# The types that most of TFLite-Micro's kernels move.
MOVED = ("int8", "int16", "int32", "float32")


@dataclass(frozen=True)
class Lowering:
    """A function that turns an operator into calls, and what is checked before it runs.

    Attributes:
        function: gets an operator that meets the requirements; raises ValueError for what else
            it cannot do.
        inputs: how many inputs there are, at least and at most; None: any number.
        operands: the positions of the inputs that are computed with, all of one type; None: all
            inputs. A lone operand must not be constant, nor both of two.
        types: those of the operands.
        results: the types that the outputs may have for each of these; else they have the same.
        result_hint: what to do about an output of another type.
        outputs: how many; None: any number.
        rank: of the first operand.
        same_shape: the output has the first operand's shape.
        same_scale: the operands and the output share scale and zero point.
        options: values that options must have.
    """

    function: Callable[[OperatorContext], Lowered]
    inputs: tuple[int, int | None] = (1, 1)
    operands: tuple[int, ...] | None = (0,)
    types: Sequence[str] = INT8
    results: Mapping[str, Sequence[str]] = field(default_factory=dict)
    result_hint: str = INT8_HINT
    outputs: int | None = 1
    rank: int | None = None
    same_shape: bool = False
    same_scale: bool = False
    options: Mapping[str, object] = field(default_factory=dict)

    def lower(self, graph: Graph, operator: Operator) -> Lowered:
        """Lower an operator.

        Raises:
            ValueError: a requirement that it does not meet; the text continues a sentence about
                the operator. Mostly a ``RefusalError``, which may have a hint.
        """
        least, most = self.inputs
        count, outputs = len(operator.inputs), len(operator.outputs)
        require(least <= count <= (most or count), f"has {count} inputs")
        require(outputs and self.outputs in (None, outputs), f"has {outputs} outputs")
        positions = tuple(range(count)) if self.operands is None else self.operands
        op = OperatorContext(graph, operator, positions)
        self._check_tensors(op)
        for name, value in self.options.items():
            given = op.option(name)
            require(given == value, f"has option {name} {given}, not {value}")
        return self.function(op)

    def _check_tensors(self, op: OperatorContext) -> None:
        x, operands = op.x, op.operands
        for position, tensor in enumerate(operands):
            check_type(tensor, "input", (x.dtype,) if position else self.types)
        if self.operands is not None:
            names = " and ".join(repr(tensor.name) for tensor in operands)
            computed = any(tensor.data is None for tensor in operands)
            require(computed, f"has only constant inputs: {names}")
        for tensor in op.outputs:
            allowed = self.results.get(x.dtype, (x.dtype,))
            check_type(tensor, "output", allowed, self.result_hint)
        rank = f"has input shape {x.shape}, not of rank {self.rank}"
        require(self.rank in (None, len(x.shape)), rank)
        if self.same_shape:
            op.check_output_shape(x.shape)
        if self.same_scale:
            scales = {(tensor.scale, tensor.zero_point) for tensor in (*operands, op.y)}
            require(len(scales) == 1, "has different scales or zero points at input and output")


Lowerings = Mapping[str, Lowering]
