"""What the options of an objective mean: pure."""

from __future__ import annotations

import re

import attrs
import pytest

from trioshadow.cli.common.objective import NONE, ObjectiveOptions, acknowledged, critical, part
from trioshadow.cli.common.options import WrongOptionError
from trioshadow.cli.proxy.options import ProxyOptions
from trioshadow.cli.replay.options import ReplayOptions
from trioshadow.evidence import Acknowledged, Objective


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("status", Acknowledged("status")),
        ("timed out", Acknowledged("timed out")),
        ("header etag", Acknowledged("header etag")),
        ("$.items[*].price", Acknowledged("$.items[*].price")),
        ("$['items'][0]['price']", Acknowledged("$.items[*].price")),
        ("error $.errno", Acknowledged("error $.errno")),
        ("error $['exceptions'][0].errno", Acknowledged("error $.exceptions[*].errno")),
        ("GET /: error $.status", Acknowledged("error $.status", operation="GET /")),
        ("$['a: status']", Acknowledged("$['a: status']")),
        ("GET /users/{id}: status", Acknowledged("status", operation="GET /users/{id}")),
        ("GET /a: $['b: status']", Acknowledged("$['b: status']", operation="GET /a")),
        ("mail: send: header x", Acknowledged("header x", operation="mail: send")),
        ("status: body", Acknowledged("body", operation="status")),
    ],
)
def test_a_difference_is_acknowledged_as_the_scorecard_names_it(said, means):
    assert acknowledged(said) == means


@pytest.mark.parametrize(
    "said", ["price", "GET /users/{id}", "GET /users/{id}: price", ": status", "header a: b", "", 7]
)
def test_what_can_be_no_field_is_refused(said):
    with pytest.raises(ValueError, match="must be a"):
        acknowledged(said)


@pytest.mark.parametrize(("said", "means"), [("none", NONE), ("1", 1.0), ("2.5", 2.5), (3, 3)])
def test_a_ratio_is_a_number_or_none(said, means):
    assert part("max_p99_ratio")(said) == means


@pytest.mark.parametrize("said", ["0.5", "inf", "nan", "x", "", True, [], None])
def test_what_is_no_ratio_is_refused_in_the_words_of_the_api(said):
    with pytest.raises(ValueError, match=re.escape(f"must be a ratio in [1, inf) or none, not {said!r}")):
        part("max_p99_ratio")(said)


@pytest.mark.parametrize("said", [0, 1.0, "0.1", "none", True, 1e-12, None])
def test_what_is_no_rate_is_refused_in_the_words_of_the_api(said):
    with pytest.raises(ValueError, match=re.escape(f"must be a fraction in [1e-9, 1), not {said!r}")):
        part("max_rate")(said)


def test_every_part_of_an_objective_has_an_option():
    said = {
        "objective_rate": 0.01,
        "noise_margin": 0.5,
        "error_level": 0.01,
        "max_p99_ratio": "none",
        "max_p50_ratio": "2",
        "fast_enough": 0.1,
        "min_coverage": 0.5,
        "block_seconds": "30",
        "unverifiable_noise": 0.9,
        "min_keys": 7,
        "acknowledge": ["status", "GET /: body"],
        "critical": ["POST /pay=0.0001", "POST /refund"],
    }
    options = ObjectiveOptions(**said)
    assert set(said) == {field.name for field in attrs.fields(ObjectiveOptions)}
    limits = {
        "noise_margin": 0.5,
        "error_level": 0.01,
        "max_p99_ratio": None,
        "max_p50_ratio": 2.0,
        "fast_enough": 0.1,
        "min_coverage": 0.5,
        "block_seconds": 30.0,
        "unverifiable_noise": 0.9,
        "min_keys": 7,
    }
    assert options.objective() == Objective(
        max_rate=0.01,
        acknowledged=["status", Acknowledged("body", operation="GET /")],
        operations={
            "POST /pay": Objective(max_rate=0.0001, **limits),
            "POST /refund": Objective(max_rate=0.01, **limits),
        },
        **limits,
    )
    default = Objective()
    for field in attrs.fields(Objective):
        if field.name == "block_calls":  # the command's own
            continue
        assert getattr(options.objective(), field.name) != getattr(default, field.name), field.name


def test_what_is_not_said_is_as_in_the_objective_that_it_begins_with():
    pay = Objective(max_rate=0.0001, block_seconds=10)
    base = Objective(max_rate=0.2, max_p99_ratio=3, acknowledged=["status"], operations={"POST /pay": pay})
    assert ObjectiveOptions().objective(base) == base
    assert ObjectiveOptions().objective() == Objective()
    said = ObjectiveOptions(objective_rate=0.1, max_p99_ratio="none", acknowledge=[])
    assert said.objective(base) == Objective(
        max_rate=0.1,
        max_p99_ratio=None,
        operations={"POST /pay": Objective(max_rate=0.0001, max_p99_ratio=None, block_seconds=10)},
    )
    assert ObjectiveOptions(critical=[]).objective(base).operations == {}


def test_blocks_of_a_replay_go_by_the_order_of_its_calls_unless_it_is_told_otherwise(tmp_path):
    told = {"primary": "http://a", "shadow": "http://b", "file": tmp_path / "r.jsonl"}
    assert ReplayOptions(**told).objective() == Objective(block_seconds=None, block_calls=10)
    assert ReplayOptions(**told, concurrency=50).objective().block_calls == 50
    assert ReplayOptions(**told, block_seconds=30).objective().block_seconds == 30


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("POST /pay", ("POST /pay", None)),
        ("POST /pay=0.0001", ("POST /pay", 0.0001)),
        ("GET /?a=b", ("GET /?a=b", None)),
        ("GET /?a=1=0.5", ("GET /?a=1", 0.5)),
        ("=0.5", ("=0.5", None)),
    ],
)
def test_a_critical_operation_may_have_a_rate_of_its_own(said, means):
    assert critical(said) == means


def test_a_critical_operation_has_a_rate_that_can_be_and_is_there_once():
    with pytest.raises(ValueError, match=re.escape("must be a fraction in [1e-9, 1), not 2.0")):
        critical("POST /pay=2")
    with pytest.raises(WrongOptionError, match="critical has 'POST /pay' twice"):
        ObjectiveOptions(critical=["POST /pay", "POST /pay=0.1"])
    services = {"primary": "http://a.example", "shadow": "http://b.example"}
    with pytest.raises(WrongOptionError, match="critical has 'POST /pay' twice"):
        ProxyOptions(**services, critical=["POST /pay", "POST /pay=0.1"])
