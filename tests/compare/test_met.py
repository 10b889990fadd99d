"""Which rules have met something in what was compared. Pure."""

from __future__ import annotations

import collections
import json

import attrs
import pytest

from trioshadow import Divergence, ResponseRecord, ShadowConfig
from trioshadow.compare import (
    VOLATILE_HEADERS,
    Accept,
    HeaderAs,
    IgnoreCookie,
    IgnoreHeader,
    IgnorePath,
    KeyedBy,
    Normalize,
    SameError,
    Subset,
    Tolerance,
    Unordered,
    added_up,
)
from trioshadow.compare._met import _OFTEN, _PLACES


@attrs.frozen
class Order:
    total: object
    lines: tuple[object, ...] = ()


class Lazy(collections.UserDict):
    pass


@attrs.frozen
class Raising:
    a: int = 1

    def __getattribute__(self, name):
        if name == "a":
            raise OSError
        return super().__getattribute__(name)


def met(rule, old, new, *others):
    """What one comparison tells of a rule: (looks, met, unsure)."""
    config = ShadowConfig(ignore=[rule, *others])
    Divergence.compare(old, new, config)
    return next(iter(config.comparison.use.counts().values()))


MET, UNMET, UNSURE = (1, True, False), (1, False, False), (1, False, True)
OLD = {"total": 1, "lines": [{"sku": "a", "n": 1}], "tags": {"x"}, "text": "t", "deep": {"er": {"id": 1}}}
NEW = {**OLD, "total": 2}


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (IgnorePath("$.total"), MET),
        (IgnorePath("$.totl"), UNMET),
        (IgnorePath("$.total.x"), UNMET),
        (IgnorePath("$.lines[*].sku"), MET),
        (IgnorePath("$.lines[0].sku"), MET),
        (IgnorePath("$.lines[1].sku"), UNMET),
        (IgnorePath("$.lines.sku"), UNMET),
        (IgnorePath("$.tags[*]"), MET),
        (IgnorePath("$.*.er"), MET),
        (IgnorePath("$..id"), MET),
        (IgnorePath("$..idd"), UNMET),
        (KeyedBy("$.lines", "sku"), MET),
        (KeyedBy("$.lines", "skuu"), UNMET),
        (KeyedBy("$.total", "sku"), UNMET),
        (KeyedBy("$.lins", "sku"), UNMET),
        (Unordered("$.lines"), MET),
        (Unordered("$.total"), UNMET),
        (Subset("$.deep"), MET),
        (Subset("$.lines"), UNMET),
        (Tolerance("$.total", abs=0.1), MET),
        (Tolerance("$.lines", abs=0.1), UNMET),
        (Accept(lambda _, __: False, "$.text"), MET),
        (Normalize("$.txt", str), UNMET),
    ],
)
def test_a_rule_has_met_what_it_says_something_of(rule, told):
    assert met(rule, OLD, NEW) == told
    as_json = [ResponseRecord(json.dumps({**one, "tags": ["x"]}).encode()) for one in (OLD, NEW)]
    assert met(rule, *as_json) == told


def test_one_side_is_enough():
    assert met(IgnorePath("$.new"), {"a": 1}, {"a": 1, "new": 2}) == MET
    assert met(IgnorePath("$.old"), {"a": 1, "old": 2}, {"a": 1}) == MET


def test_records_and_lines_have_places_too():
    assert met(IgnorePath("$.total"), Order(1), Order(2)) == MET
    assert met(IgnorePath("$.totl"), Order(1), Order(2)) == UNMET
    assert met(IgnorePath("$[1]"), "a\nb", "a\nc") == MET
    assert met(IgnorePath("$[7]"), "a\nb", "a\nc") == UNMET


def test_what_is_the_same_is_not_looked_at():
    assert met(IgnorePath("$.idd"), {"a": 1}, {"a": 1}) == (0, False, False)
    assert met(IgnorePath("$.idd"), b"[1]", b"[1]") == (0, False, False)


def test_what_cannot_be_known_is_not_claimed():
    assert met(IgnorePath("$.idd"), Lazy(a=1), Lazy(a=2)) == UNSURE
    assert met(IgnorePath("$.lines[*].idd"), {"lines": [{}] * 2_000}, {"lines": []}) == UNSURE
    assert met(IgnorePath("$..idd"), {"n": list(range(_PLACES))}, {}) == UNSURE
    assert met(IgnorePath("$.idd"), {"a": Raising()}, {"a": 1}) == UNMET
    assert met(IgnorePath("$.a.idd"), {"a": Raising()}, {"a": 1}) == UNSURE


