"""What the options of an objective mean: pure."""

from __future__ import annotations

import pytest

from trioshadow.cli.common.objective import ObjectiveOptions, acknowledged, level, ratio_or_none
from trioshadow.evidence import Acknowledged, Objective


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("status", Acknowledged("status")),
        ("timed out", Acknowledged("timed out")),
        ("header etag", Acknowledged("header etag")),
        ("$.items[*].price", Acknowledged("$.items[*].price")),
        ("$['items'][0]['price']", Acknowledged("$.items[*].price")),
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


@pytest.mark.parametrize(("said", "means"), [("none", None), ("1", 1.0), ("2.5", 2.5), (3, 3.0), (None, None)])
def test_a_ratio_is_a_number_or_none(said, means):
    assert ratio_or_none(said) == means


@pytest.mark.parametrize("said", ["0.5", "inf", "nan", "x", "", True, []])
def test_what_is_no_ratio_is_refused(said):
    with pytest.raises(ValueError, match="must be a number, 1 or more"):
        ratio_or_none(said)


def test_all_three_make_an_objective():
    settings = ObjectiveOptions(objective_rate=0.01, max_p99_ratio="none", acknowledge=["status", "GET /: body"])
    assert settings.objective() == Objective(
        max_rate=0.01, max_p99_ratio=None, acknowledged=["status", Acknowledged("body", operation="GET /")]
    )
    assert level(0.01) == 0.01
