"""A study's statistics, sentences and folder, on runs made up from numbers."""

import dataclasses
import hashlib
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

from host.base.errors import ConfigError
from host.commands.study import compare, words
from host.commands.study.folder import REPORTS, Folder, identity, open_folder
from host.commands.study.values import Comparison, DeviceResult, DifferingModel, Pair, RunResult
from host.verdict import statistics
from host.verdict.statistics import Interval
from tests.fixtures.studies import (
    CONDITIONS,
    PLAN,
    device_results,
    labels,
    route_result,
    run_results,
)

Y = labels()


def pair(runs: list[RunResult], *routes: str) -> Pair:
    (compared,) = compare.compare_pairs(routes, runs, Y)
    return compared


def test_a_route_over_runs() -> None:
    errors = [3, 4, 5, 4, 3, 6, 4, 3, 4]
    route = compare.summarize_route("float", run_results({"float": errors}), Y)
    assert route.errors == tuple(map(float, errors))
    assert route.error.value == pytest.approx(4.0)
    assert route.sd == pytest.approx(1.0)
    assert route.error == statistics.bootstrap_mean(np.array(errors, float))
    assert route.executor == "keras"
    assert route.keeps_keras_predictions is None and route.tflite_bytes is None


def test_few_runs_have_students_interval() -> None:
    route = compare.summarize_route("float", run_results({"float": [23, 25]}), Y)
    assert route.error == statistics.mean(np.array([23.0, 25.0]))
    route = compare.summarize_route("float", run_results({"float": [3, 5]}), Y)
    assert route.error.low == 0.0  # no less than none


def test_one_run_has_wilsons_interval() -> None:
    route = compare.summarize_route("ptq-int8", run_results({"ptq-int8": [5]}), Y)
    expected = statistics.share(5, 100)
    assert route.error.low == pytest.approx(100 * expected.low)
    assert route.error.high == pytest.approx(100 * expected.high)
    assert route.sd is None
    assert (route.executor, route.keeps_keras_predictions) == ("tflm_host", 1.0)


def test_a_pair_by_hand() -> None:
    # Left errs on the first samples, right on samples from 50 on: all of them differ.
    runs = run_results({"float": [3, 4], "ptq-int8": [1, 2]}, starts={"ptq-int8": 50})
    compared = pair(runs, "float", "ptq-int8")
    assert compared.difference.value == pytest.approx(2.0)
    assert compared.differing_predictions == pytest.approx((0.04 + 0.06) / 2)
    assert compared.differing_runs == 2
    assert compared.mcnemar_p[0] == pytest.approx(10 / 16)  # 3 of 4: (1 + 4) · 2 / 2^4
    assert compared.wilcoxon_p == 0.5 and compared.t_p == 0.0
    assert compared.equal_int8_outputs is None
    assert not compared.separated


def test_int8_outputs_are_compared_as_numbers() -> None:
    same = {"qat-int8": [2, 2], "qat-weights-ptq": [2, 2]}
    compared = pair(run_results(same), *same)
    assert compared.equal_int8_outputs == 1.0
    assert (compared.same_outputs_runs, compared.same_file_runs) == (2, 0)
    files = dict.fromkeys(same, "f" * 64)
    assert pair(run_results(same, files=files), *same).same_file_runs == 2
    # The same codes at another scale are other numbers.
    runs = run_results(same)
    other = dataclasses.replace(runs[0].routes["qat-int8"], scale=1 / 128)
    routes = {**runs[0].routes, "qat-int8": other}
    compared = pair([dataclasses.replace(runs[0], routes=routes)], *same)
    assert compared.equal_int8_outputs == 0.0


def test_all_pairs_are_corrected_together() -> None:
    rng = np.random.default_rng(0)
    errors = {
        name: [int(v) for v in rng.poisson(mean, 12)]
        for name, mean in (("float", 3), ("qat-int8", 9), ("ptq-int8", 3))
    }
    pairs = compare.compare_pairs(tuple(errors), run_results(errors), Y)
    assert [(p.left, p.right) for p in pairs] == list(itertools.combinations(errors, 2))
    raw = [p.wilcoxon_p for p in pairs if p.wilcoxon_p is not None]
    assert tuple(p.wilcoxon_p_corrected for p in pairs) == statistics.holm(raw)
    assert [p.separated for p in pairs] == [True, False, True]
    assert pairs[0].difference.value < 0 < pairs[2].difference.value


def test_one_run_is_judged_by_mcnemar_over_the_samples() -> None:
    runs = run_results({"float": [0], "ptq-int8": [12], "qat-int8": [1]})
    pairs = compare.compare_pairs(("float", "ptq-int8", "qat-int8"), runs, Y)
    first = pairs[0]
    assert first.wilcoxon_p is None and first.t_p is None
    assert first.p == pytest.approx(3 * 2 / 2**12)
    assert first.separated and not pairs[1].separated
    assert first.difference.low < -12 < first.difference.high < 0