@pytest.mark.parametrize(
    ("normalized", "path", "hidden"),
    [
        ("$", "$.a", True),
        ("$.a", "$.a.b", True),
        ("$.a", "$.a", True),
        ("$.a.b", "$.a", False),
        ("$.a", "$.b", False),
        ("$.*", "$.b.c", True),
        ("$.a", "$.*.c", True),
        ("$[0]", "$[0].c", True),
        ("$..a", "$.b.a.c", True),
        ("$..name", "$.idd", False),
        ("$.a", "$..idd", True),
    ],
)
def test_what_is_below_a_normalize_is_not_claimed(normalized, path, hidden):
    config = ShadowConfig(ignore=[Normalize(normalized, str), IgnorePath(path)])
    assert config.comparison.use.counts()[f"IgnorePath {path}"][2] is hidden
    assert config.comparison.use.counts()[f"Normalize {normalized}"][2] is False


def test_headers_that_somebody_named():
    old, new = (ResponseRecord(b"", headers={"x-id": value, "x-run": "1"}) for value in "ab")
    assert met(IgnoreHeader("X-Id"), old, new) == MET
    assert met(IgnoreHeader("x-*"), old, new) == MET
    assert met(IgnoreHeader("x-idd"), old, new) == UNMET
    assert met(IgnoreHeader("x-idd"), old, old) == (0, False, False)


def test_headers_and_cookies_that_a_rule_names():
    old, new = (ResponseRecord(b"", headers={"x-at": n, "set-cookie": f"sid={n}; Path=/"}) for n in "12")
    assert met(HeaderAs("X-At", "date"), old, new) == MET
    assert met(HeaderAs("x-att", "date"), old, new) == UNMET
    assert met(IgnoreCookie("s*"), old, new) == MET
    assert met(IgnoreCookie("sid", "value"), old, new) == MET
    assert met(IgnoreCookie("sid", "Path"), old, new) == MET
    assert met(IgnoreCookie("sid", "expires"), old, new) == UNMET
    assert met(IgnoreCookie("ssid"), old, new) == UNMET
    rules = [HeaderAs("X", "set"), IgnoreCookie("a"), IgnoreCookie("a", "path")]
    names = ["HeaderAs header x as set", "IgnoreCookie cookie a", "IgnoreCookie cookie a path"]
    assert [*ShadowConfig(ignore=rules).comparison.use.counts()] == names


def test_there_is_nothing_to_look_for_without_rules_that_have_a_place():
    for rules in ((), VOLATILE_HEADERS, [SameError(KeyError, ValueError), Accept(lambda _, __: False)]):
        assert ShadowConfig(ignore=rules).comparison.use is None


def test_what_met_something_is_not_looked_for_again():
    config = ShadowConfig(ignore=[IgnorePath("$.a"), IgnorePath("$.b")])
    use = config.comparison.use
    for _ in range(3):
        Divergence.compare({"a": 1}, {"a": 2}, config)
    assert use.counts() == {"IgnorePath $.a": (1, True, False), "IgnorePath $.b": (3, False, False)}
    assert use.paths_open
    Divergence.compare({"b": 1}, {"b": 2}, config)
    assert not use.paths_open
    assert not use.headers_open


def test_what_is_never_met_is_looked_for_now_and_then():
    config = ShadowConfig(ignore=[IgnorePath("$.b")])
    for _ in range(_OFTEN + 160):
        Divergence.compare({"a": 1}, {"a": 2}, config)
    assert config.comparison.use.counts() == {"IgnorePath $.b": (_OFTEN + 10, False, False)}


def test_a_name_tells_the_rule():
    config = ShadowConfig(ignore=[KeyedBy("$.lines", "sku"), IgnoreHeader("x-Id"), Subset("$")])
    assert [*config.comparison.use.counts()] == ["KeyedBy $.lines by sku", "Subset $", "IgnoreHeader header x-id"]


def test_counts_of_several_processes_are_added_up():
    one = {"IgnorePath $.a": (3, False, False), "IgnorePath $.b": (2, False, True)}
    other = {"IgnorePath $.a": (4, True, False)}
    assert added_up([one, other]) == {"IgnorePath $.a": (7, True, False), "IgnorePath $.b": (2, False, True)}
    rules = [IgnorePath("$.a"), IgnorePath("$.b"), IgnorePath("$.c")]
    here, there = (ShadowConfig(ignore=rules).comparison for _ in range(2))
    there.divergence_of({"a": 1}, {"a": 2})
    here.use.add(there.use.take())
    here.use.add(there.use.take())
    assert here.use.counts()["IgnorePath $.a"] == (1, True, False)
    assert here.use.counts()["IgnorePath $.b"] == (1, False, False)
    here.use.add({"IgnorePath $.b": (2, False, True)})
    assert here.use.counts()["IgnorePath $.b"] == (3, False, True)


def test_a_header_that_was_met_is_not_looked_for_again_while_others_are():
    config = ShadowConfig(ignore=[IgnoreHeader("x-a"), IgnoreHeader("x-b")])
    for _ in range(3):
        Divergence.compare(ResponseRecord(b"", headers={"x-a": "1"}), ResponseRecord(b"", headers={"x-a": "2"}), config)
    assert [*config.comparison.use.counts().values()] == [(1, True, False), (3, False, False)]
