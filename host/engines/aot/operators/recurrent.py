"""Lowering of UNIDIRECTIONAL_SEQUENCE_LSTM and SVDF.

Their states are variables of the file. Every inference begins with the zero state, so that nothing
of it has to be kept in the arena.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from host.engines.aot.core.ir import Call, Constant, Lowered, Struct
from host.engines.aot.core.operator_context import Site, scale_of, zero_point_of
from host.engines.aot.core.quantization import LIMITS, Multiplier, quantize_multiplier
from host.engines.aot.core.sigmoid import sigmoid_table
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


def lstm(site: Site) -> Lowered:
    """UNIDIRECTIONAL_SEQUENCE_LSTM as Keras's LSTM becomes one, in TFLite-Micro's arithmetic.

    That is not the desktop's: gates are Q3.12 whatever the file says of intermediate tensors, and
    outputs are codes of the output state, whatever scale and zero point the output has.
    """
    site.count_inputs(_INPUT_COUNT, _INPUT_COUNT)
    if any(site.has_input(i) for i in _PEEPHOLES_PROJECTION_NORMS):
        raise site.refuse("has peepholes, a projection or layer normalization")
    if site.option("fusedActivationFunction") != _TANH:
        raise site.refuse(
            f"has fused activation {site.option('fusedActivationFunction')}, not TANH"
        )
    x, y = site.activation(), site.output()
    hidden, cell = _state(site, _OUTPUT_STATE, "int8"), _state(site, _CELL_STATE, "int16")
    if len(x.shape) != 3:
        raise site.refuse(f"has input shape {x.shape}, not of rank 3")
    time_major = bool(site.option("timeMajor"))
    steps, batches = x.shape[:2] if time_major else x.shape[1::-1]
    depth, units = x.shape[2], hidden.shape[-1] if hidden.shape else 0
    site.check_output_shape((*x.shape[:2], units))
    for state in (hidden, cell):
        if state.shape != (batches, units):
            raise site.refuse(f"has state {state.name!r} of shape {state.shape}")
    params = Struct(
        (
            ("batches", batches),
            ("steps", steps),
            ("units", units),
            ("input_batch_stride", depth if time_major else steps * depth),
            ("input_step_stride", batches * depth if time_major else depth),
            ("output_batch_stride", units if time_major else steps * units),
            ("output_step_stride", batches * units if time_major else units),
            ("from_input", _gate_sums(site, _INPUT_WEIGHTS, x, units, with_bias=True)),
            ("from_output", _gate_sums(site, _OUTPUT_WEIGHTS, hidden, units, with_bias=False)),
            *_multiplier("keep", quantize_multiplier(_ACTIVATED_SCALE)),
            *_multiplier("add", quantize_multiplier(_ACTIVATED_SCALE**2 / scale_of(cell))),
            ("cell_clip", _cell_clip(site, scale_of(cell))),
            *_multiplier("tanh", _cell_to_table(site, cell)),
            *_multiplier("output", quantize_multiplier(_ACTIVATED_SCALE**2 / scale_of(hidden))),
            ("output_zero_point", zero_point_of(hidden)),
            ("sigmoid", sigmoid_table()),
        )
    )
    call = Call("lstm", "Lstm", params, (x.index,), y.index, scratch=True)
    return Lowered(site.operator, (x.index,), (y.index,), (call,), scratch=2 * units)


def _state(site: Site, position: int, dtype: str) -> Tensor:
    tensor = site.activation(position, types=(dtype,))
    if not tensor.variable:
        raise site.refuse(f"has state {tensor.name!r} that is not a variable")
    return tensor


def _gate_sums(site: Site, position: int, operand: Tensor, units: int, with_bias: bool) -> Struct:
    """The struct ``GateSums``: the four weights from ``position`` on, times ``operand``."""
    depth = operand.shape[-1]
    weights, biases, multipliers = [], [], []
    for gate in range(_GATES):
        values, scale = _matrix(site, position + gate, (units, depth))
        bias = np.zeros(units, np.int64)
        if with_bias:
            tensor, table = site.constant(_BIAS + gate, "int32", "bias")
            if tensor.shape != (units,):
                raise site.refuse(f"has bias {tensor.name!r} of shape {tensor.shape}")
            bias = table.astype(np.int64)
        weights.append(values)
        biases.append(_folded(bias, values, zero_point_of(operand)))
        multipliers.append(quantize_multiplier(scale_of(operand) * scale / _GATE_SCALE))
    return Struct(
        (
            ("depth", depth),
            ("weights", Constant("weights", np.stack(weights, axis=1))),
            ("bias", Constant("bias", np.stack(biases, axis=1))),
            ("multipliers", tuple(m.mantissa for m in multipliers)),
            ("shifts", tuple(m.shift for m in multipliers)),
        )
    )


def _matrix(
    site: Site, position: int, shape: tuple[int, int]
) -> tuple[npt.NDArray[np.int8], float]:
    """Constant weights of this shape, and their one scale."""
    tensor, scales = site.weights(position, rank=2, axis=0)
    if tensor.shape != shape:
        raise site.refuse(f"has weights {tensor.name!r} of shape {tensor.shape}, not {shape}")
    if len(scales) > 1:  # TFLite-Micro then leaves its multiplier undefined
        raise site.refuse(f"has weights {tensor.name!r} with one scale per channel")
    assert tensor.data is not None
    return tensor.data, scales[0]


def _folded(
    bias: npt.NDArray[np.int64], weights: npt.NDArray[np.int8], zero_point: int
) -> npt.NDArray[np.int32]:
    """bias − zero point · Σ weights of each row, modulo 2^32."""
    folded = bias - zero_point * weights.astype(np.int64).sum(axis=1)
    wrapped: npt.NDArray[np.int32] = (folded & 0xFFFFFFFF).astype(np.uint32).view(np.int32)
    return wrapped


def _multiplier(name: str, multiplier: Multiplier) -> tuple[tuple[str, int], tuple[str, int]]:
    return (f"{name}_multiplier", multiplier.mantissa), (f"{name}_shift", multiplier.shift)


def _cell_clip(site: Site, scale: float) -> int:
    limit = LIMITS["int16"]
    clip = float(site.option("cellClip"))
    return int(min(clip / scale, limit.maximum)) if clip > 0 else -limit.minimum


def _cell_to_table(site: Site, cell: Tensor) -> Multiplier:
    """What brings a cell state to the sigmoid table's steps: 3 · 2^12 for each 1."""
    power = math.log2(scale_of(cell))
    if power not in _CELL_POWERS:
        raise site.refuse(
            f"has state {cell.name!r} with scale {scale_of(cell)}, not a power of two "
            f"from 2^{_CELL_POWERS.start} to 2^{_CELL_POWERS.stop - 1}"
        )
    left = 12 + int(power)
    return Multiplier(3 << max(left, 0), max(-left, 0))


