"""How long an inference takes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from host.device.identity import DeviceInfo, TickUnit
from host.report.document import derived
from host.report.formats import THIN, number
from host.verdict.costs import OperatorCost, Ticks

UNIT_WORDS: dict[TickUnit, str] = {
    "cycles": "cycles",
    "instructions": "instructions",
    "microseconds": "µs",
    "emulated_cycles": "emulated cycles",
}


@dataclass(frozen=True)
class Latency:
    """Ticks of one inference on the device, after warm-up."""

    unit: TickUnit
    """What one tick is. Instructions and emulated cycles are counts, never a time."""
    rate: int
    """Ticks per second; 0 where the unit says nothing about time."""
    median: float
    """Median, in ticks."""
    min: float
    """Least, in ticks."""
    max: float
    """Most, in ticks."""
    samples: int
    """Number of inferences measured."""
    warmup: int
    """Number of inferences before them."""
    operators: tuple[OperatorCost, ...]
    """Operators in the order in which they run."""
    disturbance: float | None = None
    """By what share timing the operators lengthens an inference; null where none were timed."""

    @derived
    def median_ms(self) -> float | None:
        """Median in milliseconds; null where the unit says nothing about time."""
        return milliseconds(self.median, self.unit, self.rate)


# Caches and flash accelerators are cold for the first inferences.
WARMUP = 3


def summarize_latency(
    info: DeviceInfo, ticks: Ticks, profiled: Ticks, operators: Sequence[OperatorCost]
) -> Latency:
    """Median, least and most ticks of whole inferences, ``ticks`` [n].

    The first ``WARMUP`` samples are left out where there are more than that. ``profiled`` [r] are
    inferences in which operators were timed; r may be 0.
    """
    warmup = WARMUP if len(ticks) > WARMUP else 0
    counted = ticks[warmup:]
    plain = float(np.median(counted))
    disturbance = float(np.median(profiled)) / plain - 1 if len(profiled) and plain > 0 else None
    return Latency(
        unit=info.tick_unit,
        rate=info.tick_rate,
        median=plain,
        min=float(counted.min()),
        max=float(counted.max()),
        samples=len(counted),
        warmup=warmup,
        operators=tuple(operators),
        disturbance=disturbance,
    )


def milliseconds(ticks: float, unit: TickUnit, rate: int) -> float | None:
    """Ticks in ms, or None where the unit says nothing about time.

    What an emulator counts is never time, whatever the rate says; cycles are where the clock is
    known.
    """
    if unit == "microseconds":
        return ticks / 1000
    if unit == "cycles" and rate > 0:
        return 1000 * ticks / rate
    return None


def latency_text(latency: Latency) -> str:
    """The median: ``1 234 cycles = 0.02 ms at 64 MHz``, with only what is known."""
    time = time_text(latency)
    ticks = f"{number(latency.median)}{THIN}{UNIT_WORDS[latency.unit]}"
    return f"{ticks} = {time}" if time else ticks


def time_text(latency: Latency) -> str:
    """The median as a time: ``0.02 ms at 64 MHz``; empty where the unit says nothing of it."""
    if latency.median_ms is None:
        return ""
    clock = f" at {number(latency.rate / 1e6)}{THIN}MHz" if latency.unit == "cycles" else ""
    return f"{number(latency.median_ms)}{THIN}ms{clock}"
