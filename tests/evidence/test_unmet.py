"""Acknowledgements and rules that met nothing are told, with what may be meant. Pure, but for the last."""

from __future__ import annotations

import json

import pytest

from trioshadow import Divergence, ShadowConfig, Shadower, Verdict
from trioshadow.compare import IgnoreHeader, IgnorePath, KeyedBy
from trioshadow.evidence import Acknowledged, Epoch, Evidence, Objective, Observation, scorecard
from trioshadow.evidence._unmet import _TOLD, ENOUGH


def evidence_of(*fields, operation="op", use=None):
    evidence = Evidence(Epoch())
    seen = Observation(verdict=Verdict.DIVERGED, fields=dict.fromkeys(fields, ("1", "2")), seconds=None)
    row = evidence.operation(operation)
    row.counts[Verdict.DIVERGED.slot] += 1
    evidence.observe(row, seen, None, key=b"k", key_hash=1, at=1.0, primary_seconds=None)
    if use is not None:
        evidence.watch(use)
    return evidence


def notes(evidence, *acknowledged):
    found = scorecard(evidence, Objective(acknowledged=acknowledged)).notes
    return [note for note in found if "never seen" in note or "met nothing" in note]


def told_of(acknowledged, *fields, operation="op"):
    (note,) = notes(evidence_of(*fields, operation=operation), acknowledged)
    return note.removeprefix("acknowledged, and never seen to differ: ")


@pytest.mark.parametrize(
    ("said", "seen", "meant"),
    [
        ("total", "$.total", "$.total"),
        ("$.idd", "$.id", "$.id"),
        ("etag", "header etag", "header etag"),
        ("header etg", "header etag", "header etag"),
        ("headers.etag", "header etag", "header etag"),
        (".total", "$.total", "$.total"),
        ("[*].id", "$[*].id", "$[*].id"),
        ("$.total", "$.order.total", "$.order.total"),
        ("$.items.sku", "$.items[*].sku", "$.items[*].sku"),
        ("$..sku", "$.items[*].sku", "$.items[*].sku"),
        ("timeout", "timed out", "timed out"),
        ("errors", "error", "error"),
    ],
)
def test_what_is_acknowledged_and_misspelt_is_asked_about(said, seen, meant):
    assert told_of(said, seen, "$.something.else") == f"{said} (did you mean {meant}?)"


def test_nothing_is_asked_where_nothing_is_like_it():
    assert told_of("$.zzz", "status") == "$.zzz"
    assert told_of("status") == "status"


@pytest.mark.parametrize("said", ["$", "body", "$.items[3].price", "$['items'][*]['price']", "header ETag"])
def test_another_spelling_is_no_other_place(said):
    assert notes(evidence_of("$", "$.items[*].price", "header etag"), said) == []


def test_of_another_operation():
    assert told_of(Acknowledged("status", operation="GET /user"), "status", operation="GET /users") == (
        "status of GET /user (did you mean the operation GET /users?)"
    )
    assert told_of(Acknowledged("status", operation=""), "status", operation="x") == "status of (unnamed)"
    assert told_of(Acknowledged("$.a", operation="op"), "$.aa") == "$.a of op (did you mean $.aa?)"
    assert told_of(Acknowledged("status", operation="GET /user"), "$.a", operation="GET /users") == (
        "status of GET /user (did you mean the operation GET /users?)"
    )


def used(times, rules, old, new):
    config = ShadowConfig(ignore=rules)
    for _ in range(times):
        Divergence.compare(old, new, config)
    return config.comparison.use


