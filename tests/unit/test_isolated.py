"""Native code may crash; the program must not."""

from __future__ import annotations

import ctypes

import pytest

from host import isolated
from host.errors import ModelError, OracleError


def double(x: int) -> int:
    return 2 * x


def refuse() -> None:
    raise ModelError("no good", "try another")


def crash() -> None:
    ctypes.string_at(0)


def test_a_value_comes_back() -> None:
    assert isolated.call(double, 21) == 42


def test_an_error_comes_back_whole() -> None:
    with pytest.raises(ModelError, match="no good") as caught:
        isolated.call(refuse)
    assert caught.value.hint == "try another"


def test_a_crash_is_an_error() -> None:
    with pytest.raises(OracleError, match="crash"):
        isolated.call(crash)
