"""Answers that are kept for a run that goes on."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.base.errors import ConfigError, LinkError
from host.device.answers import AnswerFile, kept
from host.device.identity import DeviceInfo
from host.device.session import Answer, Session
from host.device.sharing import side_by_side
from tests.fixtures.fakes import FakeDevice, FakeLink, compute
from tests.line.faults import Nth, lost

SAMPLES = [bytes([index, 1, 0, 255]) for index in range(40)]


def info() -> DeviceInfo:
    return Session(FakeLink(FakeDevice())).hello(2.0)


def answer(sample: int) -> Answer:
    return Answer(sample, 1000 + sample, (), compute(SAMPLES[sample]))


def keep(path: Path, *numbers: int, image: bytes = b"elf") -> AnswerFile:
    answers = AnswerFile(path, image, resume=True)
    answers.open(info(), SAMPLES)
    for number in numbers:
        answers.add(answer(number))
    answers.close()
    return answers


def test_a_run_goes_on_from_what_was_kept(tmp_path: Path) -> None:
    path = tmp_path / "answers"
    keep(path, 0, 7, 3)
    again = keep(path, 5)
    assert again.resumed == 3 and again.count == 4
    assert again.notes == (
        "3 of 40 answers are from an earlier attempt; the link's numbers cover only the others.",
    )
    known = AnswerFile(path, b"elf", resume=True).open(info(), SAMPLES)
    assert known == {number: answer(number) for number in (0, 7, 3, 5)}


def test_without_resume_it_starts_empty(tmp_path: Path) -> None:
    path = tmp_path / "answers"
    keep(path, 1, 2)
    fresh = AnswerFile(path, b"elf", resume=False)
    assert fresh.open(info(), SAMPLES) == {} and fresh.notes == ()
    fresh.close()
    assert AnswerFile(path, b"elf", resume=True).open(info(), SAMPLES) == {}


def test_there_may_be_nothing_to_go_on_from(tmp_path: Path) -> None:
    (note,) = keep(tmp_path / "answers").notes
    assert "no answers from an earlier attempt" in note


@pytest.mark.parametrize("what", ["image", "device", "samples", "number of samples"])
def test_answers_of_another_run_are_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / "answers"
    keep(path, 1, 2)
    device = replace(info(), model_digest="cd" * 32) if what == "device" else info()
    samples = {"samples": [*SAMPLES[:-1], b"else"], "number of samples": SAMPLES[:-1]}
    other = AnswerFile(path, b"new" if what == "image" else b"elf", resume=True)
    with pytest.raises(ConfigError, match="belongs to another run"):
        other.open(device, samples.get(what, SAMPLES))
    assert len(AnswerFile(path, b"elf", resume=True).open(info(), SAMPLES)) == 2


def test_a_file_that_had_hardly_begun_starts_empty(tmp_path: Path) -> None:
    path = tmp_path / "answers"
    keep(path, 1)
    path.write_bytes(path.read_bytes()[:50])
    assert keep(path, 2).resumed == 0
    assert set(AnswerFile(path, b"elf", resume=True).open(info(), SAMPLES)) == {2}


@given(data=st.data())
def test_a_damaged_file_costs_answers_and_gives_no_wrong_ones(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("kept") / "answers"
    keep(path, *range(10))
    whole = path.read_bytes()
    first = whole.index(b"\0\0") + 1  # which run it is of, is not damaged here
    at = data.draw(st.integers(first, len(whole) - 1))
    broken = data.draw(st.sampled_from(["cut", "flip"]))
    flipped = whole[:at] + bytes([whole[at] ^ 1 << data.draw(st.integers(0, 7))]) + whole[at + 1 :]
    path.write_bytes(whole[:at] if broken == "cut" else flipped)
    known = AnswerFile(path, b"elf", resume=True).open(info(), SAMPLES)
    assert all(known[number] == answer(number) for number in known)
    assert len(known) >= (8 if broken == "flip" else 0)
    keep(path, 30)
    assert AnswerFile(path, b"elf", resume=True).open(info(), SAMPLES)[30] == answer(30)


def test_whoever_cannot_finish_is_told_how_to_go_on(tmp_path: Path) -> None:
    answers = AnswerFile(tmp_path / "answers", b"elf", resume=False)
    link = FakeLink(FakeDevice(), to_device=Nth(range(20, 999), lost))
    session = Session(link, timeout=0.05)
    with (
        pytest.raises(LinkError, match="stopped answering") as caught,
        kept(answers, "python -m host --resume"),
    ):
        answers.open(session.hello(2.0), SAMPLES)
        side_by_side([session], SAMPLES, keep=answers.add)
    assert "19 samples were answered and are kept" in caught.value.hint
    assert caught.value.hint.endswith("continue with: python -m host --resume")


@pytest.mark.parametrize("devices", [1, 2, 5])
def test_devices_share_the_samples_and_answer_in_their_order(devices: int) -> None:
    cancelled = threading.Event()
    links = [FakeLink(FakeDevice(), Nth([3], lost)) for _ in range(devices)]
    sessions = [Session(link, timeout=1, cancelled=cancelled) for link in links]
    for session in sessions:
        session.hello(2.0)
    seen: list[int] = []
    known = {3: answer(3), 17: answer(17)}
    answers = side_by_side(sessions, SAMPLES, known, cancelled, progress=seen.append)
    assert [item.output for item in answers] == [compute(sample) for sample in SAMPLES]
    assert [item.sample for item in answers] == list(range(40))
    assert seen == list(range(3, 41))
    computed = [link.device.inferences for link in links]
    assert sum(computed) == 38 and min(computed) >= 38 // devices


def test_a_device_that_fails_ends_the_others(tmp_path: Path) -> None:
    cancelled = threading.Event()
    links = [FakeLink(FakeDevice()), FakeLink(FakeDevice(), Nth(range(3, 999), lost))]
    links.append(FakeLink(FakeDevice(), Nth(range(5, 999), lost)))
    sessions = [
        Session(link, timeout=timeout, cancelled=cancelled)
        for link, timeout in zip(links, (1, 0.05, 60), strict=True)
    ]
    for session in sessions:
        session.hello(2.0)
    with pytest.raises(LinkError, match="stopped answering"):
        side_by_side(sessions, SAMPLES, {}, cancelled)
    assert cancelled.is_set()
