"""How each operator becomes calls of kernels: a module for each family of operators."""

from importlib import import_module

from host.engines.aot.core.lowering import Lowerings

FAMILIES = tuple(
    import_module(f"{__name__}.{family}")
    for family in (
        *("activations", "batch_matmul", "binary", "convolution", "movement", "quantize"),
        *("recurrent", "reduction", "upscaling"),
    )
)
LOWERINGS: Lowerings = {
    name: lowering for family in FAMILIES for name, lowering in family.LOWERINGS.items()
}
