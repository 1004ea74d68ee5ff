"""All planted faults and all controls."""

from collections.abc import Mapping

from tests.planted import controls, fault_data, fault_inputs, fault_ranges, fault_weights
from tests.planted.workshop import Case

FAULTS: Mapping[str, Case] = {
    case.name: case
    for family in (fault_ranges, fault_data, fault_weights, fault_inputs)
    for case in family.CASES
}
CONTROLS: Mapping[str, Case] = {case.name: case for case in controls.CASES}
CASES: Mapping[str, Case] = {**FAULTS, **CONTROLS}
