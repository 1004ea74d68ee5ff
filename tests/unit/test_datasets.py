"""Data sets: what is scored, what calibrates, what trains, and whether it fits the model."""

import re
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from host.base.errors import ConfigError, DataError
from host.models.class_names import with_names
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
        ({"x": rows(4), "y": np.ones(4, complex)}, "`y` has type"),
        ({"x": rows(4), "y": [1e300, 1, 2, 3]}, "`y` goes up to 1e.300, which float32 cannot hold"),
        ({"x": rows(2), "y": np.array([2**63 + 5, 1], np.uint64)}, "which int64 cannot hold"),
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
        load(tmp_path / "nothing")
    good = npz(tmp_path, x=rows(50))
    good.write_bytes(good.read_bytes()[:-60])
    with pytest.raises(DataError, match="damaged"):
        load(good)
    single = tmp_path / "x.bin"
    with single.open("wb") as file:
        np.save(file, rows(3))
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
    ("given", "wanted", "hint"),
    [
        ((3, 8, 9), (8, 9, 3), r"np.transpose\(x, \(0, 2, 3, 1\)\).*A reshape would mix"),
        ((9, 8, 3), (8, 9, 3), "Transpose the samples' axes; a reshape would mix"),
        ((25, 3), (8, 9), "Give a data set for this model"),
        ((72,), (8, 9), "Reshape the samples as they were in training"),
    ],
)
def test_samples_of_another_shape_are_transposed_before_they_are_reshaped(
    given: tuple[int, ...], wanted: tuple[int, ...], hint: str
) -> None:
    with pytest.raises(DataError) as caught:
        check_fit(Dataset("set", np.zeros((2, *given), np.float32), None, None), wanted, (4,))
    assert re.search(hint, caught.value.hint)


def test_a_last_axis_of_one_is_added_and_said() -> None:
    x = np.zeros((2, 8, 9), np.float32)
    found = check_fit(Dataset("set", x, None, x[:1]), (8, 9, 1), (4,))
    assert found.x.shape == (2, 8, 9, 1) and found.x_calibration is not None
    assert found.x_calibration.shape == (1, 8, 9, 1)
    assert found.notes == ("The samples have shape (8, 9); a last axis of 1 was added.",)


@pytest.mark.parametrize("name", ["data.csv", "x.npy", "images"])
def test_what_people_have_instead_of_an_npz_gets_a_recipe(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path.suffix:
        path.write_text("1,2,0")
    else:
        path.mkdir()
    with pytest.raises(DataError, match="npz is wanted") as caught:
        load(path)
    assert "np.savez('samples.npz', x=" in caught.value.hint


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


def test_labels_for_an_auto_encoder_are_anomalies_or_refused() -> None:
    assert fit([0, 1, 0], output=(3,)).y.tolist() == [0, 1, 0]  # type: ignore[union-attr]
    with pytest.raises(DataError, match="not a list of classes"):
        fit([0, 1, 2], output=(3,))


def test_labels_may_be_names(tmp_path: Path) -> None:
    given = load(
        npz(tmp_path, x=rows(3), y=["sit", "run", "sit"], class_names=["sit", "run", "fly"])
    )
    assert given.y is not None and given.y.tolist() == [0, 1, 0]
    assert given.class_names == ("sit", "run", "fly") and given.notes == ()
    guessed = load(npz(tmp_path, x=rows(3), y=["sit", "run", "sit"]))
    assert guessed.y is not None and guessed.y.tolist() == [1, 0, 1]
    assert "in this order: run, sit" in guessed.notes[0]
    with pytest.raises(DataError, match="'fly', which is not one of the class names"):
        load(npz(tmp_path, x=rows(2), y=["sit", "fly"], labels=["sit", "run"]))
    with pytest.raises(DataError, match="a list of the classes' names is wanted"):
        load(npz(tmp_path, x=rows(2), class_names=[[1]]))
    assert load(npz(tmp_path, x=rows(2), labels=[1, 2])).class_names == ()  # they may be anything


def test_names_may_come_from_the_user() -> None:
    assert with_names(fit([0, 2, 1]), "a, b,c,d", 4).class_names == ("a", "b", "c", "d")
    assert with_names(fit(None, output=(1,)), "no,yes", 1).class_name(1) == "yes"
    assert fit([0, 2, 1]).class_name(2) == "2"
    with pytest.raises(ConfigError, match="gives 2 names, the model has 4 classes"):
        with_names(fit([0, 2, 1]), "a,b", 4)


def test_what_tutorials_call_x_test_is_scored(tmp_path: Path) -> None:
    data = load(npz(tmp_path, x_test=rows(3), y_test=[1, 0, 1], x_train=rows(2), y_train=[0, 1]))
    assert len(data.x) == 3 and data.y is not None and data.y.tolist() == [1, 0, 1]


def test_no_labels_fit_everything() -> None:
    assert fit(None).y is None


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
