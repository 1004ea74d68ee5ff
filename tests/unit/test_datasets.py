"""Data sets: what is scored, what calibrates, and whether it fits the model."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from host.base.errors import DataError
from host.models.data_formats import DATA_FORMATS, DataFormat, Wanted, described
from host.models.dataset import Dataset, check_fit
from tests.fixtures.datasets import load, npz, rows


def test_digits_are_split_once_and_for_all() -> None:
    one, two = load("digits", seed=1), load("digits", seed=2)
    assert one.x_train is not None and one.y_train is not None and one.y is not None
    assert (one.x_train.shape, one.x.shape) == ((1437, 8, 8, 1), (360, 8, 8, 1))
    assert one.x.dtype == np.float32 and one.y.dtype == np.int64
    assert one.x.min() == 0.0 and one.x.max() == 1.0
    assert len(one.y_train) == 1437 and np.bincount(one.y).min() >= 34
    assert (one.x == two.x).all()
    train = {sample.tobytes() for sample in one.x_train}
    assert sum(sample.tobytes() in train for sample in one.x) == 0


def test_mnist5k() -> None:
    found = load("mnist5k", samples=50)
    assert found.x.shape == (50, 28, 28, 1) and found.y is not None
    assert found.x_calibration is not None and len(found.x_calibration) == 4000
    assert found.x_train is found.x_calibration
    assert found.y_train is not None and np.bincount(found.y_train).tolist() == [400] * 10
    assert 0.99 < found.x.max() <= 1.0


def test_random_is_raw_int8_and_says_what_it_is_good_for() -> None:
    found = load("random", input_shape=(4, 5, 1), seed=3)
    assert found.x.shape == (20, 4, 5, 1) and found.x.dtype == np.int8
    assert found.raw and found.y is None and "nothing on accuracy" in found.notes[0]
    assert (load("random", input_shape=(4, 5, 1), seed=3).x == found.x).all()
    assert len(load("random", samples=7).x) == 7
    with pytest.raises(DataError, match="no representative data"):
        load("random", calibrate=True)
    with pytest.raises(DataError, match="nothing to train with"):
        load("random", train=True)


def test_another_format_is_an_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(wanted: Wanted) -> Dataset:
        return Dataset(Path(wanted.spec).name, rows(7), None, None)

    entry = DataFormat("a folder", read, accepts=Path.is_dir)
    monkeypatch.setitem(cast(dict[str, DataFormat], DATA_FORMATS), "folder", entry)
    assert load(tmp_path).name == tmp_path.name and len(load(tmp_path, samples=2).x) == 2
    assert described(real=True) == "digits, mnist5k, an .npz (x, y, x_calibration), or a folder"


def nan_at(sample: int) -> Any:
    x = rows(10)
    x[sample, 1:] = np.nan
    return x


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"y": [1]}, "no array `x`; it has y"),
        ({}, "no array `x`; it has nothing"),
        ({"x": np.array([[1], ["a"]], object)}, "Python objects"),
        ({"x": [["a", "b"]]}, "type <U1"),
        ({"x": np.ones((2, 2), complex)}, "type complex128"),
        ({"x": np.zeros((0, 3))}, r"shape \(0, 3\)"),
        ({"x": np.zeros(3)}, r"shape \(3,\)"),
        ({"x": nan_at(4)}, "2 values that are NaN or infinite in float32, the first in sample 4"),
        ({"x": np.full((2, 3), 1e300)}, "6 values that are NaN or infinite"),
        ({"x": rows(4), "x_calibration": nan_at(0)}, "`x_calibration` has 2 values"),
        ({"x": rows(4), "x_calibration": rows(4, 2)}, r"shape \(2,\), one of x \(3,\)"),
        ({"x": rows(4), "y": [1, 2]}, r"x has 4 samples, but y has shape \(2,\)"),
        ({"x": rows(4), "y": 1}, r"y has shape \(\)"),
        ({"x": rows(4), "y": ["a"] * 4}, "`y` has type"),
        ({"x": rows(4), "y": [0, 1, np.nan, 1]}, "1 samples, the first in sample 2"),
        ({"x": rows(4), "y": np.array([None] * 4)}, "Python objects"),
        ({"x": rows(4), "x_train": rows(4)}, "has `x_train`, but no `y_train`"),
        ({"x": rows(4), "y_train": [1, 2]}, "has `y_train`, but no `x_train`"),
        (
            {"x": rows(4), "x_train": rows(4), "y_train": [1, 2]},
            r"x_train has 4 samples, but y_train has shape \(2,\)",
        ),
        ({"x": rows(4), "x_train": rows(2, 2), "y_train": [1, 2]}, r"x_train has shape \(2,\)"),
        ({"x": rows(4), "x_train": nan_at(0), "y_train": [1] * 10}, "`x_train` has 2 values"),
        ({"x": rows(4), "x_train": rows(1), "y_train": [np.nan]}, "`y_train` has NaN"),
    ],
)
def test_bad_arrays(tmp_path: Path, arrays: dict[str, Any], says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        load(npz(tmp_path, **arrays))
    assert caught.value.exit_code == 2 and caught.value.hint


def test_bad_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="neither a file nor one of digits, mnist5k, random"):
        load("digitz")
    text = tmp_path / "a.npz"
    text.write_text("no zip")
    with pytest.raises(DataError, match=r"not an \.npz"):
        load(text)
    with pytest.raises(DataError, match="neither a file nor"):
        load(tmp_path)
    good = npz(tmp_path, x=rows(50))
    good.write_bytes(good.read_bytes()[:-60])
    with pytest.raises(DataError, match="damaged"):
        load(good)
    single = tmp_path / "x.npy"
    np.save(single, rows(3))
    with pytest.raises(DataError, match="single array"):
        load(single)


def test_other_arrays_of_the_file_are_left_alone(tmp_path: Path) -> None:
    found = load(npz(tmp_path, x=rows(3), names=np.array(["a", 1], object)))
    assert len(found.x) == 3 and found.y is None


@pytest.mark.parametrize("kind", [np.uint8, np.float16, np.float64, np.int32, np.bool_])
def test_numeric_types_become_float32(tmp_path: Path, kind: type) -> None:
    found = load(npz(tmp_path, x=np.array([[0, 1, 255]]).astype(kind)))
    assert found.x.dtype == np.float32
    whole = np.dtype(kind).kind in "iub"
    assert any("not rescaled" in note for note in found.notes) == whole


def fit(y: Any, output: tuple[int, ...] = (4,), input_: tuple[int, ...] = (3,)) -> Dataset:
    values = None if y is None else np.asarray(y)
    return check_fit(Dataset("set", rows(3), values, None), input_, output)


def test_a_shape_that_does_not_fit_is_named_with_the_one_wanted() -> None:
    with pytest.raises(DataError, match=r"shape \(3,\).*takes \(32, 32, 3\)"):
        fit(None, input_=(32, 32, 3))
    with pytest.raises(DataError, match="x_calibration"):
        check_fit(Dataset("set", rows(3), None, rows(3, 2)), (3,), (4,))


@pytest.mark.parametrize(
    "y",
    [
        [0, 3, 1],
        [0.0, 3.0, 1.0],
        [[0], [3], [1]],
        np.eye(4)[[0, 3, 1]],
        np.eye(4, dtype=int)[[0, 3, 1]],
    ],
)
def test_labels_in_every_usual_form(y: Any) -> None:
    found = fit(y)
    assert found.y is not None
    assert found.y.dtype == np.int64 and found.y.tolist() == [0, 3, 1]


@pytest.mark.parametrize(
    ("y", "says"),
    [
        ([0, 4, 1], r"labels from 0 to 4 \(y\), the model has 4 classes, 0 to 3"),
        ([-1, 2, 1], "labels from -1 to 2"),
        ([0.0, 0.5, 1.0], r"labels \(y\) that are not whole numbers, such as 0\.5"),
        (np.zeros((3, 5)), r"targets of shape \(5,\) \(y\), the model's output is \(4,\)"),
    ],
)
def test_labels_that_do_not_fit(y: Any, says: str) -> None:
    with pytest.raises(DataError, match=says):
        fit(y)


def fit_training(y: Any, y_train: Any, x_train: Any = None) -> Dataset:
    x = rows(len(y_train)) if x_train is None else x_train
    whole = Dataset("set", rows(len(y)), np.asarray(y), None, x_train=x, y_train=np.array(y_train))
    return check_fit(whole, (3,), (4,))


def test_training_labels_take_the_form_of_the_others() -> None:
    found = fit_training([0, 3], np.eye(4)[[1, 2, 0]])
    assert found.y_train is not None and found.y is not None
    assert (found.y_train.tolist(), found.y.tolist()) == ([1, 2, 0], [0, 3])
    assert found.notes == ("y_train is one-hot and was taken as class numbers.",)


@pytest.mark.parametrize(
    ("y_train", "x_train", "says"),
    [
        ([0, 4, 1], None, r"labels from 0 to 4 \(y_train\)"),
        (np.zeros((3, 5)), None, r"targets of shape \(5,\) \(y_train\)"),
        (np.full((3, 4), 0.25), None, "class numbers in one of y and y_train"),
        ([0, 1, 2], rows(3, 2), r"shape \(2,\) \(x_train\)"),
    ],
)
def test_training_labels_that_do_not_fit(y_train: Any, x_train: Any, says: str) -> None:
    with pytest.raises(DataError, match=says):
        fit_training([0, 3], y_train, x_train)


def test_targets_take_the_outputs_shape() -> None:
    found = fit([1, 2, 3], output=(1,))
    assert found.y is not None and found.y.shape == (3, 1) and found.y.dtype == np.float32
    found = fit(np.full((3, 4), 0.25))
    assert found.y is not None and found.y.shape == (3, 4) and found.y.dtype == np.float32


def test_labels_for_an_auto_encoder_are_refused() -> None:
    with pytest.raises(DataError, match="not a list of classes"):
        fit([0, 1, 0], output=(3,))


def test_no_labels_fit_everything() -> None:
    assert fit(None).y is None
