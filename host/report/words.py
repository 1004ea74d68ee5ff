"""Names, meanings and number formats that the JSON, the HTML and the terminal share.

Pure text: nothing here knows rich, jinja or matplotlib.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass

from host.records import (
    ColumnName,
    Evaluation,
    FirstDifference,
    Gap,
    GapName,
    TensorDifference,
    TickUnit,
)

COLUMNS: tuple[ColumnName, ...] = ("keras", "litert", "litert_reference", "tflm_host", "device")
GAPS: tuple[GapName, ...] = ("quantization", "desktop", "desktop_reference", "deployment")

COLUMN_LABELS: dict[ColumnName, str] = {
    "keras": "Keras",
    "litert": "LiteRT",
    "litert_reference": "LiteRT reference",
    "tflm_host": "TFLM on the host",
    "device": "Device",
}
COLUMN_MEANINGS: dict[ColumnName, str] = {
    "keras": "the Keras model that the int8 model was made from",
    "litert": "the int8 model, desktop kernels",
    "litert_reference": "the int8 model, desktop reference kernels",
    "tflm_host": "the oracle: the int8 model, TFLite-Micro's kernels",
    "device": "the int8 model, on the board",
}


@dataclass(frozen=True)
class GapWords:
    """What a gap is called, what it means, who owns it, and what to do where it is not zero."""

    title: str
    meaning: str
    owner: str
    remedy: str


GAP_WORDS: dict[GapName, GapWords] = {
    "quantization": GapWords(
        "Quantization gap",
        "What int8 costs: the float model against the same model in int8.",
        "the conversion",
        "If it is too much: choose another route, or calibrate with more typical data. "
        "The board cannot change it.",
    ),
    "desktop": GapWords(
        "Desktop gap",
        "Desktop kernels round differently from TFLite-Micro's.",
        "the desktop interpreter",
        "Nothing. Never chase it on the board: it is there without one.",
    ),
    "desktop_reference": GapWords(
        "Desktop gap, reference kernels",
        "LiteRT's reference kernels against TFLite-Micro's, which come from the same source.",
        "a version skew between LiteRT and TFLM",
        "Compare the two versions. The board has no part in it.",
    ),
    "deployment": GapWords(
        "Deployment gap",
        "Must be zero: the device computes every byte that TFLM on the host computes.",
        "the firmware, the wire, the kernels or a version skew",
        "Start at the first differing operator where one is named; then compare the versions, "
        "and build and flash again.",
    ),
}

UNIT_WORDS: dict[TickUnit, str] = {
    "cycles": "cycles",
    "instructions": "instructions",
    "microseconds": "µs",
}
# A thin no-break space: groups digits and joins a number with its unit, and never wraps.
THIN = "\u202f"


def number(value: float, digits: int = 4) -> str:
    """Integers in groups of three digits, other numbers to ``digits`` significant ones."""
    if not math.isfinite(value):
        return "—"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}".replace(",", THIN)
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", THIN)
    return f"{value:.{digits}g}"


def percent(share: float) -> str:
    """A share 0..1 in percent. Only exactly all reads 100 %, only exactly none reads 0 %."""
    if not math.isfinite(share):
        return "—"
    if 0.999 < share < 1.0:
        return f">{THIN}99.9{THIN}%"
    if 0.0 < share < 0.001:
        return f"<{THIN}0.1{THIN}%"
    digits = 0 if share in (0.0, 1.0) else 1
    return f"{100 * share:.{digits}f}{THIN}%"


def size(nbytes: float) -> str:
    """Bytes, in KiB or MiB where that reads better."""
    if nbytes < 1024:
        return f"{number(round(nbytes))}{THIN}B"
    unit, scale = ("KiB", 1024) if nbytes < 1024 * 1024 else ("MiB", 1024 * 1024)
    return f"{number(round(nbytes / scale, 1))}{THIN}{unit}"


def duration(seconds: float) -> str:
    """Seconds, to a tenth below a minute."""
    if seconds < 0.1:
        return f"{1000 * seconds:.0f}{THIN}ms"
    if seconds < 60:
        return f"{seconds:.1f}{THIN}s"
    return f"{int(seconds // 60)}{THIN}min {int(seconds % 60)}{THIN}s"


def milliseconds(ticks: float, unit: TickUnit, rate: int) -> float | None:
    """Ticks in ms, or None where the unit says nothing about time.

    Instructions are never time, whatever the rate says; cycles are where the clock is known.
    """
    if unit == "microseconds":
        return ticks / 1000
    if unit == "cycles" and rate > 0:
        return 1000 * ticks / rate
    return None


def latency_text(ticks: float, unit: TickUnit, rate: int) -> str:
    """``1 234 cycles = 0.02 ms at 64 MHz``, with only what is known."""
    text = f"{number(ticks)}{THIN}{UNIT_WORDS[unit]}"
    ms = milliseconds(ticks, unit, rate)
    if ms is None:
        return text
    clock = f" at {number(rate / 1e6)}{THIN}MHz" if unit == "cycles" else ""
    return f"{text} = {number(ms)}{THIN}ms{clock}"


def signed(value: float, digits: int = 4) -> str:
    """As ``number``, with a true minus sign."""
    return number(value, digits).replace("-", "−")


def position(first: FirstDifference) -> str:
    """Which operator differs first, and on which sample."""
    operator = first.operator
    return (
        f"operator {operator.index} {plain(operator.name)} (tensor {operator.tensor} "
        f"'{plain(first.tensor_name)}'), sample {first.sample}"
    )


def difference(found: TensorDifference | None) -> str:
    """Both values at the first differing place, and how much differs."""
    if found is None:
        return "asked for once more, all its values are equal: the difference did not repeat"
    place = ", ".join(map(str, found.place))
    device, host = (
        signed(code) + ("" if real is None or real == code else f" ({signed(real)})")
        for code, real in ((found.device, found.device_real), (found.host, found.host_real))
    )
    return (
        f"at [{place}] the device has {device}, TFLM on the host {host}; {found.differing} of "
        f"{found.values} values differ, by at most {largest(found)}"
    )


def largest(found: TensorDifference) -> str:
    """The largest difference with its unit: steps, where the tensor has a scale."""
    if found.device_real is None or isinstance(found.device, float):
        return number(found.largest)
    return f"{number(found.largest)} step{'' if found.largest == 1 else 's'}"


def plain(text: str) -> str:
    """Text on one line, with escapes for what is not to be seen: control characters, line ends,
    direction marks, lone surrogates. Names in a model may hold anything."""
    return "".join(_visible(c) for c in text)


def _visible(char: str) -> str:
    category = unicodedata.category(char)
    if category[0] == "C" or category in ("Zl", "Zp"):
        return char.encode("unicode_escape").decode("ascii")
    return char


def short(text: str, width: int = 28) -> str:
    """The end of a tensor's name, where names of a graph differ, at most ``width`` characters.

    Of a fused operator's names, the first.
    """
    text = plain(text).split(";", 1)[0]
    return text if len(text) <= width else "…" + text[-(width - 1) :]


def at_most(value: float) -> str:
    """``≤ 3``, and for none ``0``."""
    return "0" if value == 0 else f"≤{THIN}{number(value)}"


def equal_samples(gap: Gap) -> int:
    """Number of samples that are equal in every byte."""
    return round(gap.bit_equal * gap.samples)


def why(evaluation: Evaluation) -> str:
    """One or two sentences under the headline: why this verdict, and whose each gap is."""
    gaps = evaluation.verdict.gaps
    deployment, quantization = gaps.get("deployment"), gaps.get("quantization")
    sentences = []
    if deployment is None:
        sentences.append("The device could not be compared with TFLM on the host.")
    elif deployment.bit_equal == 1.0:
        sentences.append(
            f"The device computes byte for byte what {COLUMN_LABELS[deployment.left]} computes: "
            "nothing is lost between the int8 model and the board."
        )
    else:
        wrong = deployment.samples - equal_samples(deployment)
        flips = f", {deployment.flips} with another class" if deployment.flips else ""
        sentences.append(
            f"On {wrong} of {deployment.samples} samples{flips}, the device computes something "
            f"else than {COLUMN_LABELS[deployment.left]}. That is the deployment gap; "
            f"its owner is {GAP_WORDS['deployment'].owner}."
        )
    if quantization is not None and quantization.bit_equal < 1.0:
        sentences.append(_quantization_cost(quantization))
    return " ".join(sentences)


def _quantization_cost(gap: Gap) -> str:
    owner = f"that is the quantization gap, owned by {GAP_WORDS['quantization'].owner}"
    if gap.flips is None:
        return (
            f"Int8 moves the outputs by {number(gap.mean_error)} on average and "
            f"{number(gap.max_error)} at most; {owner}."
        )
    if gap.flips == 0:
        return "Int8 itself changes no prediction."
    verb = "prediction" if gap.flips == 1 else "predictions"
    return f"Int8 itself changes {gap.flips} of {gap.samples} {verb}; {owner}."
