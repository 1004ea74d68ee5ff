"""Synthetic runs for the report's tests: plausible numbers, no tool, no TensorFlow."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from host.base.arrays import Array
from host.commands.evaluate.values import Evaluation
from host.deployment.measure import DeviceRun
from host.deployment.stages import Timing
from host.device.exchange import LinkStatistics
from host.device.identity import DeviceInfo, TickUnit
from host.device.wire.messages import WireTensor
from host.firmware.boards import Board
from host.firmware.build import Image, Section
from host.firmware.rendered import ArenaBlock, ExecutedOperator, Rendered
from host.models.dataset import Dataset
from host.models.source import ModelFile
from host.models.tflite import Graph, Operator, Quantization, Tensor
from host.oracles.columns import Column, ColumnName
from host.quantize.advice import Advice
from host.quantize.checks import QuantizedModel
from host.verdict.costs import operator_costs
from host.verdict.differences import FirstDifference, TensorDifference
from host.verdict.gaps import Disagreement, Gap, GapName, Task
from host.verdict.judge import Verdict
from host.verdict.latency import Latency
from host.verdict.statistics import Interval

LAYERS = (
    ("CONV_2D", "model/conv/Relu;model/conv/BiasAdd", (1, 8, 8, 8)),
    ("DEPTHWISE_CONV_2D", "model/separable_1/depthwise", (1, 8, 8, 8)),
    ("CONV_2D", "model/separable_1/pointwise/Relu", (1, 8, 8, 16)),
    ("DEPTHWISE_CONV_2D", "model/separable_2/depthwise", (1, 4, 4, 16)),
    ("CONV_2D", "model/separable_2/pointwise/Relu", (1, 4, 4, 32)),
    ("MEAN", "model/pool/Mean", (1, 32)),
    ("FULLY_CONNECTED", "model/logits/MatMul", (1, 10)),
    ("SOFTMAX", "StatefulPartitionedCall:0", (1, 10)),
)
DIFFERENCE = TensorDifference((0, 4, 2, 7), -12, -13, -0.31, -0.33, 310, 8000, 2.0)
TICKS = (61_234.0, 48_120.0, 110_432.0, 30_876.0, 140_045.0, 9_120.0, 6_512.0, 4_310.0)


def graph(outputs: int = 10, classes: bool = True) -> Graph:
    """A small depthwise-separable network, or without classes one dense layer."""
    layers = LAYERS if classes else (("FULLY_CONNECTED", "model/dense/BiasAdd", (1, outputs)),)
    scale = 1 / 256 if classes else 0.008
    point = -128 if classes else 4
    shape = (1, 8, 8, 1) if classes else (1, 1)
    first = Tensor(0, "input", "int8", shape, Quantization((1 / 255,), (-128,), 0), None)
    rest = [
        Tensor(i + 1, name, "int8", dims, Quantization((scale,), (point,), 0), None)
        for i, (_, name, dims) in enumerate(layers)
    ]
    operators = [Operator(i, name, 1, (i,), (i + 1,), {}) for i, (name, _, _) in enumerate(layers)]
    content = b"\x1c\0\0\0TFL3" + bytes(9000)
    return Graph(content, (first, *rest), tuple(operators), (0,), (len(layers),), subgraphs=1)


def gap(
    name: GapName,
    left: tuple[ColumnName, Array],
    right: tuple[ColumnName, Array],
    labels: Array | None,
    scale: float,
    classes: bool,
) -> Gap:
    """A gap between two columns of steps; a stand-in for the real statistics."""
    a, b = left[1].astype(int), right[1].astype(int)
    steps = np.abs(a - b).reshape(len(a), -1)
    first, second = a.argmax(1), b.argmax(1)
    worst = np.argsort(-steps.max(1), kind="stable")
    flips = [int(i) for i in worst if (first[i] != second[i] if classes else steps[i].any())]

    def margin(row: Array) -> float | None:
        return float(np.diff(np.sort(row)[-2:])[0] * scale) if classes else None

    return Gap(
        name=name,
        left=left[0],
        right=right[0],
        samples=len(a),
        bit_equal=float((steps.max(1) == 0).mean()),
        bit_equal_values=float((steps == 0).mean()),
        flips=len(flips) if classes else None,
        flip_rate_upper=(len(flips) + 3) / len(a) if classes else None,
        max_steps=int(steps.max()),
        mean_steps=float(steps.mean()),
        max_error=float(steps.max() * scale),
        mean_error=float(steps.mean() * scale),
        mcnemar_p=0.625 if labels is not None and classes else None,
        disagreements=tuple(
            Disagreement(
                sample=i,
                left=int(first[i]) if classes else None,
                right=int(second[i]) if classes else None,
                label=int(labels[i]) if labels is not None and classes else None,
                steps=int(steps[i].max()),
                left_margin=margin(a[i]),
                right_margin=margin(b[i]),
            )
            for i in flips
        ),
    )


def evaluation(
    folder: Path,
    *,
    task: Task = "classification",
    differing: int = 0,
    labels: bool = True,
    keras: bool = True,
    raw: bool = False,
    unit: TickUnit = "instructions",
    samples: int = 360,
    classes: int = 10,
) -> Evaluation:
    """A whole run.

    Args:
        folder: the run's folder.
        task: kind of model.
        differing: samples on which the device computes something else than the oracle.
        labels: the data set has some.
        keras: the Keras column is there.
        raw: the data set is random int8.
        unit: tick unit; instructions stand for an emulator, cycles for a board at 64 MHz.
        samples: n.
        classes: classes, or values of an output.
    """
    random = np.random.default_rng(7)
    is_class = task == "classification"
    net = graph(classes, is_class)
    x, y, scores = _data(random, samples, classes, is_class)
    quantization = net.output.quantization
    assert quantization is not None
    scale, point = quantization.scale, quantization.zero_point
    host = np.clip(np.round(scores / scale) + point, -128, 127).astype(np.int8)
    litert = np.clip(host + random.choice([-1, 0, 0, 0, 1], host.shape), -128, 127).astype(np.int8)
    real = (host.astype(np.float32) - point) * scale
    floats = (real + random.normal(0, 3 * scale, host.shape)).astype(np.float32)
    device = host.copy()
    for sample in random.choice(samples, differing, replace=False):
        device[sample] = np.roll(device[sample], 1) + (0 if is_class else 3)
    target = y if labels else None
    steps = np.clip(np.round(floats / scale) + point, -128, 127)
    outputs: dict[ColumnName, Array | None] = {
        "keras": floats if keras else None,
        "litert": litert,
        "tflm_host": host,
        "device": device,
    }
    gaps: dict[GapName, Gap | None] = {
        "quantization": gap(
            "quantization", ("keras", steps), ("tflm_host", host), target, scale, is_class
        )
        if keras
        else None,
        "desktop": gap("desktop", ("litert", litert), ("tflm_host", host), target, scale, is_class),
        "deployment": gap(
            "deployment", ("tflm_host", host), ("device", device), target, scale, is_class
        ),
    }
    executed = tuple(ExecutedOperator(o.index, o.name, o.outputs[0]) for o in net.operators)
    rendered = _rendered(executed, net)
    ticks = sum(TICKS) + random.integers(0, 900, samples).astype(np.float64)
    return Evaluation(
        board=Board(
            "qemu-m4",
            "Arm MPS2+ AN386 (Cortex-M4F) in QEMU",
            "qemu",
            "serial",
            4 << 20,
            4 << 20,
            {"custom_cpu": "cortex-m4", "build_flags": "-O2 -ffunction-sections"},
        ),
        model=ModelFile(Path("models/digits.keras"), "keras3", "ab" * 32, "digits"),
        quantized=QuantizedModel(
            net,
            "ptq-int8",
            (
                Advice(
                    "narrow-range",
                    "The calibration data cover a quarter of the input's range.",
                    "Calibrate with samples as the device will see them.",
                ),
            ),
        ),
        dataset=Dataset(
            "random" if raw else "digits" if is_class else "sine",
            random.integers(-128, 128, x.shape).astype(np.int8) if raw else x,
            target,
            None if raw else x[:10],
            raw,
            ("Random inputs test bit-exactness; they say nothing about accuracy.",) if raw else (),
        ),
        rendered=rendered,
        image=Image(
            Path("firmware.elf"),
            (
                Section(".text", 18_312, "flash"),
                Section(".rodata", 14_880, "flash"),
                Section(".data", 112, "both"),
                Section(".bss", 9_216, "ram"),
            ),
            reused=True,
        ),
        device=DeviceRun(
            info=_info(net, unit, len(executed)),
            outputs=device,
            ticks=ticks,
            profiled_ticks=np.full(5, 1000.0),
            operator_ticks=np.tile(TICKS[: len(executed)], (5, 1)),
            traced=np.array([0, 1]),
            link=LinkStatistics(41_230, 29_811, 3.21, 0, 0),
            log=("boot", "ready"),
        ),
        columns={
            name: Column(name, value, f"{name} 2.3.0", None if value is not None else ABSENT)
            for name, value in outputs.items()
        },
        verdict=_verdict(outputs, gaps, target, differing, samples, is_class, executed),
        latency=Latency(
            unit,
            {"instructions": 0, "cycles": 64_000_000, "microseconds": 1_000_000}[unit],
            float(np.median(ticks)),
            float(ticks.min()),
            float(ticks.max()),
            samples,
            2,
            operator_costs(net, rendered, np.array([TICKS[: len(executed)]])),
        ),
        timings=(
            Timing("convert", 7.4, True),
            Timing("render", 0.08, False),
            Timing("build", 5.31, False),
            Timing("stream", 3.21, False),
        ),
        versions={"python": "3.11.7", "tensorflow": "2.21.0", "ai-edge-litert": "2.3.0"},
        notes=("No board was named: the emulated board qemu-m4 was chosen.",),
        folder=folder,
        command="python -m host flash-and-eval --board qemu-m4",
    )


ABSENT = "the model came as a .tflite file; there is no Keras model to run"


def hostile(base: Evaluation, name: str) -> Evaluation:
    """The same run, with ``name`` wherever a model or its files bring a name."""
    net = base.quantized.graph
    tensors = tuple(dataclasses.replace(t, name=name) for t in net.tensors)
    operator = ExecutedOperator(0, name, 1)
    info = base.device.info
    return dataclasses.replace(
        base,
        model=ModelFile(Path(f"/tmp/{name}"), "tflite", "ab" * 32, name),
        quantized=QuantizedModel(
            dataclasses.replace(net, tensors=tensors), name, (Advice(name, name, name),)
        ),
        dataset=dataclasses.replace(base.dataset, name=name, notes=(name,)),
        rendered=dataclasses.replace(
            base.rendered,
            arena=tuple(dataclasses.replace(b, name=name) for b in base.rendered.arena),
        ),
        image=dataclasses.replace(base.image, sections=(Section(name, 90_000, "flash"),)),
        device=dataclasses.replace(
            base.device,
            log=(name,),
            info=dataclasses.replace(info, compiler=name, engine_version=name, board=name),
        ),
        columns={
            key: dataclasses.replace(column, version=name, absent=column.absent and name)
            for key, column in base.columns.items()
        },
        verdict=dataclasses.replace(
            base.verdict,
            headline=name,
            notes=(name,),
            first_difference=FirstDifference(operator, name, 3),
        ),
        latency=dataclasses.replace(
            base.latency,
            operators=tuple(dataclasses.replace(c, name=name) for c in base.latency.operators),
        ),
        versions={name: name},
        notes=(name,),
        command=name,
    )


def _data(
    random: np.random.Generator, samples: int, classes: int, is_class: bool
) -> tuple[Array, Array, Array]:
    """Inputs, labels or targets, and what the model makes of them in real units."""
    if not is_class:
        x = np.linspace(0, 2 * np.pi, samples, dtype=np.float32)[:, None]
        waves = np.sin(x + np.arange(classes)) * 0.9
        return x, waves.astype(np.float32), waves + random.normal(0, 0.03, waves.shape)
    x = np.clip(random.normal(0.4, 0.3, (samples, 8, 8, 1)), 0, 1).astype(np.float32)
    y = random.integers(0, classes, samples)
    logits = random.normal(0, 1.1, (samples, classes))
    logits[np.arange(samples), y] += 4
    scores = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return x, y, scores


def _rendered(executed: tuple[ExecutedOperator, ...], net: Graph) -> Rendered:
    blocks, offset = [], 0
    for index, tensor in enumerate(net.tensors):
        first, last = max(0, index - 1), min(len(executed) - 1, index)
        offset = 0 if index % 2 else 1024
        blocks.append(ArenaBlock(index, tensor.name, offset, tensor.nbytes, first, last))
    return Rendered("aot", {"model.cc": "//"}, "cd" * 32, 2048, 14_000, executed, tuple(blocks))


def _info(net: Graph, unit: TickUnit, operators: int) -> DeviceInfo:
    tensor = WireTensor("int8", net.input.shape, 1 / 255, -128)
    rate = {"instructions": 0, "cycles": 64_000_000, "microseconds": 1_000_000}[unit]
    return DeviceInfo(
        protocol_version=1,
        protocol_hash="12ab34cd",
        model_digest="cd" * 32,
        board="mps2-an386",
        engine="aot",
        engine_version="0.1.0",
        compiler="arm-none-eabi-g++ 12.2.1",
        tick_unit=unit,
        tick_rate=rate,
        tick_scale=1.0,
        arena_reserved=2560,
        arena_used=2048,
        arena_planned=0,
        model_slot=0,
        max_payload=1024,
        receive_window=1024,
        operators=operators,
        inputs=(tensor,),
        outputs=(tensor,),
    )


def _verdict(
    outputs: dict[ColumnName, Array | None],
    gaps: dict[GapName, Gap | None],
    labels: Array | None,
    differing: int,
    samples: int,
    is_class: bool,
    executed: tuple[ExecutedOperator, ...],
) -> Verdict:
    def interval(values: Array | None, *, shares: bool) -> Interval | None:
        if values is None or labels is None or shares != is_class:
            return None
        if shares:
            share = float((values.argmax(1) == labels).mean())
            return Interval(share, share - 0.02, min(1.0, share + 0.012))
        return Interval(0.0312, 0.0298, 0.0327)

    good = samples - differing
    headline = (
        f"device differs: {good}/{samples} bit-exact (deployment gap)"
        if differing
        else f"device matches: {samples}/{samples} bit-exact"
    )
    last = executed[min(2, len(executed) - 1)]
    return Verdict(
        match=not differing,
        task="classification" if is_class else "regression",
        samples=samples,
        headline=headline,
        accuracy={name: interval(v, shares=True) for name, v in outputs.items()},
        errors={name: interval(v, shares=False) for name, v in outputs.items()},
        gaps=gaps,
        first_difference=FirstDifference(last, LAYERS[2][1], 17, DIFFERENCE) if differing else None,
        notes=(),
    )
