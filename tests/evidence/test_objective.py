"""Objectives: what is out of range is refused where it is written. Pure."""

from __future__ import annotations

import math

import attrs
import pytest

from trioshadow.evidence import Acknowledged, Objective

NUMBERS = {
    "max_rate": ([1e-9, 0.999], [0, 1, -0.1, 9e-10, math.nan]),
    "noise_margin": ([0, 5.0], [-0.1, math.inf, math.nan]),
    "error_level": ([1e-9, 0.999], [0, 1, math.nan]),
    "max_p99_ratio": ([1, 3.5, None], [0.99, math.inf, math.nan]),
    "fast_enough": ([0, 60], [-1, math.inf, math.nan]),
    "min_coverage": ([0, 1], [-0.1, 1.1, math.nan]),
    "unverifiable_noise": ([0.01, 0.999], [0, 1, math.nan]),
    "min_keys": ([1, 10**9], [0, -1]),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, (good, _) in NUMBERS.items() for value in good])
def test_what_is_in_range_is_taken(name, value):
    assert getattr(Objective(**{name: value}), name) == value


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, (_, bad) in NUMBERS.items() for value in bad])
def test_what_is_out_of_range_is_refused_by_name_value_and_range(name, value):
    with pytest.raises(ValueError, match=rf"{name} must be a .* [\[(].*[\])].*, not {value!r}"):
        Objective(**{name: value})


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", ["0.5", True, [1]])
def test_what_is_no_number_is_refused(name, value):
    with pytest.raises(TypeError, match=f"{name} must be an? "):
        Objective(**{name: value})


def test_a_count_is_no_fraction():
    with pytest.raises(TypeError, match="min_keys must be an int, not float"):
        Objective(min_keys=5.0)


def test_every_number_is_tested_here():
    assert {field.name for field in attrs.fields(Objective)} == {*NUMBERS, "acknowledged"}


def test_several_are_acknowledged_by_name_or_in_full():
    full = Acknowledged("status", operation="op", reason="as agreed")
    assert Objective(acknowledged=iter(["error", full])).acknowledged == (Acknowledged("error"), full)


@pytest.mark.parametrize("value", ["status", 7])
def test_one_name_is_not_taken_for_several(value):
    with pytest.raises(TypeError, match=r"takes several differences, as in \[Acknowledged\('status'\)\]"):
        Objective(acknowledged=value)


def test_what_can_not_be_acknowledged_is_refused():
    with pytest.raises(TypeError, match="names of fields, not int"):
        Objective(acknowledged=[7])
    with pytest.raises(ValueError, match="field must be a str that is not empty"):
        Acknowledged("")
    for arguments in ({"field": 7}, {"field": "f", "operation": 7}, {"field": "f", "reason": None}):
        with pytest.raises(TypeError, match="must be a str, not"):
            Acknowledged(**arguments)
