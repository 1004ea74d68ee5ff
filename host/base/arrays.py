"""Types of NumPy arrays."""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float32]
RealArray = npt.NDArray[np.float64]
# Quantized values, of the tensor's own type: int8, uint8 or int16.
CodeArray = npt.NDArray[np.integer[Any]]
