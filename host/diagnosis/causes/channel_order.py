"""Whether two arrays are the same but for the order of their channels."""

from collections.abc import Callable
from itertools import permutations

import numpy as np

from host.base.arrays import RealArray

_ALL_ORDERS = 4  # channels up to which all orders are tried
_ROWS = 1000  # on which the nearest channel is looked for, where there are more channels


def channel_order(
    wanted: RealArray, values: RealArray, same: Callable[[RealArray, RealArray], bool]
) -> tuple[int, ...] | None:
    """The order of the last axis in which ``values`` are what is wanted, both [..., channels].

    None where there is none, or the order is the same. ``same`` says whether two such arrays are
    equal but for rounding.
    """
    count = wanted.shape[-1]
    if count <= _ALL_ORDERS:
        orders = list(permutations(range(count)))
    else:
        left, right = (x.reshape(-1, count)[:_ROWS].T for x in (wanted, values))
        apart = np.square(left[:, np.newaxis] - right[np.newaxis]).sum(axis=2)
        orders = [tuple(int(i) for i in apart.argmin(axis=1))]
    for order in orders:
        changed = order != tuple(range(count))
        if changed and len(set(order)) == count and same(wanted, values[..., order]):
            return order
    return None
