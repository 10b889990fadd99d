"""What rules say of arrays and frames, and what they never hide: by brute force where there is much to try. Pure."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import polars as pl
import pytest

from trioshadow import Divergence, ShadowConfig
from trioshadow.compare import (
    Accept,
    CompareWith,
    Default,
    IgnoreName,
    IgnorePath,
    KeyedBy,
    Normalize,
    Only,
    SameNumber,
    SameText,
    SameTime,
    Subset,
    Tolerance,
    Undecided,
    Unordered,
    _arrays,
)

from tests.support.comparing import compare, found

# Two of each differ in dtype, shape or the number of rows, and their elements are the same as far as both have them.

ARRAYS = [
    *[(np.zeros((0, 3)), np.zeros((0, 4))), (np.zeros((2, 0)), np.zeros((3, 0))), (np.zeros((2, 1)), np.zeros((2, 3)))],
    *[
        (np.zeros(2), np.zeros(3)),
        (np.zeros(0), np.zeros(1)),
        (np.zeros(1), np.zeros((1, 1))),
        (np.zeros(()), np.zeros(1)),
    ],
    *[(np.zeros(2), np.zeros(2, int)), (np.zeros((2, 2)), np.zeros((2, 2), int)), (np.zeros(0), np.zeros(0, int))],
    *[(pd.Series([1, 1]), pd.Series([1, 1, 1])), (pd.Series([1, 1]), pd.Series([1, 1], dtype="Int64"))],
    *[(pl.Series([1, 1]), pl.Series([1, 1, 1])), (pl.Series(["1"]), pl.Series(["1"], dtype=pl.Categorical))],
]
FRAMES = [
    (made({"id": [1, 1], "v": ["1", "1"]}), made(other))
    for made in (pd.DataFrame, pl.DataFrame)
    for other in ({"id": [1, 1, 1], "v": ["1", "1", "1"]}, {"id": [1.0, 1.0], "v": ["1", "1"]})
]


def whatever(*_):
    return True


#: As forgiving as they can be, but none says of a whole array that it is the same.
MILD = [
    lambda path: Tolerance(path, abs=1e300, rel=1),
    lambda path: SameText(path, pattern="(?s).*"),
    *[SameNumber, lambda path: SameTime(path, within=1e300), lambda path: Default(path, 1), Default],
    *[Unordered, lambda path: KeyedBy(path, "id"), Subset],
    *[lambda _: CompareWith(str, whatever), lambda _: CompareWith(float, whatever), lambda _: IgnoreName("[!_]*")],
]
#: These say so of what is at their path.
HARSH = [IgnorePath, lambda path: Accept(whatever, path), lambda path: Normalize(path, whatever)]
ELEMENTS = ["$[0]", "$.id[0]", "$.id[*]", "$.*[*]", "$[*][*]"]
CHILDREN = ["$[*]", "$..*", "$.*"]
BESIDE = [(), (Unordered("$"),), (Only("$[*]"), Unordered("$[*]"))]


def are_told(pairs, rules):
    """Do all pairs differ, both ways?"""
    config = ShadowConfig(ignore=rules)
    return [pair for one in pairs for pair in (one, one[::-1]) if not differ(*pair, config)] == []


def differ(one, other, config):
    try:
        return Divergence.compare(one, other, config) is not None
    except Undecided:
        return True


@pytest.mark.parametrize("beside", BESIDE)
def test_no_rule_of_elements_hides_that_dtypes_or_shapes_differ(beside):
    for make, path in itertools.product(MILD, ["$", *CHILDREN, *ELEMENTS]):
        assert are_told(ARRAYS, [make(path), *beside]), (make(path), beside)
        assert are_told([([one], [other]) for one, other in ARRAYS], [make(path), *beside, Unordered("$")])
    for make, path in itertools.product(HARSH, CHILDREN + ELEMENTS):
        assert are_told(ARRAYS, [make(path), *beside]), (make(path), beside)


@pytest.mark.parametrize("beside", [*BESIDE, (Only("$.id"),), (Only("$.id"), Unordered("$"))])
def test_no_rule_of_columns_hides_that_dtypes_or_rows_differ(beside):
    for make, path in itertools.product(MILD, ["$", "$.id", *CHILDREN, *ELEMENTS]):
        rules = [rule for rule in (make(path), *beside) if type(rule) is not IgnoreName]  # it is about names of columns
        assert are_told(FRAMES, rules), rules
    for make, path in itertools.product(HARSH, ELEMENTS):
        assert are_told(FRAMES, [make(path), *beside]), (make(path), beside)
    for make, path in itertools.product(HARSH, ["$.id", *CHILDREN]):  # dtypes are of the columns of which they speak
        more_rows = [(one, other) for one, other in FRAMES if len(one) != len(other)]
        assert beside[:1] == (Only("$.id"),) or are_told(more_rows, [make(path), *beside]), (make(path), beside)


def test_what_is_said_of_the_whole_is_named_or_compared():
    one, other = pd.Series([1, 2], name="s"), pd.Series([1, 2], [1, 0], "Int64", name="S")
    assert found(one, other, IgnorePath("$.*"), IgnoreName("[!_]*"), SameText("$..*", ignore_case=True)) == [
        ("changed", "$['dtype']"),
        ("changed", "$['name']"),
        *[("changed", "$['index'][0]"), ("changed", "$['index'][1]")],
    ]
    named = SameText("$.dtype", ignore_case=True), SameText("$..name", ignore_case=True)
    assert found(one, other, *named, IgnoreName("index")) == []
    assert found(one, other, *named, Tolerance("$.index", abs=1)) == []
    assert found(one, other, *named, Only(("$.dtype", "$.name", "$[0]"))) == []
    frame = pd.DataFrame({"dtype": [1.0], "shape": [1.0], "index": [1.0]})
    assert found(frame, frame + 0.1, Tolerance("$.*", abs=1)) == []


def test_of_arrays_and_frames_a_part_may_be_all_that_is_compared():
    one, other = pd.DataFrame({"id": [1, 2], "v": [1, 1]}), pd.DataFrame({"id": [1, 2, 3], "v": [1, 1, 3]})
    assert found(one, other, Only("$.id")) == [("changed", "$['id']['shape']")]
    assert found(one, other, Only("$.id[2]")) == [("added", "$['id'][2]")]
    assert found(other, one, Only("$.id[*]")) == [("changed", "$['id']['shape']"), ("removed", "$['id'][2]")]
    assert found(one, other, Only("$.id[1]")) == []
    assert found(np.array([1, 2]), np.array([9, 2]), Only("$[0]")) == [("changed", "$[0]")]
    assert found(np.array([1, 2]), np.array([9, 2]), Only("$[1]")) == []
    assert found(np.zeros((2, 2)), np.zeros((2, 3)), Only("$[0][1]")) == []
    assert found(np.zeros((2, 2)), np.zeros((2, 3)), Only("$[*][2]")) == [("added", "$[0][2]"), ("added", "$[1][2]")]
    assert found(np.zeros(()), np.zeros(1), Only("$[0]")) == [("added", "$[0]")]
    assert found(np.zeros(1), np.zeros((1, 1)), Only("$[0]")) == [("type", "$[0]")]


def test_not_more_elements_that_one_side_has_are_looked_at_than_a_bound(monkeypatch):
    monkeypatch.setattr(_arrays, "LOOKS", 2)
    divergence = compare({"a": np.arange(1)}, {"a": np.arange(9)}, Only("$.a[*]"))
    assert [change.path for change in divergence.body.changes] == ["$['a']['shape']", "$['a'][1]", "$['a'][2]"]
    assert "more than 2 elements of an array had to be looked at" in divergence.body.notes[0]
    with pytest.raises(Undecided, match="more than 2 elements"):
        compare(np.arange(3), np.arange(9), Only("$[8]"))


@pytest.mark.parametrize("made", [pd.DataFrame, pl.DataFrame])
def test_what_rules_say_of_a_column_holds_for_its_elements(made):
    one, other = made({"id": [1, 2], "v": ["1 ", "Jan"]}), made({"id": [1, 2], "v": ["1.0", "JAN"]})
    for path in ("$", "$.v", "$.v[*]", "$.*", "$.*[*]"):
        assert found(one, other, SameText(path, ignore_case=True)) == [("changed", "$['v'][0]")]
        assert found(one, other, SameNumber(path), SameText(path, ignore_case=True, ignore_blanks=True)) == []
    days, times = made({"at": ["2020-01-01"]}), made({"at": ["2020-01-01T00:00:00Z"]})
    assert found(days, times, SameTime("$.at")) == []
    assert found(made({"v": ["1"]}), made({"v": [1]}), SameNumber("$.v")) == [("changed", "$['v']['dtype']")]
    for of_column in (SameText("$.id", ignore_case=True), SameText("$.dtype", ignore_case=True)):
        assert len(found(one, other, of_column)) == 2


@pytest.mark.parametrize("made", [pd.DataFrame, pl.DataFrame])
def test_functions_get_a_column_or_each_element_and_a_note_says_so_where_they_fail(made):
    one, other = made({"v": ["a", "b"]}), made({"v": ["A", "B"]})
    assert found(one, other, Normalize("$.v[*]", str.casefold)) == []
    assert found(one, other, Accept(lambda a, b: a.upper() == b, "$.v[*]")) == []
    assert found(one, other, Normalize("$.v", lambda column: [text.upper() for text in column])) == []
    assert found(one, other, Accept(lambda a, b: (len(a), len(b)) == (2, 2), "$.v")) == []
    for rule in (Normalize("$.v", str.casefold), Accept(lambda a, b: a.upper() == b, "$.v")):
        divergence = compare(one, other, rule)
        assert [change.path for change in divergence.body.changes] == ["$['v'][0]", "$['v'][1]"]
        assert f"{type(rule).__name__} raised" in divergence.body.notes[0]


def test_str_of_an_array_is_not_all_of_it():
    long = np.arange(5000)
    other = long.copy()
    other[2500] = 0
    assert str(long) == str(other)
    for function in (str, repr):
        divergence = compare(long, other, Normalize("$", function))
        assert [change.path for change in divergence.body.changes] == ["$[2500]"]
        assert (
            f"{function.__name__}() leaves elements of arrays out: a path such as $.column[*]"
            in divergence.body.notes[0]
        )
        assert found(long, other.astype(float), Normalize("$[*]", function), IgnorePath("$.dtype")) != []


@pytest.mark.parametrize("made", [pd.DataFrame, pl.DataFrame])
def test_columns_may_be_left_out_or_added(made):
    one, more = made({"id": [1], "v": [2]}), made({"w": [3], "v": [2], "id": [1]})
    assert found(one, more, Subset("$")) == [("changed", "$['columns']")]
    assert found(one, more, Subset("$"), IgnorePath("$.v")) == []
    assert found(one, more, IgnorePath("$.columns"), IgnorePath("$.w")) == []
    assert found(more, one, Subset("$"), IgnorePath("$.columns")) == [("removed", "$['w']")]
    assert found(one.head(0), more, Subset("$"), IgnorePath("$.columns")) == [("changed", "$['shape']")]
    used = ShadowConfig(ignore=[Subset("$")])
    Divergence.compare(one, more, used)
    assert [met for _, met, _ in used.comparison.use.counts().values()] == [True]
    divergence = compare(one, more, Default("$.w", 3), IgnorePath("$.columns"))
    assert [change.path for change in divergence.body.changes] == ["$['w']"]
    assert "Default says nothing of an array" in divergence.body.notes[0]
    assert found(one, more, Accept(lambda a, b: a is None and list(b) == [3], "$.w"), IgnorePath("$.columns")) == []


def test_an_index_is_not_added_by_a_subset():
    assert found(pl.DataFrame({"a": [1]}), pd.DataFrame({"a": [1]}), Subset("$"), IgnorePath("$..dtype")) == [
        ("added", "$['index']")
    ]