def test_the_board_is_compared_byte_for_byte() -> None:
    runs = run_results({"float": [1, 1], "ptq-int8": [2, 3]})
    good = compare.summarize_device(runs, device_results(runs))
    assert good.match and (good.models, good.inferences) == (2, 200)
    bad = compare.summarize_device(runs, device_results(runs, wrong=3))
    assert not bad.match
    assert bad.differing == (DifferingModel(0, "ptq-int8", 3),)
    assert (bad.equal_models, bad.equal_inferences) == (1, 197)
    assert bad.median_ticks == {"ptq-int8": 1234.0}


def some_pair(**changes: Any) -> Pair:
    values: dict[str, Any] = {
        "left": "qat-int8",
        "right": "qat-weights-ptq",
        "pairs": 28,
        "difference": Interval(0.02, -0.10, 0.14),
        "wilcoxon_p": 0.4,
        "wilcoxon_p_corrected": 0.8,
        "t_p": 0.3,
        "t_p_corrected": 0.9,
        "mcnemar_p": (1.0,) * 20,
        "mcnemar_p_corrected": (1.0,) * 20,
        "mcnemar_p_over_pairs": None,
        "differing_predictions": 0.005,
        "differing_runs": 17,
        "equal_int8_outputs": 0.897,
        "same_outputs_runs": 0,
        "same_file_runs": 0,
        "detectable_points": 0.31,
    }
    return Pair(**{**values, **changes})


def test_what_cannot_be_told_is_said() -> None:
    assert some_pair().sentence == (
        "Error rates cannot separate qat-int8 and qat-weights-ptq (difference 0.02 points, 95 % "
        "−0.10 to 0.14; Wilcoxon p = 0.8 after Holm's correction for 28 pairs); their predictions "
        "differ on 0.50\u202f% of samples, in 17 of 20 runs; 89.70\u202f% of their int8 output "
        "values are equal."
    )


def test_what_is_told_apart_names_the_worse() -> None:
    difference = Interval(-1.2, -1.9, -0.5)
    told = some_pair(difference=difference, wilcoxon_p_corrected=0.0004, t_p_corrected=0.001)
    assert told.sentence.startswith(
        "Error rates separate qat-int8 and qat-weights-ptq: that of qat-weights-ptq is 1.20 points "
        "higher than that of qat-int8 (95 % 0.50 to 1.90; Wilcoxon p <\u202f0.001 after"
    )


@pytest.mark.parametrize(
    ("changes", "words_in_it"),
    [
        ({"same_file_runs": 20, "same_outputs_runs": 20}, "the same .tflite file, byte for byte"),
        ({"same_outputs_runs": 20}, "the same int8 outputs, byte for byte"),
        ({"differing_runs": 0}, "the same class for every sample in all 20 runs"),
        ({"t_p_corrected": 0.01}, "though the paired t test has p = 0.01"),
        ({"differing_predictions": 1e-5}, "differ on <\u202f0.01\u202f% of samples"),
    ],
)
def test_other_pairs(changes: dict[str, Any], words_in_it: str) -> None:
    assert words_in_it in some_pair(**changes).sentence


@pytest.mark.parametrize(
    ("pairs", "runs", "expected", "there"),
    [
        ([some_pair()], 20, "of 360 samples, a difference in error rate below about 0.31", True),
        ([some_pair(mcnemar_p=(1.0,) * 5)] * 28, 5, "test cannot come below p = 1,", True),
        ([some_pair(detectable_points=100.0)], 2, "no difference in error rate would be", True),
        ([some_pair()] * 28, 20, "cannot come below", False),
    ],
)
def test_how_far_the_data_reach(pairs: list[Pair], runs: int, expected: str, there: bool) -> None:
    said = words.sentences(Comparison(runs, 360, (), tuple(pairs), None))
    assert any(expected in sentence for sentence in said) == there


def test_a_device_that_differs_is_said_loudly() -> None:
    runs = run_results({"ptq-int8": [2, 3]})
    said = words.device_sentence(compare.summarize_device(runs, device_results(runs, wrong=3)))
    assert said.startswith("THE DEVICE DIFFERS") and "seed 0 ptq-int8 (3 samples)" in said


def test_headlines() -> None:
    runs = run_results({"float": [3, 4, 2], "ptq-int8": [3, 4, 2]}, starts={"ptq-int8": 50})
    both = compare.compare(("float", "ptq-int8"), runs, Y, None)
    assert words.headline(both) == (
        "Neither route is measurably better in 3 runs; their predictions differ"
    )
    routes = {"float": [3, 4, 2], "ptq-int8": [3, 4, 2], "qat-int8": [3, 5, 2]}
    three = compare.compare(tuple(routes), run_results(routes), Y, None)
    assert words.headline(three) == (
        "No route is measurably better in 3 runs; predictions differ in 2 of 3 pairs"
    )
    one = compare.compare(("float",), runs[:1], Y, None)
    assert words.headline(one) == "1 run of one route, float: 3.00 % errors"


