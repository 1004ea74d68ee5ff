"""Alignment, exchange of parameters, and what interventions are worth."""

from collections.abc import Collection
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host.diagnosis.causes import registry
from host.diagnosis.causes.feeding import input_parts
from host.diagnosis.causes.inquiry import Inquiry, Suspect
from host.diagnosis.causes.registry import Cause, inquire
from host.diagnosis.comparison.align import Pair, align
from host.diagnosis.comparison.case import Case, Matched, match
from host.diagnosis.comparison.graft import graft, with_biases
from host.diagnosis.comparison.interventions import Experiment, play, shapley
from host.diagnosis.comparison.parameters import PartKind, channels, rounding_ratio
from host.diagnosis.comparison.signals import Samples, Traces, correlation, outside, sqnr_db
from host.models.edit import pack
from host.models.tflite import Graph, Quantization, Tensor, parse
from tests.aot.builder import ModelBuilder, Q
from tests.aot.convolution import fully_connected
from tests.fixtures.graphs import tensor, tflm_outputs
from tests.fixtures.variants import Shape, doubled, network, samples

SHAPES = st.builds(
    Shape,
    channels=st.integers(1, 5),
    per_channel=st.booleans(),
    residual=st.booleans(),
    pool=st.booleans(),
    classes=st.integers(2, 6),
)


def outputs(graph: Graph) -> np.ndarray:
    return tflm_outputs(graph, samples())


def test_equal_models_align_in_order() -> None:
    graph = network(Shape(), 0)
    assert align(graph, graph) == tuple(Pair(i, i, "order") for i in range(len(graph.operators)))


def test_an_operator_more_shifts_the_rest() -> None:
    plain, longer = network(Shape(), 0), network(Shape(), 0, extra=True)
    assert [(p.a, p.b) for p in align(plain, longer)] == [
        (i, i + 1) for i in range(len(plain.operators))
    ]
    assert [(p.a, p.b) for p in align(longer, plain)] == [
        (i + 1, i) for i in range(len(plain.operators))
    ]


def chain(*names: str) -> Graph:
    """Equal dense layers whose outputs have these names."""
    b = ModelBuilder()
    source = x = b.tensor((1, 3), Q.tensor(0.1))
    for name in names:
        x = fully_connected(b, x, np.eye(3, dtype=np.int8), Q.tensor(0.02), None, Q.tensor(0.1))
        b.graph.tensors[x].name = name.encode()
    return b.parsed([source], [x])


def test_of_equal_operators_names_tell_which_one_is_missing() -> None:
    pairs = align(
        chain("net/one/Relu", "net/two/Relu", "net/three/Relu"),
        chain("net/quant_one/Relu", "net/quant_three/Relu"),
    )
    assert [(p.a, p.b) for p in pairs] == [(0, 0), (2, 1)]


def test_signals_undo_a_change_of_places() -> None:
    left, right = chain("a", "b"), chain("c", "d")
    like = {(0, 0): 0.1, (0, 1): 0.99, (1, 0): 0.98, (1, 1): 0.0}
    pairs = align(left, right, like)
    assert [(p.a, p.b, p.by) for p in pairs] == [(1, 0, "signal"), (0, 1, "signal")]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SHAPES, st.integers(0, 99), st.integers(0, 99), st.booleans())
def test_all_of_a_makes_b_compute_what_a_computes(
    shape: Shape, left: int, right: int, fine: bool
) -> None:
    """Whatever differs in ranges, weights, granularity and biases."""
    models = match(network(shape, left), network(replace(shape, per_channel=fine), right))
    assert_all_of_a_is_a(models)
    assert match(models.a, graft(models, range(len(models.parts)))).parts == ()


def assert_all_of_a_is_a(models: Matched) -> None:
    made = graft(models, range(len(models.parts)))
    assert (outputs(made) == outputs(models.a)).all()


@settings(max_examples=25, deadline=None)
@given(SHAPES, st.integers(0, 99))
def test_nothing_of_a_leaves_b(shape: Shape, seed: int) -> None:
    models = match(network(shape, seed), network(shape, seed + 1))
    assert (outputs(graft(models, ())) == outputs(models.b)).all()
    assert match(models.a, models.a).parts == ()