def test_a_rule_that_met_nothing_is_told_when_there_was_enough_to_meet():
    rules = [IgnorePath("$.idd"), KeyedBy("$.total", "sku"), IgnorePath("$.items[*].skus"), IgnorePath("$.same")]
    old, new = ({"id": n, "total": n, "same": 1, "items": [{"sku": n}]} for n in (1, 2))
    rest = f": this rule met nothing in {ENOUGH} pairs of answers that were not the same"
    expected = [
        f"IgnorePath $.idd{rest} (did you mean $.id?)",
        f"KeyedBy $.total by sku{rest}",
        f"IgnorePath $.items[*].skus{rest} (did you mean $.items[*].sku?)",
    ]
    for times, told in ((ENOUGH - 1, []), (ENOUGH, expected)):
        assert notes(evidence_of("$.id", "$.total", "$.items[*].sku", use=used(times, rules, old, new))) == told


def test_a_part_of_a_path_may_be_meant_and_so_may_a_header():
    use = used(ENOUGH, [KeyedBy("$.item", "id")], {"items": [1]}, {"items": [2]})
    (note,) = notes(evidence_of("$.items[*].sku", use=use))
    assert note.endswith("(did you mean $.items?)")
    evidence = Evidence(Epoch())
    evidence._rules["IgnoreHeader header x-idd"] = ENOUGH, False, False
    row = evidence.operation("op")
    row.counts[0] += 1
    seen = Observation(verdict=Verdict.DIVERGED, fields={"header x-id": ("1", "2")}, seconds=None)
    evidence.observe(row, seen, None, key=b"k", key_hash=1, at=1.0, primary_seconds=None)
    (note,) = notes(evidence)
    assert note.endswith("(did you mean header x-id?)")


def test_what_was_met_anywhere_was_met():
    rules = [IgnorePath("$.a"), IgnorePath("$.b"), IgnoreHeader("x-y")]
    here = evidence_of("$.z", use=used(ENOUGH, rules, {"z": 1}, {"z": 2}))
    there = evidence_of("$.z", use=used(1, rules, {"b": 1}, {"b": 2}))
    read = [Evidence.from_dict(json.loads(json.dumps(one.to_dict(0.0)))) for one in (here, there)]
    merged = Evidence.merge(read)
    assert merged.rules() == {
        "IgnorePath $.a": (ENOUGH + 1, False, False),
        "IgnorePath $.b": (ENOUGH + 1, True, False),
        "IgnoreHeader header x-y": (0, False, False),
    }
    assert Evidence.from_dict(merged.to_dict(0.0)).rules() == merged.rules()
    (note,) = notes(merged)
    assert note.startswith(f"IgnorePath $.a: this rule met nothing in {ENOUGH + 1} pairs")
    with pytest.raises(ValueError, match="this is no snapshot of evidence"):
        Evidence.from_dict({**here.to_dict(0.0), "rules": {"a": 1}})


def test_not_all_are_told():
    found = notes(evidence_of("status"), *(f"$.zz{number}" for number in range(_TOLD + 3)))
    assert len(found) == _TOLD + 1
    assert found[-1] == "and 3 more rules and acknowledgements have met nothing"


def test_configurations_are_watched_once_and_not_without_end():
    evidence = Evidence(Epoch())
    uses = [ShadowConfig(ignore=[IgnorePath("$.a")]).comparison.use for _ in range(40)]
    for use in [*uses, *uses]:
        evidence.watch(use)
        assert evidence.use is use
    assert len(evidence._uses) == 16


async def test_a_shadower_tells_of_its_rules(autojump_clock):
    async def old(number):
        return {"total": number, "id": 1}

    async def new(number):
        return {"total": number + 1, "id": 2}

    config = ShadowConfig(ignore=[IgnorePath("$.idd"), IgnorePath("$.total")])
    async with Shadower(old, new, config) as shadower:
        for number in range(ENOUGH):
            await shadower.call(number)
            await shadower.wait_idle()
        told = shadower.scorecard(Objective(acknowledged=["id"])).explain(width=200)
        assert "acknowledged, and never seen to differ: id (did you mean $.id?)" in told
        assert "IgnorePath $.idd: this rule met nothing in 20 pairs" in told
        assert "IgnorePath $.total" not in told
        assert shadower.snapshot()["rules"]["IgnorePath $.idd"] == [ENOUGH, False, False]
