"""Is all there that a board needs?"""

import pytest

from host.base.errors import ConfigError
from host.commands.doctor.flow import document, engines, readiness


def test_a_board_that_can_be_used() -> None:
    ready = readiness("process")
    assert ready.ready and ready.exit == 0
    assert ready.text.startswith("process: all is there. Engine ")
    assert document(ready)["board"] == vars(ready)


def test_a_board_that_is_not_there_says_what_is_missing_and_what_to_do() -> None:
    ready = readiness("nano33ble")
    assert not ready.ready and ready.exit == 3
    assert "no nano33ble is attached" in ready.text and "plugged in" in ready.text


def test_only_the_board_that_was_asked_for_is_listed() -> None:
    assert list(engines("process")) == ["process"] and len(engines()) > 5
    assert "board" not in document()
    with pytest.raises(ConfigError, match="there is no board"):
        readiness("nothing")