def test_a_bias_keeps_its_real_value_when_scales_change() -> None:
    models = match(network(Shape(), 0, ranges=1), network(Shape(), 0, ranges=2))
    made = graft(models, models.of_kind("range"))
    dense = next(o for o in models.b.operators if o.name == "FULLY_CONNECTED")
    before, after = (g.tensors[dense.inputs[2]] for g in (models.b, made))
    assert before.quantization != after.quantization
    assert rounding_ratio(before, after) <= 1.0


@pytest.mark.parametrize("operator", [0, 1, 4])
def test_a_scale_that_was_changed_by_hand_goes_both_ways(operator: int) -> None:
    """Nobody rounded the next operator's bias anew then, and the kernels do not care."""
    a = network(Shape(), 0)
    b = doubled(a, operator)
    assert (outputs(a) != outputs(b)).any()
    assert_all_of_a_is_a(match(a, b))
    assert_all_of_a_is_a(match(b, a))


def test_a_range_is_put_in_wherever_it_is_handed_on() -> None:
    models = match(network(Shape(), 0, ranges=1), network(Shape(), 0, ranges=2))
    pool = next(o for o in models.b.operators if o.name == "MAX_POOL_2D")
    shared = next(p for p in models.parts if p.kind == "range" and len(p.tensors) > 1)
    assert {t for t, _ in shared.tensors} == {pool.inputs[0], pool.outputs[0]}


def test_a_bias_that_the_converter_dropped_can_be_exchanged() -> None:
    a = network(Shape(), 0)
    dense = next(o for o in a.operators if o.name == "FULLY_CONNECTED")
    model = schema.ModelT.InitFromPackedBuf(a.content, 0)
    model.subgraphs[0].operators[dense.index].inputs = np.array(dense.inputs[:2], np.int32)
    b = parse(pack(model))
    complete = with_biases(b)
    assert (outputs(complete) == outputs(b)).all()
    assert (outputs(b) != outputs(a)).any()
    assert with_biases(complete) is complete
    models = match(a, complete)
    (bias,) = models.parts
    assert (bias.kind, bias.operator, bias.same_value) == ("bias", dense.index, False)
    assert_all_of_a_is_a(models)


def test_rounding_tells_the_same_numbers_from_others() -> None:
    rng = np.random.default_rng(0)
    values = rng.uniform(-1, 1, (4, 9))

    def rounded(scales: list[float], numbers: np.ndarray) -> Tensor:
        codes = np.round(numbers / np.array(scales).reshape(-1, 1))
        q = Quantization(tuple(scales), (0,) * len(scales), 0)
        return Tensor(0, "w", "int8", (4, 9), q, np.clip(codes, -127, 127).astype(np.int8))

    fine = rounded([float(abs(row).max() / 127) for row in values], values)
    coarse = rounded([float(abs(values).max() / 127)], values)
    assert rounding_ratio(fine, coarse) <= 1.0
    assert rounding_ratio(fine, rounded([1 / 127], values + 0.02)) > 1.5


def test_channels_are_the_outputs() -> None:
    graph = network(Shape(channels=4), 0)
    conv, depthwise = graph.operators[0], graph.operators[1]
    assert channels(graph.tensors[conv.inputs[1]], conv).shape == (4, 18)
    assert channels(graph.tensors[depthwise.inputs[1]], depthwise).shape == (4, 9)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.randoms(use_true_random=False))
def test_shapley_is_the_mean_over_all_orders(count: int, random: object) -> None:
    worth = {frozenset[int](): 0.0}

    def value(members: Collection[int]) -> float:
        return worth.setdefault(frozenset(members), random.random())  # type: ignore[attr-defined]

    found = shapley([frozenset({i}) for i in range(count)], value)
    wanted = np.zeros(count)
    orders = list(permutations(range(count)))
    for order in orders:
        for place, player in enumerate(order):
            wanted[player] += value(order[: place + 1]) - value(order[:place])
    assert found == pytest.approx((wanted / len(orders)).tolist())
    assert sum(found) == pytest.approx(value(range(count)) - value(()))


def test_many_players_share_what_all_restore_and_idle_ones_get_nothing() -> None:
    found = shapley([frozenset({i}) for i in range(9)], lambda m: float(len(set(m) - {4}) > 3))
    assert sum(found) == pytest.approx(1.0)
    assert found[4] == 0.0