def svdf(site: Site) -> Lowered:
    """SVDF with an int8 or int16 state.

    A fused activation has no effect but through the output's range, as in TFLite-Micro.
    """
    site.count_inputs(5, 5)
    x, y = site.activation(), site.output()
    rank = int(site.option("rank"))
    time, time_weights = _time_weights(site)
    state = _state(site, 4, time.dtype)
    filters = time_weights.shape[0]
    if len(x.shape) != 2 or rank < 1 or filters % rank:
        raise site.refuse(f"has input shape {x.shape}, rank {rank} and {filters} filters")
    if zero_point_of(state) != 0:  # TFLite-Micro then lets the state wrap around
        raise site.refuse(f"has state {state.name!r} with a zero point other than 0")
    batches, depth = x.shape
    if state.shape != (batches, time.size):
        raise site.refuse(f"has state {state.name!r} of shape {state.shape}")
    units = filters // rank
    site.check_output_shape((batches, units))
    features, scale = _matrix(site, 1, (filters, depth))
    # In double. TFLite-Micro of August 2026 still multiplied and divided floats.
    feature = quantize_multiplier(scale_of(x) * scale / scale_of(state))
    output = quantize_multiplier(scale_of(state) * scale_of(time) / scale_of(y))
    limits = LIMITS[state.dtype]
    params = Struct(
        (
            ("batches", batches),
            ("depth", depth),
            ("units", units),
            ("rank", rank),
            ("feature_weights", Constant("features", features)),
            (
                "feature_bias",
                Constant(
                    "offsets", _folded(np.zeros(filters, np.int64), features, zero_point_of(x))
                ),
            ),
            ("time_weights", Constant("time", time_weights[:, -1].astype(np.int16))),
            ("bias", _svdf_bias(site, units, scale_of(state) * scale_of(time))),
            *_multiplier("feature", feature),
            ("feature_minimum", limits.minimum),
            ("feature_maximum", limits.maximum),
            *_multiplier("output", output),
            ("output_zero_point", zero_point_of(y)),
        )
    )
    call = Call("svdf", "Svdf", params, (x.index,), y.index)
    return Lowered(site.operator, (x.index,), (y.index,), (call,))


def _time_weights(site: Site) -> tuple[Tensor, npt.NDArray[np.integer]]:
    tensor = site.tensor(2)
    site.check_type(tensor, "time weights", ("int8", "int16"))
    if tensor.data is None or len(tensor.shape) != 2:
        raise site.refuse(f"has time weights {tensor.name!r} that are not a constant matrix")
    return tensor, tensor.data


def _svdf_bias(site: Site, units: int, scale: float) -> Constant:
    # TFLite-Micro demands a bias, and this of its scale.
    tensor, values = site.constant(3, "int32", "bias")
    if tensor.shape != (units,):
        raise site.refuse(f"has bias {tensor.name!r} of shape {tensor.shape}")
    if tensor.quantization is None or not abs(scale_of(tensor) - scale) < 1e-5:
        raise site.refuse(f"has bias {tensor.name!r} with another scale than {scale}")
    return Constant("bias", values)


LOWERINGS: dict[str, Callable[[Site], Lowered]] = {
    "SVDF": svdf,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": lstm,
}
