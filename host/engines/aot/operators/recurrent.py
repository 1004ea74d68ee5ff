"""UNIDIRECTIONAL_SEQUENCE_LSTM and SVDF.

Their states are variables of the file. Every inference begins with the zero state, so that nothing
of it has to be kept in the arena.
"""

import math

import numpy as np

from host.base.arrays import Array
from host.engines.aot.core.fixed_point import sigmoid_table
from host.engines.aot.core.ir import Constant, Lowered, Struct
from host.engines.aot.core.lowering import INT8_OR_INT16, Lowering, Lowerings
from host.engines.aot.core.operator_context import OperatorContext, check_type, require
from host.engines.aot.core.packing import fold_zero_point
from host.engines.aot.core.quantization import LIMITS, Multiplier, quantize_multiplier
from host.models.tflite import Tensor

_TANH = 4  # of ActivationFunctionType
# Inputs of UNIDIRECTIONAL_SEQUENCE_LSTM. Of four that belong together, the gates are in the order
# of recurrent.h: input, forget, cell, output.
_INPUT_COUNT = 24
_INPUT_WEIGHTS, _OUTPUT_WEIGHTS, _BIAS = 1, 5, 12
_PEEPHOLES_PROJECTION_NORMS = (9, 10, 11, 16, 17, 20, 21, 22, 23)
_OUTPUT_STATE, _CELL_STATE = 18, 19
_GATES = 4
# Scales of a gate before and after its activation: Q3.12 and Q0.15.
_GATE_SCALE, _ACTIVATED_SCALE = 2.0**-12, 2.0**-15
# The kernel's products with a cell state fit an int32 up to a scale of 2^2.
_CELL_POWERS = range(-27, 3)


def _lstm(op: OperatorContext) -> Lowered:
    """UNIDIRECTIONAL_SEQUENCE_LSTM as Keras's LSTM becomes one, in TFLite-Micro's arithmetic.

    That is not the desktop's: gates are Q3.12 whatever the file says of intermediate tensors, and
    outputs are codes of the output state, whatever scale and zero point the output has.
    """
    plain = not any(op.has_input(i) for i in _PEEPHOLES_PROJECTION_NORMS)
    require(plain, "has peepholes, a projection or layer normalization")
    x, time_major = op.x, bool(op.option("timeMajor"))
    steps, batches = x.shape[:2] if time_major else x.shape[1::-1]
    depth, units = x.shape[2], op.tensor(_BIAS).size
    op.check_output_shape((*x.shape[:2], units))
    hidden = _state(op, _OUTPUT_STATE, "int8", (batches, units))
    cell = _state(op, _CELL_STATE, "int16", (batches, units))
    limit, clip = LIMITS["int16"], float(op.option("cellClip"))
    params = Struct(
        batches=batches,
        steps=steps,
        units=units,
        input_batch_stride=depth if time_major else steps * depth,
        input_step_stride=batches * depth if time_major else depth,
        output_batch_stride=units if time_major else steps * units,
        output_step_stride=batches * units if time_major else units,
        from_input=_gate_sums(op, _INPUT_WEIGHTS, x, units, bias=_BIAS),
        from_output=_gate_sums(op, _OUTPUT_WEIGHTS, hidden, units),
        **quantize_multiplier(_ACTIVATED_SCALE).fields("keep_"),
        **quantize_multiplier(_ACTIVATED_SCALE**2 / cell.scale).fields("add_"),
        cell_clip=int(min(clip / cell.scale, limit.maximum)) if clip > 0 else -limit.minimum,
        **_cell_to_table(cell).fields("tanh_"),
        **quantize_multiplier(_ACTIVATED_SCALE**2 / hidden.scale).fields("output_"),
        output_zero_point=hidden.zero_point,
        sigmoid=Constant("sigmoid", sigmoid_table()),
    )
    return op.lowered("Lstm", params, scratch=2 * units, kernel="lstm")


def _state(op: OperatorContext, position: int, dtype: str, shape: tuple[int, ...]) -> Tensor:
    tensor = op.tensor(position)
    name = f"state {tensor.name!r}"
    check_type(tensor, "input", (dtype,))
    require(tensor.variable and tensor.data is None, f"has {name} that is not a variable")
    require(tensor.shape == shape, f"has {name} of shape {tensor.shape}")
    return tensor