def test_interventions_alone_and_in_order() -> None:
    models = match(network(Shape(), 0), network(Shape(), 7))
    experiment = Experiment(models, Samples(samples()))
    kinds: tuple[PartKind, ...] = ("range", "weights", "bias")
    players = [(kind, frozenset(models.of_kind(kind))) for kind in kinds]
    result = play("group", players, experiment.equal)
    assert [r.name for r in result] == list(kinds)
    assert result[-1].equal_added == 1.0
    start = experiment.equal()
    assert all(r.start == pytest.approx(start) for r in result)
    assert sum(r.added for r in result) == pytest.approx(100 * (1 - start))
    assert sum(r.share or 0 for r in result) == pytest.approx(100 * (1 - start))
    assert result[0].alone == pytest.approx(result[0].added)


def test_signal_to_noise() -> None:
    wanted = np.array([1.0, -2.0, 2.0])
    assert sqnr_db(wanted, wanted) == float("inf")
    assert sqnr_db(wanted, wanted + np.array([0.3, 0, 0])) == pytest.approx(20.0)
    assert sqnr_db(np.zeros(3), wanted) is None


def test_outside_is_what_codes_cannot_represent() -> None:
    ten = tensor(0, scale=0.1, zero_point=-128)  # 0 to 25.5
    values = np.array([-1.0, -0.04, 0.0, 25.5, 25.54, 26.0])
    assert outside(values, ten) == pytest.approx([True, False, False, False, False, True])


def test_correlation() -> None:
    x = np.arange(9.0)
    assert correlation(x, 3 - 2 * x) == pytest.approx(-1)
    assert correlation(x, np.ones(9)) is None


INPUT = tensor(0, "image", (1, 5, 4, 3), scale=1 / 255, zero_point=-128)


def of_feeding(x: np.ndarray, fed: np.ndarray) -> list[Suspect]:
    """What is said where one model is fed ``fed`` in place of ``x``."""
    graph = Graph(b"", (INPUT,), (), (0,), (0,), 1)
    fed_samples = Samples(x, fed)
    parts = input_parts(fed_samples, INPUT)
    return inquire(Case(graph, graph, (), parts, Traces({}, {}), fed_samples)).suspects


@pytest.mark.parametrize(
    ("change", "cause", "said"),
    [
        (lambda x: x[..., ::-1], "input-channel-order", "2, 1, 0"),
        (lambda x: x[..., [1, 2, 0]], "input-channel-order", "1, 2, 0"),
        (lambda x: x + np.float32(1 / 255), "input-offset", "(1 quantization steps"),
        (lambda x: x * 255, "input-scale", "times 255"),
        (lambda x: x / 255, "input-scale", "times 0.00392"),
        (lambda x: 2 * x - 1, "input-scale", "times 2 plus −1"),
        (lambda x: x * np.array([1, 2, 3], np.float32), "input-scale", "each channel"),
        (lambda x: x[:, ::-1], "input-differs", ""),
    ],
)
def test_feeding(change: object, cause: str, said: str) -> None:
    x = np.random.default_rng(0).random((9, 5, 4, 3), np.float32)
    fed = np.ascontiguousarray(change(x)).astype(np.float32)  # type: ignore[operator]
    (suspect,) = of_feeding(x, fed)
    assert suspect.cause == cause
    assert said in suspect.evidence[0]


def test_a_new_cause_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    def rule(inquiry: Inquiry, /) -> list[Suspect]:
        return [Suspect(frozenset(inquiry.open("input")), ("It is Friday.",))]

    cause = Cause("Friday", "What is fed differs on Fridays.", "Wait.", {"samples": rule})
    monkeypatch.setattr(registry, "CAUSES", {"friday": cause, **registry.CAUSES})
    x = np.random.default_rng(0).random((9, 5, 4, 3), np.float32)
    assert [suspect.cause for suspect in of_feeding(x, 2 * x)] == ["friday"]


def test_captured_codes_are_the_samples_they_were_made_of() -> None:
    x = np.random.default_rng(0).random((9, 5, 4, 3), np.float32)
    codes = (np.round(x * 255) - 128).astype(np.int8)
    assert of_feeding(x, codes) == of_feeding(x, x.copy()) == []
    shifted = np.clip(codes.astype(int) + 3, -128, 127).astype(np.int8)
    assert [suspect.cause for suspect in of_feeding(x, shifted)] == ["input-offset"]


def test_changes_of_a_range_are_seen_at_once() -> None:
    """A range that is off by a factor: one part, and all of the effect is its."""
    a = network(Shape(), 0)
    (only,) = match(a, doubled(a, 0)).parts
    assert only.kind == "range" and only.operator == 0
