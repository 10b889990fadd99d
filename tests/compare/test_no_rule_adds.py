"""Rules only take away: two answers that match under some rules match under one more, wherever it stands among them, by
brute force over small documents. Pure.
"""

from __future__ import annotations

import copy

import pytest

from trioshadow import Divergence, ShadowConfig
from trioshadow.compare import Accept, Only, Subset, Undecided

from tests.support.documents import ENDING, FUNCTIONS, Documents


def same(one, other, rules):
    try:
        return Divergence.compare(one, other, ShadowConfig(ignore=rules)) is None
    except Undecided:
        return None


@pytest.mark.parametrize(("seed", "records"), [*((seed, False) for seed in range(8)), (8, True), (9, True)])
def test_one_rule_more_never_makes_a_difference(seed, records):
    documents = Documents(seed, ENDING if records else FUNCTIONS)
    tried = 0
    while tried < 300:
        one = documents.document()
        other = documents.edited(copy.deepcopy(one))
        if records:
            one, other = documents.with_records(one), documents.with_records(other)
        rules = [documents.rule() for _ in range(documents.random.randint(0, 3))]
        more = list(rules)
        more.insert(documents.random.randint(0, len(rules)), documents.rule())
        if sum(isinstance(rule, Only) for rule in more) > 1 or not same(one, other, rules):
            continue
        tried += 1
        assert same(one, other, more) is not False, (one, other, rules, more)


@pytest.mark.parametrize(("seed", "records"), [*((seed, False) for seed in range(4)), (4, True)])
def test_the_sides_may_be_swapped(seed, records):
    documents = Documents(100 + seed, ENDING if records else FUNCTIONS)
    for _ in range(300):
        one = documents.document()
        other = documents.edited(copy.deepcopy(one))
        if records:
            one, other = documents.with_records(one), documents.with_records(other)
        rules = [rule for rule in (documents.rule(), documents.rule()) if not isinstance(rule, Subset | Accept | Only)]
        assert same(one, other, rules) == same(other, one, rules), (one, other, rules)