MODEL = b"TFL3 in spirit"


def stored(folder: Folder, seed: int) -> RunResult:
    result = route_result("ptq-int8", Y, hashlib.sha256(MODEL).hexdigest())
    run = RunResult(seed, {"ptq-int8": result, "float": route_result("float", Y)}, 2.5)
    folder.store_run(run, {"ptq-int8": MODEL})
    return run


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return open_folder(tmp_path / "study", PLAN, fresh=False)


def test_a_run_comes_back_whole(folder: Folder) -> None:
    run = stored(folder, 7)
    assert (folder.path / "run-0007.npz").is_file()
    assert (folder.path / "models" / "run-0007-ptq-int8.tflite").read_bytes() == MODEL
    again = folder.load_run(7)
    assert again is not None
    assert (again.seed, again.seconds) == (7, 2.5)
    for name, result in run.routes.items():
        read = again.routes[name]
        assert dataclasses.replace(read, columns={}) == dataclasses.replace(result, columns={})
        for column, outputs in result.columns.items():
            assert read.columns[column].dtype == outputs.dtype
            np.testing.assert_array_equal(read.columns[column], outputs)


def test_equal_runs_are_equal_bytes(tmp_path: Path) -> None:
    files = []
    for name in "ab":
        folder = open_folder(tmp_path / name, PLAN, fresh=False)
        stored(folder, 3)
        files.append((folder.path / "run-0003.npz").read_bytes())
    assert files[0] == files[1]


@pytest.mark.parametrize("left", [0, 100, 0.5, 0.98])
def test_a_partial_run_does_not_count(folder: Folder, left: float) -> None:
    stored(folder, 0)
    path = folder.path / "run-0000.npz"
    content = path.read_bytes()
    path.write_bytes(content[: int(left if left > 1 else left * len(content))])
    assert folder.load_run(0) is None


def test_a_run_counts_only_with_its_models_its_seed_and_its_plan(folder: Folder) -> None:
    stored(folder, 0)
    assert folder.load_run(0) is not None
    (folder.path / "run-0001.npz").write_bytes((folder.path / "run-0000.npz").read_bytes())
    assert folder.load_run(1) is None
    assert Folder(folder.path, "another").load_run(0) is None
    folder.model(0, "ptq-int8").write_bytes(b"another")
    assert folder.load_run(0) is None
    folder.model(0, "ptq-int8").unlink()
    assert folder.load_run(0) is None


def test_the_same_plan_goes_on(folder: Folder) -> None:
    stored(folder, 0)
    for name in REPORTS:
        (folder.path / name).write_text("{}")
    again = open_folder(folder.path, PLAN, fresh=False)
    assert again.load_run(0) is not None
    assert not any((folder.path / name).exists() for name in REPORTS)


@pytest.mark.parametrize(
    ("changes", "words_in_it"),
    [
        ({"routes": ("float",)}, "routes ['float', 'qat-int8', 'ptq-int8'], not ['float']"),
        ({"first_seed": 5}, "first_seed 0, not 5"),
        ({"data_digest": "e"}, "other samples"),
        ({"program": "q"}, "another version of this program"),
    ],
)
def test_another_plan_is_refused(folder: Folder, changes: dict[str, Any], words_in_it: str) -> None:
    stored(folder, 0)
    other = dataclasses.replace(PLAN, **changes)
    assert identity(other) != identity(PLAN)
    with pytest.raises(ConfigError) as caught:
        open_folder(folder.path, other, fresh=False)
    assert words_in_it in caught.value.message
    assert folder.load_run(0) is not None
    fresh = open_folder(folder.path, other, fresh=True)
    assert fresh.load_run(0) is None
    assert not list(folder.path.glob("run-*")) and not list(folder.path.glob("models/*"))


def test_other_files_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("dear")
    for fresh in (False, True):
        with pytest.raises(ConfigError, match="other files"):
            open_folder(tmp_path, PLAN, fresh=fresh)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_one_study_at_a_time(folder: Folder) -> None:
    with FileLock(folder.path / ".lock"), pytest.raises(ConfigError, match="another study"):
        open_folder(folder.path, PLAN, fresh=True)


def test_the_boards_results_come_back_for_the_same_board(folder: Folder) -> None:
    result = DeviceResult(0, "ptq-int8", np.zeros((5, 4), np.int8), np.arange(5.0))
    folder.store_device(0, "key", CONDITIONS, {"ptq-int8": result})
    known = folder.load_device(0, "key")
    assert known is not None and known[0] == CONDITIONS
    np.testing.assert_array_equal(known[1]["ptq-int8"].ticks, result.ticks)
    assert folder.load_device(0, "another key") is None
    assert folder.load_device(1, "key") is None


def test_the_plan_can_be_read(folder: Folder) -> None:
    known = json.loads((folder.path / "plan.json").read_text())
    assert known["identity"] == identity(PLAN)
    assert known["plan"]["training"]["epochs"] == 30
