"""Rules about errors: every class is complete, and foreign exceptions do not get through."""

import time
from collections.abc import Iterator

import numpy as np
import pytest

from host.base import errors
from host.base.errors import FlashAndEvalError, InputError, MachineError, ModelError
from host.models import tflite
from host.quantize.checks import check_graph
from tests.fixtures.runs import shared_model


def tree(root: type[FlashAndEvalError]) -> Iterator[type[FlashAndEvalError]]:
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


@pytest.mark.parametrize("kind", list(tree(FlashAndEvalError)))
def test_every_error_has_a_hint_an_exit_code_and_a_place_in_the_drawing(
    kind: type[FlashAndEvalError],
) -> None:
    error = kind("what happened")
    assert str(error) == error.message == "what happened"
    assert len(error.hint) > 10 and error.hint.endswith(".")
    assert kind("a", "do this").hint == "do this"
    assert kind.__doc__
    assert errors.__doc__ and kind.__name__ in errors.__doc__
    if issubclass(kind, InputError):
        assert kind.exit_code == 2
    else:
        assert kind.exit_code == 3
        assert kind is FlashAndEvalError or issubclass(kind, MachineError)


@pytest.mark.parametrize("name", ["tflm_hello_world_int8.tflite", "tflm_micro_speech_int8.tflite"])
def test_a_damaged_tflite_ends_in_a_model_error(name: str) -> None:
    whole = shared_model(name).read_bytes()
    rng = np.random.default_rng(7)
    for _ in range(200):
        content = bytearray(whole)
        for _ in range(int(rng.integers(1, 12))):
            # The tables lie at both ends; the middle is weights, where every byte is allowed.
            offset = int(rng.integers(0, 2000))
            content[-1 - offset if rng.random() < 0.5 else offset] = int(rng.integers(256))
        _parse_in_time(bytes(content))


def test_a_truncated_tflite_is_always_refused() -> None:
    whole = shared_model("tflm_hello_world_int8.tflite").read_bytes()
    for length in range(0, len(whole) - 4, 9):
        with pytest.raises(ModelError):
            tflite.parse(whole[:length])


def _parse_in_time(content: bytes) -> None:
    start = time.monotonic()
    try:
        check_graph(tflite.parse(content))
    except ModelError as error:
        assert error.hint
    assert time.monotonic() - start < 2.0
