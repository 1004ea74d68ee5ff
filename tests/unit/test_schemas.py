"""The schemas in docs/schemas are those of the documents."""

import pytest
from pydantic import ValidationError

from host.deployment.document import Conditions, Limits
from host.firmware.boards import find_board
from scripts.schemas import DOCUMENTS, FOLDER


@pytest.mark.parametrize("command", DOCUMENTS)
def test_the_schema_is_fresh(command: str) -> None:
    text = (FOLDER / f"{command}.json").read_text("utf-8")
    assert text == DOCUMENTS[command].schema_text(), "run `python -m scripts.schemas`"


def test_every_schema_is_of_a_document() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(DOCUMENTS)


def test_a_part_takes_from_its_sources_what_has_the_names_of_its_fields() -> None:
    board = find_board("qemu-m4")
    assert Limits.of(board) == Limits(flash=board.flash, ram=board.ram)
    assert Limits.of(Limits(flash=1, ram=2), board).flash == 1  # the first that has one
    assert Limits.of(board, flash=3).flash == 3
    with pytest.raises(ValidationError, match="tick_unit"):
        Conditions.of(board)  # what nobody has is missed
