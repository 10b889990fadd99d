"""Paths: patterns in, normalized paths out, and what a set of patterns says of a place. Pure."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioshadow.compare import Accept, IgnorePath, KeyedBy, Normalize, Subset, Tolerance, Unordered
from trioshadow.compare._paths import parse_path, write_path
from trioshadow.compare._plan import PathPlan


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ([], "$"),
        (["items", 0, "price"], "$['items'][0]['price']"),
        # The examples of RFC 9535 §2.7.
        (["a"], "$['a']"),
        ([1], "$[1]"),
        (["a", "b", 1], "$['a']['b'][1]"),
        (["\x0b"], r"$['\u000b']"),
        (["a\b\t\n\f\r'\\"], r"$['a\b\t\n\f\r\'\\']"),
        # What is no name and no index.
        ([None, 1.5, b"x", True], "$[null][1.5][b'x'][true]"),
        ([("a", 1)], '$[("a", 1)]'),
        ([uuid.UUID(int=1)], "$[UUID('00000000-0000-0000-0000-000000000001')]"),
        (["\ud800\u202e\u2028"], r"$['\ud800\u202e\u2028']"),
        ([10**40], "$[…]"),
        (["n" * 200], f"$['{'n' * 100}…']"),
        ([(*["word"] * 40,)], "$[" + ('("word"' + ', "word"' * 40)[:100] + "…]"),
    ],
)
def test_a_normalized_path(keys, path):
    assert write_path(keys) == path


def test_a_deep_path_is_cut_in_the_middle():
    path = write_path([*"ab", *[0] * 100_000, *"yz"])
    assert path.startswith("$['a']['b'][0]")
    assert path.endswith("[0]['y']['z']")
    assert "…(99,964 levels)…" in path
    assert len(path) < 300
    long = write_path([*["n" * 100] * 39, "last"])
    assert len(long) == 1_000
    assert long.endswith("nnn']['last']")


@given(
    st.lists(st.text() | st.integers(0, 2**53 - 1), max_size=9).filter(
        lambda keys: all(len(str(key)) <= 100 for key in keys)
    )
)
def test_a_normalized_path_is_a_pattern_for_that_place(keys):
    segments = parse_path(write_path(keys))
    assert len(segments) == len(keys)
    for segment, key in zip(segments, keys, strict=True):
        assert segment.selects(key)
        assert not segment.selects("another")
        assert not segment.descendant


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("", "at character 0: a path begins with"),
        ("id", "at character 0: a path begins with"),
        ("$id", "at character 1: here .name"),
        ("$.", "here a name or"),
        ("$..", "here a name or"),
        ("$.1a", "here a name or"),
        ("$.a b", "at character 4: here .name"),
        ("$ ", "does not end in a blank"),
        ("$.a ", "does not end in a blank"),
        ("$[", "in brackets"),
        ("$[]", "in brackets"),
        ("$[-1]", "no filters, slices, negative indexes"),
        ("$[1:2]", "there are no slices"),
        ("$[:2]", "no filters, slices, negative indexes"),
        ("$[?@.a]", "no filters"),
        ("$['a'", "here , or ]"),
        ("$['a',]", "in brackets"),
        ("$['a]", "in brackets"),
        ("$[01]", "here , or ]"),
        ("$[9007199254740992]", r"below 2\*\*53"),
        ("$[99999999999999999999]", r"below 2\*\*53"),
        (r"$['\x']", "is no name"),
        (r"""$['\"']""", "is no name"),
        (r"""$["\'"]""", "is no name"),
        ("$['\n']", "is no name"),
        ("$..[?]", "in brackets"),
    ],
)
def test_what_is_no_pattern(pattern, why):
    with pytest.raises(ValueError, match=f"path must be an RFC 9535 path: .*{why}"):
        IgnorePath(pattern)


def ignored(pattern, *keys):
    """Does IgnorePath(pattern) reach the place with these keys, or one above it?"""
    state = PathPlan([IgnorePath(pattern)]).root
    for key in keys:
        if state is None or state.ignored:
            break
        state = state.child(key)
    return state is not None and state.ignored


@pytest.mark.parametrize(
    ("pattern", "inside", "outside"),
    [
        ("$", [[], ["a"]], []),
        ("$.a", [["a"], ["a", "b"]], [[], ["b"], ["A"]]),
        ("$.a.b", [["a", "b"]], [["a"], ["b"], ["a", "c"], ["a", "a", "b"]]),
        ("$.*", [["a"], [0], [None]], [[]]),
        ("$[*].id", [[0, "id"], ["x", "id"]], [["id"], [0, "ids"]]),
        ("$[0]", [[0]], [[1], ["0"]]),
        ("$['0']", [["0"]], [[0]]),
        ("$..id", [["id"], ["a", "id"], [0, "b", 1, "id", "x"]], [[], ["identity"], ["a", "identity"], ["a", "Id"]]),
        ("$.a..id", [["a", "id"], ["a", "b", "id"]], [["id"], ["b", "id"]]),
        ("$..*", [["a"], [0, 1]], [[]]),
        ("$..a.b", [["a", "b"], ["a", "a", "b"], ["x", "a", "b"]], [["a"], ["b"], ["a", "x", "b"]]),
        ("$..a..b", [["a", "x", "b"], ["x", "a", "y", "z", "b"]], [["b"], ["x", "b", "a"]]),
        ("$['a','b',3]", [["a"], ["b"], [3]], [["c"], [4]]),
        ("$..[0]", [[0], ["a", 0]], [["a"], [1]]),
        ("$ .a [ 'b' , \"c\" ]", [["a", "b"], ["a", "c"]], [["a", "d"]]),
        (r"$['it\'s \u00e9']", [["it's é"]], [["its é"]]),
        ("$['say \"x\"']", [['say "x"']], []),
        ("$.é", [["é"]], [["e"]]),
        ("$['*']", [["*"]], [["a"]]),
    ],
)
def test_what_a_pattern_reaches(pattern, inside, outside):
    for keys in inside:
        assert ignored(pattern, *keys), keys
    for keys in outside:
        assert not ignored(pattern, *keys), keys


def matches(segments, keys):
    """What RFC 9535 says, the slow way."""
    if not segments:
        return not keys
    if not keys:
        return False
    head, *rest = segments
    if head.selects(keys[0]) and matches(rest, keys[1:]):
        return True
    return head.descendant and matches(segments, keys[1:])


NAMES = st.sampled_from(["a", "b", 0, 1])
SEGMENTS = st.builds(
    lambda dots, selector: dots + f"[{selector!r}]" if selector != "*" else dots + "[*]",
    st.sampled_from(["", ".."]),
    NAMES | st.just("*"),
)


@given(
    st.lists(st.lists(SEGMENTS, max_size=4), max_size=4),
    st.lists(st.sampled_from(["a", "b", "c", 0, 1, 2]), max_size=6),
)
def test_all_patterns_at_once_say_what_each_says_alone(patterns, keys):
    paths = ["$" + "".join(segments) for segments in patterns]
    plan = PathPlan([Accept(len, path) for path in paths])
    state = plan.root
    for key in keys:
        state = None if state is None else state.child(key)
    expected = sum(matches(list(parse_path(path)), keys) for path in paths)
    assert (len(state.accepts) if state is not None else 0) == expected


def test_a_place_has_all_its_rules():
    rules = [
        Tolerance("$.a", abs=1),
        Tolerance("$.*", rel=1),
        Unordered("$.a"),
        KeyedBy("$.a", "id"),
        KeyedBy("$..a", "k"),
    ]
    state = PathPlan([*rules, Subset("$.a"), Normalize("$.a", str), Accept(len, "$.a")]).root.child("a")
    assert state.alike == rules[:2]
    assert state.unordered
    assert state.subset
    assert state.keyed_by == (("k",),)
    assert state.functions == [str]
    assert state.accepts == [len]
    assert state.inexact
    assert not state.ignored


def test_below_what_no_rule_reaches_there_is_no_state():
    assert PathPlan([]).root is None
    plan = PathPlan([IgnorePath("$.a.b")])
    assert plan.root.child("x") is None
    assert plan.root.child("a").child("b").child("c") is None
    assert plan.root.child("a") is plan.root.child("a")


def test_names_that_no_rule_names_take_no_memory():
    plan = PathPlan([IgnorePath("$.a.b"), IgnorePath("$[3]")])
    for number in range(1000):
        plan.root.child(number)
        plan.root.child(str(number))
    assert len(plan.root._children) == 2  # the one that was named, and all others


def test_states_are_kept_up_to_a_limit(monkeypatch):
    monkeypatch.setattr("trioshadow.compare._plan.STATE_LIMIT", 5)
    plan = PathPlan([IgnorePath("$..a[*][*][*][*].z")])
    state = plan.root
    for number in range(300):
        state = state.child("ab"[number * number % 7 % 2])
    assert len(plan._states) == 5
    assert not state.ignored
    for key in "axxxxy":
        state = state.child(key)
    assert not state.ignored
    for key in "axxxxz":
        state = state.child(key)
    assert state.ignored
