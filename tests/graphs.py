"""Small graphs, data sets and device answers made by hand, for tests without TensorFlow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from host.base.arrays import Array
from host.deployment.measure import DeviceRun
from host.device.exchange import LinkStatistics
from host.device.identity import DeviceInfo
from host.models.tflite import Graph, Operator, Quantization, Tensor

MODELS = Path(__file__).resolve().parents[2] / "shared" / "models"


def shared_model(name: str) -> Path:
    """A model that others trained; the test is skipped where they are not."""
    path = MODELS / name
    if not path.exists():
        pytest.skip(f"no {path}: the shared models are not on this machine")
    return path


def tensor(
    index: int,
    name: str = "t",
    shape: tuple[int, ...] = (1, 4),
    *,
    dtype: str = "int8",
    scale: float | None = 1 / 256,
    zero_point: int = -128,
    data: Array | None = None,
) -> Tensor:
    """An activation, or a constant where there is data."""
    q = None if scale is None else Quantization((scale,), (zero_point,), 0)
    return Tensor(index, name, dtype, shape, q, data)


def graph(*names: str, classes: int = 4, features: int = 3) -> Graph:
    """A chain of operators, by name; input (1, features), everything after it (1, classes)."""
    tensors = [tensor(0, "in", (1, features), scale=1 / 255)]
    operators = []
    for index, name in enumerate(names):
        tensors.append(tensor(index + 1, f"out{index}", (1, classes)))
        operators.append(Operator(index, name, 1, (index,), (index + 1,), {}))
    return Graph(b"", tuple(tensors), tuple(operators), (0,), (len(names),), 1)


def with_input(tensor: Tensor) -> Graph:
    """A graph whose input is this tensor."""
    base = graph("SOFTMAX")
    return replace(base, tensors=(tensor, *base.tensors[1:]))


def device_run(outputs: Array) -> DeviceRun:
    """A device's answers."""
    info = DeviceInfo(
        protocol_version=1,
        protocol_hash="",
        model_digest="",
        board="test",
        engine="aot",
        engine_version="1",
        compiler="",
        tick_unit="instructions",
        tick_rate=0,
        tick_scale=1.0,
        arena_reserved=0,
        arena_used=0,
        arena_planned=0,
        model_slot=0,
        max_payload=1024,
        receive_window=0,
        operators=0,
        inputs=(),
        outputs=(),
    )
    return DeviceRun(
        info=info,
        outputs=outputs,
        ticks=np.ones(len(outputs)),
        profiled_ticks=np.zeros(0),
        operator_ticks=np.zeros((0, 0)),
        traced=np.zeros(0, np.int64),
        link=LinkStatistics(0, 0, 0.0, 0, 0),
        log=(),
    )
