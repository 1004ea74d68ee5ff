"""The table of routes, and what is said about a name that is none of them."""

from collections.abc import Iterable
from typing import Any, get_args, get_type_hints

import pytest

from host.base.errors import ConfigError
from host.deployment.request import ModelOptions
from host.quantize.routes import MAIN_ROUTES, ROUTES, Route, find_int8_route, find_route


def chosen(names: Iterable[str], **attributes: Any) -> list[str]:
    found = (ROUTES[name] for name in names)
    return [r.name for r in found if all(getattr(r, k) == v for k, v in attributes.items())]


def test_the_eight_main_routes_come_first() -> None:
    assert tuple(ROUTES)[:8] == MAIN_ROUTES
    assert set(MAIN_ROUTES) == {
        *("float", "qat", "qat-int8", "qat-weights-ptq", "ptq-int8", "qat-weights-float"),
        *("qat-calibrated", "qat-transplant"),
    }
    assert all(name == route.name for name, route in ROUTES.items())
    assert len({route.meaning for route in ROUTES.values()}) == len(ROUTES)


def test_what_the_routes_are() -> None:
    assert chosen(ROUTES, runs_in="keras") == ["float", "qat", "qat-weights-float"]
    assert chosen(ROUTES, trains=False) == [
        *("float", "ptq-int8", "ptq-int16x8", "ptq-int8-per-tensor")
    ]
    assert chosen(ROUTES, activations="int16") == ["ptq-int16x8", "qat-weights-int16x8"]
    assert all(name.endswith("-per-tensor") for name in chosen(ROUTES, per_channel=False))
    assert chosen(ROUTES, transplanted=True) == ["qat-transplant"]


def test_the_command_lines_default_and_its_help() -> None:
    (option,) = get_args(get_type_hints(ModelOptions, include_extras=True)["route"])[1:]
    assert find_int8_route(ModelOptions.route)
    for name in chosen(ROUTES, runs_in="tflite"):
        assert name in option.help, f"--help does not name {name}"


def test_an_unknown_route_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no route 'ptq'") as caught:
        find_route("ptq")
    assert all(name in caught.value.hint for name in ROUTES)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("float", "Take ptq-int8."),
        ("qat", "Nearest to it are qat-int8, qat-weights-ptq, qat-transplant."),
        ("qat-weights-float", "Nearest to it are qat-int8, qat-weights-ptq, qat-transplant."),
    ],
)
def test_a_route_that_no_device_can_take(name: str, near: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} runs in Keras only") as caught:
        find_int8_route(name)
    assert caught.value.hint == near


def test_a_route_to_a_device() -> None:
    found: Route = find_int8_route("qat-calibrated")
    assert found.trains and found.trained == "qat-calibrated"
