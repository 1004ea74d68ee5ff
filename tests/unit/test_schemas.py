"""The schemas in docs/schemas are those of the documents."""

import pytest

from scripts.schemas import DOCUMENTS, FOLDER


@pytest.mark.parametrize("command", DOCUMENTS)
def test_the_schema_is_fresh(command: str) -> None:
    text = (FOLDER / f"{command}.json").read_text("utf-8")
    assert text == DOCUMENTS[command].schema_text(), "run `python -m scripts.schemas`"


def test_every_schema_is_of_a_document() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(DOCUMENTS)
