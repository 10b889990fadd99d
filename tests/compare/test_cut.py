"""What is cut is never taken for the whole, by brute force: members of exceptions are compared as they are, and then
with bounds so small that nearly all are cut. Pure.
"""

from __future__ import annotations

import copy
import functools
from collections import Counter

import attrs
import pytest

from trioshadow import ShadowConfig
from trioshadow.compare import Accept, IgnoreName, Normalize, Only, Undecided
from trioshadow.compare import _plain_copies as bounds

from tests.support.documents import FUNCTIONS, Documents


@attrs.frozen
class Record:
    id: object
    a: object


class Failed(Exception):
    def __init__(self, x):
        super().__init__()
        self.x = x


def below(rule):
    """The same rule, where the member is."""
    if isinstance(rule, Only):
        return Only(tuple(f"$.x{path[1:]}" for path in rule.paths))
    return rule if isinstance(rule, IgnoreName) else attrs.evolve(rule, path=f"$.x{rule.path[1:]}")


def as_records(documents, value):
    if isinstance(value, list):
        return documents.random.choice([list, list, tuple])(as_records(documents, one) for one in value)
    if isinstance(value, dict):
        return documents.random.choice([dict, Record])(
            **{key: as_records(documents, one) for key, one in value.items()}
        )
    return value * 3 if isinstance(value, str) else value


def verdict(one, other, **settings):
    comparison = ShadowConfig(error_fields={Failed: ["x"]}, **settings).comparison
    try:
        return comparison.divergence_of_errors(*map(comparison.raised, (one, other))) is None
    except Undecided:
        return None


@pytest.mark.parametrize("seed", range(4))
def test_no_verdict_on_a_part_contradicts_that_on_the_whole(seed, monkeypatch):
    documents = Documents(200 + seed)
    choice = documents.random.choice
    seen: Counter[object] = Counter()
    while seen.total() < 300:
        one = documents.document(3)
        other = documents.edited(copy.deepcopy(one))
        rules = [below(documents.rule()) for _ in range(documents.random.randint(0, 3))]
        endless = any(isinstance(rule, Normalize) and rule.function is FUNCTIONS[3] for rule in rules)  # sorted("a")
        if endless or sum(isinstance(rule, Only) for rule in rules) > 1:
            continue
        wrap = choice([Failed, lambda value: ExceptionGroup("", [KeyError(), Failed(value)])])
        sides = [wrap(as_records(documents, value)) for value in (one, other)]
        ask = functools.partial(verdict, *sides, ignore=rules, strict=choice([False, False, True]))
        whole = ask()
        with monkeypatch.context() as patched:
            for name, sizes in (
                ("_VALUES", (2, 3, 6)),
                ("_DEPTH", (1, 2, 8)),
                ("_TEXT", (1, 4)),
                ("_BITS", (1, 4_096)),
            ):
                patched.setattr(bounds, name, choice(sizes))
            part = ask()
        assert part in (whole, None), (one, other, rules)
        seen[whole, part] += 1
    assert set(seen) == {(True, True), (False, False), (True, None), (False, None)}


def test_functions_are_never_given_a_part(monkeypatch):
    monkeypatch.setattr(bounds, "_TEXT", 3)
    given = []

    def keep(*values):
        given.extend(values)

    sides = [Failed({"a": ["x" * 9, size], "b": 1}) for size in (1, 2)]
    for rule in (Accept(keep, "$"), Accept(keep, "$.x"), Accept(keep, "$.x.a"), Normalize("$.x.a[0]", keep)):
        verdict(*sides, ignore=[rule])
    assert given == []
    verdict(*sides, ignore=[Accept(keep, "$.x.a[1]")])
    assert given == [1, 2]


def test_of_what_can_be_read_once_it_says_that_a_view_does_not_read_it():
    comparison = ShadowConfig(error_fields={Failed: ["x"]}).comparison
    one, other = (comparison.raised(Failed(iter([number]))) for number in range(2))
    with pytest.raises(Undecided, match="which does not read them"):
        comparison.divergence_of_errors(one, other)
