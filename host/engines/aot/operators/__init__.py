"""How each operator becomes calls of kernels: a module for each family of operators."""

from host.engines.aot.core.lowering import Lowerings
from host.engines.aot.operators import (
    activations,
    batch_matmul,
    binary,
    convolution,
    movement,
    quantize,
    recurrent,
    reduction,
    upscaling,
)

FAMILIES = (
    activations,
    batch_matmul,
    binary,
    convolution,
    movement,
    quantize,
    recurrent,
    reduction,
    upscaling,
)
LOWERINGS: Lowerings = {
    name: lowering for family in FAMILIES for name, lowering in family.LOWERINGS.items()
}
