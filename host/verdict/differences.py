"""How a tensor on the device differs from the same on the host."""

from dataclasses import dataclass

import numpy as np

from host.base.arrays import Array
from host.firmware.rendered import ExecutedOperator
from host.models.tflite import Tensor
from host.report.document import derived
from host.report.formats import number, plain
from host.verdict.gaps import unequal


@dataclass(frozen=True)
class TensorDifference:
    """How a tensor on the device differs from the same on the host."""

    place: tuple[int, ...]
    """Indices of the first differing value."""
    device: float
    """The device's value there: a code, or what a tensor of floats holds."""
    host: float
    """The value there by TFLM on the host, likewise."""
    device_real: float | None
    """The device's value in real units; null where the tensor has no scale."""
    host_real: float | None
    """The host's value in real units, likewise."""
    differing: int
    """How many values differ."""
    values: int
    """How many values the tensor has."""
    largest: float
    """The largest difference, in steps of the tensor, or in its units where it is float."""


@dataclass(frozen=True)
class FirstDifference:
    """The first operator whose output on the device differs from TFLM on the host."""

    operator: ExecutedOperator
    tensor_name: str
    """Name of the tensor that differs."""
    sample: int
    """Index of the sample on which it was seen."""
    values: TensorDifference | None = None
    """How its values differ; null where they were equal when the device was asked for them all."""

    @derived
    def text(self) -> str:
        """The same in a sentence."""
        return f"{position(self)}: {difference(self.values)}"


def compare(tensor: Tensor, device: Array, host: Array) -> TensorDifference | None:
    """How two values of a tensor, both of its type and shape, differ; None where they are equal in
    every byte."""
    (differs,) = unequal(device[np.newaxis], host[np.newaxis])
    if not differs.any():
        return None
    flat = int(differs.argmax())
    place = np.unravel_index(flat, tensor.shape) if tensor.shape else ()
    a, b = device.reshape(-1)[flat].item(), host.reshape(-1)[flat].item()
    distance = np.abs(device.astype(np.float64) - host.astype(np.float64))
    return TensorDifference(
        place=tuple(int(i) for i in place),
        device=a,
        host=b,
        device_real=_real(tensor, a),
        host_real=_real(tensor, b),
        differing=int(differs.sum()),
        values=tensor.size,
        largest=float(np.nanmax(distance)) if not np.isnan(distance).all() else float("nan"),
    )


def _real(tensor: Tensor, value: float) -> float | None:
    q = tensor.quantization
    if tensor.numpy_dtype.kind != "f" and (q is None or q.per_channel):
        return None
    return float(tensor.to_real(np.array([value]))[0])


def position(first: FirstDifference) -> str:
    """Which operator differs first, and on which sample."""
    operator = first.operator
    return (
        f"operator {operator.index} {plain(operator.name)} (tensor {operator.tensor} "
        f"'{plain(first.tensor_name)}'), sample {first.sample}"
    )


def difference(values: TensorDifference | None) -> str:
    """Both values at the first differing place, and how much differs."""
    if values is None:
        return "asked for once more, all its values are equal: the difference did not repeat"
    place = ", ".join(map(str, values.place))
    device, host = (
        number(code) + ("" if real is None or real == code else f" ({number(real)})")
        for code, real in ((values.device, values.device_real), (values.host, values.host_real))
    )
    # Steps, where the tensor has a scale.
    most = number(values.largest)
    if values.device_real is not None and not isinstance(values.device, float):
        most += f" step{'' if values.largest == 1 else 's'}"
    return (
        f"at [{place}] the device has {device}, TFLM on the host {host}; {values.differing} of "
        f"{values.values} values differ, by at most {most}"
    )
