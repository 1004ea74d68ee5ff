"""What a profile suggests to change."""

from dataclasses import replace

import numpy as np
import pytest

from host.commands.profile.advice import advice
from host.models.tflite import Graph
from host.verdict.costs import OperatorCost
from tests.fixtures.graphs import graph, tensor


def costs(*shares: float) -> list[OperatorCost]:
    return [
        OperatorCost(i, "", 100 * share, share, 0, None, (), ()) for i, share in enumerate(shares)
    ]


def normalized(activation: int) -> Graph:
    """CONV_2D, then MUL and ADD with constants."""
    base = graph("CONV_2D", "MUL", "ADD")
    constant = replace(tensor(4, "c", (1, 4)), data=np.zeros((1, 4), np.int8))
    conv, *others = base.operators
    return replace(
        base,
        tensors=(*base.tensors, constant),
        operators=(
            replace(conv, options={"fusedActivationFunction": activation}),
            *(replace(operator, inputs=(*operator.inputs, 4)) for operator in others),
        ),
    )


def test_a_batch_normalization_behind_an_activation() -> None:
    (said,) = advice(normalized(1), costs(0.8, 0.04, 0.16))
    assert said.startswith("1 MUL and 2 ADD take 20.0\u202f% of an inference. They are a batch")
    assert advice(normalized(0), costs(0.8, 0.04, 0.16)) == ()  # a layer of scales of its own
    assert advice(normalized(1), costs(0.95, 0.02, 0.03)) == ()  # too little to matter


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (
            ("CONV_2D", "TRANSPOSE", "SOFTMAX"),
            "1 TRANSPOSE takes 10.0\u202f%",
        ),
        (
            ("CONV_2D", "QUANTIZE", "SOFTMAX"),
            "1 QUANTIZE takes 10.0\u202f%",
        ),
        (("QUANTIZE", "CONV_2D", "SOFTMAX"), None),  # at the model's end it is the input's
        (("CONV_2D", "MEAN", "SOFTMAX"), None),
    ],
)
def test_what_only_moves_or_rescales(names: tuple[str, ...], says: str | None) -> None:
    said = advice(graph(*names), costs(0.1, 0.1, 0.8))
    assert [text[: len(says or "")] for text in said] == ([] if says is None else [says])


def test_without_ticks_nothing_is_said() -> None:
    unknown = [replace(cost, ticks=None, share=None) for cost in costs(0.1, 0.8, 0.1)]
    assert advice(graph("CONV_2D", "TRANSPOSE", "SOFTMAX"), unknown) == ()
