"""The verdict in sentences."""

from collections.abc import Mapping

from host.oracles.columns import COLUMN_LABELS
from host.report.formats import number
from host.verdict.gaps import GAP_WORDS, Gap, GapName


def why(gaps: Mapping[GapName, Gap | None]) -> str:
    """One or two sentences under the headline: why this verdict, and whose each gap is."""
    sentences = [_deployment(gaps["deployment"])]
    quantization = gaps["quantization"]
    if quantization is not None and not quantization.zero:
        sentences.append(_quantization(quantization))
    return " ".join(sentences)


def _deployment(gap: Gap | None) -> str:
    if gap is None:
        return "The device could not be compared with TFLM on the host."
    oracle = COLUMN_LABELS[gap.left]
    if gap.zero:
        return (
            f"The device computes byte for byte what {oracle} computes: nothing is lost between "
            "the int8 model and the board."
        )
    flips = f", {gap.flips} of them with another class" if gap.flips else ""
    return (
        f"On {gap.samples - gap.equal_samples} of {gap.samples} samples{flips}, the device does "
        f"not compute what {oracle} computes. That is the deployment gap; its owner is "
        f"{GAP_WORDS[gap.name].owner}."
    )


def _quantization(gap: Gap) -> str:
    owner = f"that is the quantization gap, owned by {GAP_WORDS[gap.name].owner}"
    if gap.flips is None:
        return (
            f"Int8 moves the outputs by {number(gap.mean_error)} on average and "
            f"{number(gap.max_error)} at most; {owner}."
        )
    if gap.flips == 0:
        return "Int8 itself changes no prediction."
    return f"Int8 itself changes {gap.flips} of {gap.samples} predictions; {owner}."
