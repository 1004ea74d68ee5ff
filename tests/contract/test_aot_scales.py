"""Which products of scales TFLite-Micro takes in float, and which in double.

The two differ in the last bits of a multiplier. Accumulators are chosen at which that makes two
neighbouring outputs; drawn models hardly ever meet one.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from host.engines.aot.core.quantization import Multiplier, quantize_multiplier
from tests.aot.batch_matmul import batch_matmul
from tests.aot.builder import ModelBuilder, Q, started
from tests.aot.recurrent import lstm, svdf
from tests.aot.reference import NEEDS_REFERENCE, compare

Integers = npt.NDArray[np.int64]

pytestmark = NEEDS_REFERENCE


def scaled(x: Integers, multiplier: Multiplier) -> Integers:
    """Positive numbers times a multiplier below 1, rounded twice."""
    high = (x * multiplier.mantissa + 2**30) >> 31
    return (high + (1 << -multiplier.shift >> 1)) >> -multiplier.shift


def telling(doubles: float, floats: float, outputs: range, most: int) -> Integers:
    """Accumulators up to ``most`` whose outputs, among these, differ between two multipliers."""
    found = []
    for n in outputs:
        near = int((n + 0.5) / doubles) + np.arange(-200, 201)
        near = near[(near > 0) & (near <= most)]
        differs = scaled(near, quantize_multiplier(doubles)) != scaled(
            near, quantize_multiplier(floats)
        )
        found += near[differs][:1].tolist()
    assert len(found) > 5
    return np.array(found)


def most_different(
    *ranges: tuple[float, float], ratio: Callable[..., float]
) -> tuple[np.float32, ...]:
    """Scales, one from each range, whose ``ratio`` changes most from double to float."""
    rng = np.random.default_rng(1)
    draws = [tuple(np.float32(rng.uniform(*r)) for r in ranges) for _ in range(100)]
    return max(draws, key=lambda d: abs(float(ratio(*d)) / ratio(*map(float, d)) - 1))


def judge(b: ModelBuilder, x: int, y: int, sample: npt.NDArray[np.int8], folder: Path) -> Integers:
    """The output, after comparing it with TFLite-Micro's."""
    graph = b.parsed([x], [y])
    run = compare(graph, (sample[None],), folder)
    return run.outputs[0].reshape(-1).astype(np.int64)


def rows_of(sums: Integers, depth: int) -> npt.NDArray[np.int8]:
    """int8 [len(sums), depth], whose products with ``sample_of(depth)`` sum up to ``sums``."""
    rows = np.zeros((len(sums), depth), np.int64)
    tens, rows[:, -1] = np.divmod(sums, 127)
    rows[:, :-1] = (tens // (depth - 1))[:, None]
    rows[:, :-1] += np.arange(depth - 1) < (tens % (depth - 1))[:, None]
    assert (rows @ sample_of(depth).astype(np.int64) == sums).all() and rows.max() <= 127
    return rows.astype(np.int8)


def sample_of(depth: int) -> npt.NDArray[np.int8]:
    return np.array([127] * (depth - 1) + [1], np.int8)


def test_batch_matmul_multiplies_doubles(tmp_path: Path) -> None:
    x, w = most_different((0.01, 0.1), (0.01, 0.1), ratio=lambda x, w: x * w)
    y = np.float32(float(x) * float(w) * 2**16.2)
    doubles, floats = float(x) * float(w) / float(y), float(x * w) / float(y)
    sums = telling(doubles, floats, range(20, 120), 127 * 127 * 511)
    b, first = started((1, 512), Q.tensor(float(x)))
    right = b.constant(rows_of(sums, 512), Q.tensor(float(w)))
    last = batch_matmul(b, first, right, Q.tensor(float(y)), adj_y=True)
    output = judge(b, first, last, sample_of(512)[None], tmp_path)
    assert (output == scaled(sums, quantize_multiplier(doubles))).all()


def test_lstm_multiplies_doubles(tmp_path: Path) -> None:
    x, w = most_different((0.01, 0.1), (1e-9, 3e-9), ratio=lambda x, w: x * w)
    doubles, floats = float(x) * float(w) * 2**12, float(x * w) * 2**12
    biases = telling(doubles, floats, range(5, 120), 2**31 - 1).astype(np.int32)
    units = len(biases)
    # Input and output gate are open, so that the output follows the cell gate.
    gate = (np.zeros((units, 1), np.int8), Q.tensor(1.0))
    tested = (np.zeros((units, 1), np.int8), Q.tensor(float(w)))
    recurrent = (np.zeros((units, units), np.int8), Q.tensor(1.0))
    wide = np.full(units, 2**20, np.int32)
    b, first = started((1, 1, 1), Q.tensor(float(x)))
    weights = [gate, gate, tested, gate]
    tables = [wide, wide, biases, wide]
    q = Q.tensor(2.0**-12)
    last = lstm(b, first, weights, [recurrent] * 4, tables, 2.0**-15, q)
    output = judge(b, first, last, np.zeros((1, 1, 1), np.int8), tmp_path)
    assert np.abs(output - scaled(biases.astype(np.int64), quantize_multiplier(doubles))).max() <= 1


def test_svdf_divides_doubles(tmp_path: Path) -> None:
    # The first multiplier, from sums of features to activations.
    ranges = (0.04, 0.05), (0.04, 0.05), (0.5, 0.6)
    x, w, state = most_different(*ranges, ratio=lambda x, w, state: x * w / state)
    doubles, floats = float(x) * float(w) / float(state), float(x * w / state)
    sums = telling(doubles, floats, range(10_000, 32_000, 20), 127 * 127 * 511)
    expected = scaled(sums, quantize_multiplier(doubles))
    y = np.float32(state * np.float32(0.5))
    b, first = started((1, 512), Q.tensor(float(x)))
    features = (rows_of(sums, 512), Q.tensor(float(w)))
    time = (np.ones((len(sums), 1), np.int16), Q.tensor(0.5))
    bias = (-expected).astype(np.int32)
    last = svdf(b, first, 1, features, time, float(state), bias, Q.tensor(float(y)))
    assert not judge(b, first, last, sample_of(512)[None], tmp_path).any()


def test_svdf_divides_doubles_at_its_output(tmp_path: Path) -> None:
    ranges = (0.04, 0.05), (0.04, 0.05), (2e4, 3e4)
    state, time_scale, y = most_different(*ranges, ratio=lambda state, time, y: state * time / y)
    doubles = float(state) * float(time_scale) / float(y)
    floats = float(state * time_scale / y)
    bias = telling(doubles, floats, range(5, 120), 2**31 - 1)
    b, first = started((1, 1), Q.tensor(0.1))
    features = (np.zeros((len(bias), 1), np.int8), Q.tensor(0.1))
    time = (np.zeros((len(bias), 2), np.int8), Q.tensor(float(time_scale)))
    settings = float(state), bias.astype(np.int32), Q.tensor(float(y))
    last = svdf(b, first, 1, features, time, *settings)
    output = judge(b, first, last, np.zeros((1, 1), np.int8), tmp_path)
    assert (output == scaled(bias, quantize_multiplier(doubles))).all()
