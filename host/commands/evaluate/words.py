"""The verdict in sentences."""

from __future__ import annotations

from host.commands.evaluate.values import Evaluation
from host.oracles.columns import COLUMN_LABELS
from host.report.formats import number
from host.verdict.gaps import GAP_WORDS, Gap, equal_samples


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
    return f"Int8 itself changes {gap.flips} of {gap.samples} predictions; {owner}."
