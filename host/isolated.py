"""Calls in a process of their own, for native code that a strange model may crash."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import ParamSpec, TypeVar

from host.errors import OracleError

P = ParamSpec("P")
T = TypeVar("T")


def call(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """``function(*args, **kwargs)`` in a fresh process; what it raises is raised here.

    Raises:
        OracleError: the process crashed.
    """
    # "spawn", not "fork": TensorFlow's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            return pool.submit(function, *args, **kwargs).result()
        except BrokenProcessPool as error:
            raise OracleError(
                f"the process that ran {function.__name__} crashed",
                "LiteRT or TFLM crashed on this model: is the file damaged? Convert it again.",
            ) from error
