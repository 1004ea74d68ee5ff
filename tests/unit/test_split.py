"""Which samples are scored, which calibrate, which train."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from host.base.errors import DataError
from host.models.dataset import Dataset
from tests.fixtures.datasets import load, npz, rows


def test_samples_are_drawn_without_replacement_and_by_seed() -> None:
    one, same, other = (load("digits", samples=100, seed=s) for s in (1, 1, 2))
    assert len(np.unique(one.x.reshape(100, -1), axis=0)) == 100
    assert (one.x == same.x).all() and not (one.x == other.x).all()


def test_more_samples_than_there_are_is_a_note() -> None:
    found = load("digits", samples=1000)
    assert len(found.x) == 360
    assert "1000 samples were asked for" in found.notes[0]


def test_no_samples_is_an_error() -> None:
    with pytest.raises(DataError, match="--samples 0"):
        load("digits", samples=0)


@pytest.mark.parametrize(("samples", "scored", "held"), [(None, 80, 20), (30, 30, 70)])
def test_calibration_never_uses_a_scored_sample(
    tmp_path: Path, samples: int | None, scored: int, held: int
) -> None:
    path = npz(tmp_path, x=rows(100), y=np.arange(100))
    found = load(path, samples=samples, calibrate=True)
    assert found.x_calibration is not None and found.y is not None
    assert (len(found.x), len(found.x_calibration)) == (scored, held)
    assert not set(found.x[:, 0]) & set(found.x_calibration[:, 0])
    assert (found.x[:, 0] == found.y).all()
    assert "no x_calibration" in found.notes[-1]


@pytest.mark.parametrize(("count", "samples"), [(1, None), (10, 10), (10, 11)])
def test_nothing_left_to_calibrate_with(tmp_path: Path, count: int, samples: int | None) -> None:
    path = npz(tmp_path, x=rows(count))
    with pytest.raises(DataError, match="none is left") as caught:
        load(path, samples=samples, calibrate=True)
    assert "x_calibration" in caught.value.hint
    assert len(load(path, samples=samples).x) == count  # a ready .tflite needs none


def test_own_calibration_data_is_used(tmp_path: Path) -> None:
    path = npz(tmp_path, x=rows(5), x_calibration=rows(9))
    found = load(path, calibrate=True)
    assert found.x_calibration is not None
    assert (len(found.x), len(found.x_calibration), found.notes) == (5, 9, ())


def test_samples_to_train_with_calibrate_where_nothing_else_does(tmp_path: Path) -> None:
    path = npz(tmp_path, x=rows(5), x_train=rows(9) + 100, y_train=np.arange(9))
    for train in (False, True):
        found = load(path, calibrate=True, train=train)
        assert found.x_train is not None and found.y_train is not None
        assert found.y_train.tolist() == list(range(9)) and found.y is None
        assert found.x_calibration is not None and (found.x_calibration == found.x_train).all()
        assert (len(found.x), found.notes) == (5, ())
    path = npz(tmp_path, x=rows(5), x_train=rows(9), y_train=np.arange(9), x_calibration=rows(2))
    found = load(path, calibrate=True)
    assert found.x_calibration is not None and len(found.x_calibration) == 2


def split(path: Path, **options: Any) -> tuple[Any, Any, Dataset]:
    """First values of the samples that are scored and of those that train."""
    found = load(path, train=True, calibrate=True, **options)
    assert found.x_train is not None and found.y is not None and found.y_train is not None
    assert len(found.x_train) == len(found.y_train)
    assert not set(found.x[:, 0]) & set(found.x_train[:, 0])
    return found.x[:, 0], found.x_train[:, 0], found


@pytest.mark.parametrize("one_hot", [False, True])
def test_a_file_without_samples_to_train_with_is_split(tmp_path: Path, one_hot: bool) -> None:
    classes = np.repeat([0, 1, 2], [50, 30, 20])
    path = npz(tmp_path, x=rows(100), y=np.eye(3)[classes] if one_hot else classes)
    scored, trained, found = split(path)
    assert np.bincount(classes[scored.astype(int)]).tolist() == [10, 6, 4]
    assert sorted([*scored, *trained]) == list(range(100))
    assert found.y_train is not None and found.y is not None
    expected = np.eye(3)[classes] if one_hot else classes
    assert (found.y == expected[scored.astype(int)]).all()
    assert (found.y_train == expected[trained.astype(int)]).all()
    assert found.x_calibration is found.x_train
    assert "80 samples train and the other 20 are scored" in found.notes[-1]
    assert "within each class" in found.notes[-1]
    # Fewer samples or another seed score a part of the same samples, never a trained one.
    fewer, as_before, _ = split(path, samples=7, seed=5)
    assert set(fewer) < set(scored) and len(fewer) == 7 and (as_before == trained).all()
    whole = load(path)
    assert len(whole.x) == 100 and whole.x_train is None


@pytest.mark.parametrize("y", [np.linspace(0, 1, 13), np.arange(13), np.ones((13, 2))])
def test_targets_are_split_at_random(tmp_path: Path, y: Any) -> None:
    scored, trained, found = split(npz(tmp_path, x=rows(13), y=y))
    assert (len(scored), len(trained)) == (2, 11)
    assert found.y is not None and (found.y == y[scored.astype(int)].astype(np.float32)).all()
    assert "within each class" not in found.notes[-1]


def test_own_calibration_data_stays_where_a_file_is_split(tmp_path: Path) -> None:
    _, _, found = split(npz(tmp_path, x=rows(10), y=np.zeros(10), x_calibration=rows(3)))
    assert found.x_calibration is not None and len(found.x_calibration) == 3


def test_nothing_to_train_with(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no labels to train with"):
        load(npz(tmp_path, x=rows(10)), train=True)
    with pytest.raises(DataError, match="4 samples and no x_train"):
        load(npz(tmp_path, x=rows(4), y=np.arange(4)), train=True)
