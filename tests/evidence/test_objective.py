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
    "max_p50_ratio": ([1, 3.5, None], [0.99, math.inf, math.nan]),
    "block_seconds": ([0.1, 3600, None], [0, -1, math.inf, math.nan]),
    "block_calls": ([1, 10**6], [0, -1]),
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
    assert {field.name for field in attrs.fields(Objective)} == {*NUMBERS, "acknowledged", "operations"}


def test_a_critical_operation_has_an_objective_of_its_own():
    pay = Objective(max_rate=0.0001, acknowledged=["status"])
    objective = Objective(operations={"POST /pay": pay}, acknowledged=["error"])
    assert objective.of("POST /pay") is pay
    assert objective.of("GET /") is objective
    assert objective.acknowledges("POST /pay", "status")
    assert objective.acknowledges("POST /pay", "error")
    assert objective.acknowledges("GET /", "error")
    assert not objective.acknowledges("GET /", "status")


def test_blocks_of_time_are_the_same_for_all_operations():
    objective = Objective(block_seconds=10, block_calls=7, operations={"POST /pay": Objective(max_rate=0.1)})
    pay = objective.of("POST /pay")
    assert (pay.max_rate, pay.block_seconds, pay.block_calls) == (0.1, 10, 7)


@pytest.mark.parametrize("name", ['$["a', "$.a b", "$[a]"])
def test_a_path_that_can_not_be_read_stays_as_it_is(name):
    assert Acknowledged(name).field == name


def test_an_objective_of_an_operation_is_one():
    with pytest.raises(TypeError, match=r'operations must be a mapping .*\{"POST /pay": Objective\(.*not list'):
        Objective(operations=["POST /pay"])
    with pytest.raises(TypeError, match=r"operations\['POST /pay'\] must be an Objective, as in .*, not float"):
        Objective(operations={"POST /pay": 0.1})
    with pytest.raises(TypeError, match="operations must be a str, not int"):
        Objective(operations={7: Objective()})
    with pytest.raises(ValueError, match="is the objective of one operation, and can't have operations"):
        Objective(operations={"a": Objective(operations={"b": Objective()})})


def test_what_is_needed_while_counting_is_written_and_read():
    objective = Objective(
        max_rate=0.01, max_p50_ratio=2, block_seconds=None, min_coverage=0.5, operations={"a": Objective(fast_enough=1)}
    )
    read = Objective.from_dict(objective.to_dict())
    assert read == objective
    assert read.counting == objective.counting
    assert attrs.evolve(objective, operations={}).counting != objective.counting
    assert attrs.evolve(objective, acknowledged=["f"], min_coverage=0.1).counting == objective.counting


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