def _gate_sums(
    op: OperatorContext, position: int, operand: Tensor, units: int, bias: int | None = None
) -> Struct:
    """The struct ``GateSums``: the four weights from ``position`` on, times ``operand``.

    ``bias``: the position of the first of four biases.
    """
    depth = operand.shape[-1]
    weights, biases, multipliers = [], [], []
    for gate in range(_GATES):
        values, scale = _matrix(op, position + gate, (units, depth))
        given = None if bias is None else op.bias(bias + gate, units)
        weights.append(values)
        biases.append(fold_zero_point(given, values, operand.zero_point).astype(np.int32))
        multipliers.append(quantize_multiplier(operand.scale * scale / _GATE_SCALE))
    return Struct(
        depth=depth,
        weights=Constant("weights", np.stack(weights, axis=1)),
        bias=Constant("bias", np.stack(biases, axis=1)),
        multipliers=tuple(m.mantissa for m in multipliers),
        shifts=tuple(m.shift for m in multipliers),
    )


def _matrix(op: OperatorContext, position: int, shape: tuple[int, int]) -> tuple[Array, float]:
    """Constant weights of this shape, and their one scale."""
    values, scales = op.weights(2, position)
    name = f"weights {op.tensor(position).name!r}"
    require(values.shape == shape, f"has {name} of shape {values.shape}, not {shape}")
    # TFLite-Micro leaves its multiplier undefined where there are several.
    require(len(scales) == 1, f"has {name} with one scale per channel")
    return values, scales[0]


def _cell_to_table(cell: Tensor) -> Multiplier:
    """What brings a cell state to the sigmoid table's steps: 3 · 2^12 for each 1."""
    power = math.log2(cell.scale)
    require(
        power in _CELL_POWERS,
        f"has state {cell.name!r} with scale {cell.scale}, not a power of two "
        f"from 2^{_CELL_POWERS.start} to 2^{_CELL_POWERS.stop - 1}",
    )
    left = 12 + int(power)
    return Multiplier(3 << max(left, 0), max(-left, 0))


def _svdf(op: OperatorContext) -> Lowered:
    """SVDF with an int8 or int16 state.

    A fused activation has no effect but through the output's range, as in TFLite-Micro.
    """
    x, y, rank = op.x, op.y, int(op.option("rank"))
    time = op.tensor(2)
    check_type(time, "time weights", INT8_OR_INT16)
    matrix = time.data is not None and len(time.shape) == 2
    require(matrix, f"has time weights {time.name!r} that are not a constant matrix")
    filters, (batches, depth) = time.shape[0], x.shape
    fits = rank > 0 and filters % rank == 0
    require(fits, f"has input shape {x.shape}, rank {rank} and {filters} filters")
    state = _state(op, 4, time.dtype, (batches, time.size))
    # TFLite-Micro lets the state wrap around with another one.
    zero = state.zero_point == 0
    require(zero, f"has state {state.name!r} with a zero point other than 0")
    units = filters // rank
    op.check_output_shape((batches, units))
    features, scale = _matrix(op, 1, (filters, depth))
    offsets = fold_zero_point(None, features, x.zero_point).astype(np.int32)
    # In double. TFLite-Micro of August 2026 still multiplied and divided floats.
    feature = quantize_multiplier(x.scale * scale / state.scale)
    output = quantize_multiplier(state.scale * time.scale / y.scale)
    # TFLite-Micro demands a bias, and this of its scale.
    bias, bias_tensor, bias_scale = op.bias(3, units), op.tensor(3), state.scale * time.scale
    fits = bias_tensor.quantization is not None and abs(bias_tensor.scale - bias_scale) < 1e-5
    require(fits, f"has bias {bias_tensor.name!r} with another scale than {bias_scale}")
    latest = op.constant(2, "time weights", time.dtype)[:, -1]
    limits = LIMITS[state.dtype]
    params = Struct(
        batches=batches,
        depth=depth,
        units=units,
        rank=rank,
        feature_weights=Constant("features", features),
        feature_bias=Constant("offsets", offsets),
        time_weights=Constant("time", latest.astype(np.int16)),
        bias=Constant("bias", bias),
        **feature.fields("feature_"),
        feature_minimum=limits.minimum,
        feature_maximum=limits.maximum,
        **output.fields("output_"),
        output_zero_point=y.zero_point,
    )
    return op.lowered("Svdf", params)


LOWERINGS: Lowerings = {
    "SVDF": Lowering(_svdf, inputs=(5, 5), rank=2),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Lowering(
        _lstm,
        inputs=(_INPUT_COUNT, _INPUT_COUNT),
        rank=3,
        options={"fusedActivationFunction": _TANH},
    ),
}
