"""Every route with the real TensorFlow and tfmot: right weights, right ranges, the same again."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from host.base.arrays import Array
from host.models.feeds import quantize_samples
from host.models.source import FloatModel
from host.models.tflite import Graph
from host.oracles.tflm_host import run_tflm_host
from host.quantize.checks import check_graph
from host.quantize.conversion import convert_float, quantize_ptq
from host.quantize.demo import build_demo
from host.quantize.follow import Trained
from host.quantize.qat import with_qat_weights
from host.quantize.routes import ROUTES, Route
from host.quantize.training import build_and_train, build_model
from tests.fixtures import routes as nets

pytest.importorskip("tensorflow_model_optimization", reason="tfmot is not installed")

DIGITS = nets.digits()
TFLITE = [name for name, route in ROUTES.items() if route.runs_in == "tflite"]


def trained_on(build: Callable[[], Any], seed: int = 0) -> Trained:
    source = build_and_train(build, DIGITS, seed, nets.SHORT)
    return Trained(source, DIGITS, seed, nets.SHORT)


@pytest.fixture(scope="module")
def demo() -> Trained:
    return trained_on(build_demo)


@pytest.fixture(scope="module")
def dense() -> Trained:
    return trained_on(nets.dense_normalized)


def graph(name: str, trained: Trained) -> Graph:
    return trained.quantized(ROUTES[name]).graph


def on_host(model: Graph) -> Array:
    outputs = run_tflm_host(model, quantize_samples(DIGITS, model)).outputs
    if outputs is None:
        pytest.skip("TFLM on the host is not installed")
    return outputs


def weights_of(model: Graph) -> list[Any]:
    """The tensors of weights, in the order of the operators that have some."""
    names = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
    return [model.tensors[o.inputs[1]] for o in model.operators if o.name in names]


@pytest.mark.parametrize("name", TFLITE)
def test_a_route_predicts_what_its_keras_model_does(demo: Trained, name: str) -> None:
    quantized = demo.quantized(ROUTES[name])
    assert quantized.route == name
    model = quantized.graph
    kind = ROUTES[name].activations
    assert {t.dtype for t in model.activations} == {kind}
    assert check_graph(model, DIGITS, kind) == quantized.warnings
    expected = demo.keras(ROUTES[name]).predict(DIGITS.x)
    found = model.output.to_real(on_host(model))
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.95
    error = np.abs(found - expected)
    assert error.mean() < (0.002 if kind == "int16" else 0.02)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("float", "tf_keras 2.21.0"),
        ("qat", "tf_keras 2.21.0, fake-quantized (QAT)"),
        ("qat-weights-float", "tf_keras 2.21.0, QAT's weights"),
    ],
)
def test_routes_that_stay_in_keras(demo: Trained, name: str, says: str) -> None:
    keras = demo.keras(ROUTES[name])
    assert keras.version == says
    accuracy = (keras.predict(DIGITS.x).argmax(axis=1) == DIGITS.y).mean()
    assert accuracy > 0.7


def test_granularity(demo: Trained) -> None:
    fine = [len(t.quantization.scales) for t in weights_of(graph("ptq-int8", demo))]
    assert fine == [16, 16, 32, 32, 48, 10]
    for name in ("ptq-int8-per-tensor", "qat-weights-ptq-per-tensor"):
        assert {len(t.quantization.scales) for t in weights_of(graph(name, demo))} == {1}
    dense = replace(demo, per_channel_dense=False)
    coarse = [len(t.quantization.scales) for t in weights_of(graph("ptq-int8", dense))]
    assert coarse == [16, 16, 32, 32, 48, 1]


def test_the_float_conversion_computes_what_keras_does(demo: Trained) -> None:
    model = convert_float(demo.source)
    assert {t.dtype for t in model.activations} == {"float32"}
    names = [o.name for o in model.operators]
    assert names == [o.name for o in graph("ptq-int8", demo).operators]
    litert = pytest.importorskip("ai_edge_litert.interpreter")
    runner = litert.Interpreter(model_content=model.content)
    runner.allocate_tensors()
    for sample, expected in zip(DIGITS.x[:9], demo.source.predict(DIGITS.x[:9]), strict=True):
        runner.set_tensor(runner.get_input_details()[0]["index"], sample[np.newaxis])
        runner.invoke()
        found = runner.get_tensor(runner.get_output_details()[0]["index"])[0]
        assert np.allclose(found, expected, atol=1e-5)


def variables(model: FloatModel, prefix: str = "") -> dict[str, Array]:
    """Values by ``layer/variable``, without those that tfmot adds."""
    found = {}
    for layer in model.handle.layers:
        for variable in layer.weights:
            name = variable.name.split("/")[-1].split(":")[0]
            if not name.endswith(("_min", "_max", "optimizer_step")):
                found[f"{layer.name.removeprefix(prefix)}/{name}"] = variable.numpy()
    return found


def test_qat_weights_are_exactly_the_variables_of_qat(demo: Trained) -> None:
    before = variables(demo.source)
    copied, qat = variables(demo.qat_weights), variables(demo.qat, "quant_")
    assert copied.keys() == qat.keys() == before.keys()
    assert len(copied) == 5 + 4 * 5 + 2  # kernels, five batch normalizations, the dense layer
    for name, value in copied.items():
        assert np.array_equal(value, qat[name]), name
        assert not np.array_equal(value, before[name]), f"QAT has not trained {name}"


def test_a_route_may_copy_the_weights_of_calibrated_qat(demo: Trained) -> None:
    copied = variables(demo.keras(Route("mine", "", "qat-calibrated", copied=True)))
    qat = variables(demo.qat_calibrated, "quant_")
    assert all(np.array_equal(value, qat[name]) for name, value in copied.items())


def test_qat_leaves_the_plain_model_alone(demo: Trained) -> None:
    again = trained_on(build_demo)
    assert variables(again.source).keys() == variables(demo.source).keys()
    for name, value in variables(again.source).items():
        assert np.array_equal(value, variables(demo.source)[name]), name


def test_rounded_weights_are_the_int8_codes_of_qat(demo: Trained) -> None:
    """Of the dense layer, into which nothing is folded: code · scale, transposed."""
    rounded = variables(with_qat_weights(demo.source, demo.qat, rounded=True))
    tensor = weights_of(graph("qat-int8", demo))[-1]
    real = (tensor.data * tensor.quantization.scale).T
    assert np.allclose(rounded["probability/kernel"], real, atol=1e-6)
    plain = variables(demo.qat_weights)
    assert not np.allclose(plain["probability/kernel"], real, atol=1e-6)
    for name in ("probability/bias", "batch_normalization/gamma"):
        assert np.array_equal(rounded[name], plain[name])


def relu_zero_points(model: Graph) -> list[int]:
    fused = [o for o in model.operators if o.options.get("fusedActivationFunction") == 1]
    points = [model.tensors[o.outputs[0]].quantization for o in fused]
    assert len(points) == 5
    return [q.zero_point for q in points if q is not None]


def test_calibrated_ranges_waste_no_code_below_a_relu(demo: Trained) -> None:
    assert relu_zero_points(graph("qat-calibrated", demo)) == [-128] * 5
    assert -128 not in relu_zero_points(graph("qat-int8", demo)), "6 · 0.999 a step"


def test_qat_ignores_the_representative_data(demo: Trained) -> None:
    noise = np.random.default_rng(0).normal(0, 50, (99, *nets.IMAGE)).astype(np.float32)
    other = replace(DIGITS, x_calibration=noise)
    found = quantize_ptq(demo.qat, other, seed=0).graph
    assert found.content == graph("qat-int8", demo).content
    plain = quantize_ptq(demo.qat_weights, other, seed=0).graph
    assert plain.content != graph("qat-weights-ptq", demo).content


def test_transplanted_outputs_are_those_of_qat(demo: Trained) -> None:
    qat, plain, both = (
        on_host(graph(name, demo)) for name in ("qat-int8", "qat-weights-ptq", "qat-transplant")
    )
    assert (plain != qat).mean() > 0.2, "nothing to carry over"
    assert np.array_equal(both, qat)


def test_a_transplant_where_qat_requantizes() -> None:
    trained = trained_on(nets.branches)
    qat, plain, both = (
        graph(name, trained) for name in ("qat-int8", "qat-weights-ptq", "qat-transplant")
    )
    names = [o.name for o in qat.operators]
    assert "QUANTIZE" in names and [o.name for o in both.operators] == names
    assert "QUANTIZE" not in [o.name for o in plain.operators]
    assert np.array_equal(on_host(both), on_host(qat))
    assert not np.array_equal(on_host(plain), on_host(qat))


def test_a_transplant_with_batch_normalization_folded_into_a_dense_layer(dense: Trained) -> None:
    qat, both = (graph(name, dense) for name in ("qat-int8", "qat-transplant"))
    codes = zip(weights_of(qat), weights_of(both), strict=True)
    steps = [np.abs(a.data.astype(int) - b.data) for a, b in codes]
    assert max(s.max() for s in steps) <= 1
    assert max((s > 0).mean() for s in steps) < 0.01
    assert (on_host(qat) == on_host(both)).mean() > 0.95


def test_the_same_seed_gives_the_same_bytes(dense: Trained) -> None:
    again = replace(dense, source=build_model(nets.dense_normalized, 5))
    again.source.handle.set_weights(dense.source.handle.get_weights())
    other = replace(again, seed=1)
    for name in ("qat-int8", "qat-calibrated", "qat-transplant"):
        assert graph(name, again).content == graph(name, dense).content, name
    assert graph("qat-int8", other).content != graph("qat-int8", dense).content
