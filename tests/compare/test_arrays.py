"""Arrays and frames: dtype, shape and values, with the place of each difference; found by what they are. Pure."""

from __future__ import annotations

import datetime
import decimal
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

from trioshadow import Divergence, ShadowConfig
from trioshadow.compare import (
    Accept,
    CompareWith,
    IgnorePath,
    KeyedBy,
    Normalize,
    Tolerance,
    Undecided,
    Unordered,
    _arrays,
    _tables,
)

from tests.support.comparing import compare, found

NAN = float("nan")
STRUCTURE = [("id", "i4"), ("price", "f8")]


def told(one, other, *rules, **settings):
    """What is found, with both values as they are written."""
    divergence = compare(one, other, *rules, **settings)
    if divergence is None:
        return []
    return [(change.path, str(change.primary), str(change.shadow)) for change in divergence.body.changes]


def matrix(rows):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.matrix(rows)


def masked(values, mask):
    return np.ma.array(values, mask=mask)


class Quantity(np.ndarray):
    """With a unit, as those of astropy have."""

    def __array_finalize__(self, other):
        self.unit = getattr(other, "unit", None)


def quantity(values, unit):
    made = np.array(values).view(Quantity)
    made.unit = unit
    return made


def time(text, unit="ns"):
    return np.datetime64(text, unit)


def series(values, **settings):
    return pd.Series(values, **settings)


LEVELS = pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["x", "y"])
FRAME = pd.DataFrame(
    {"price": [1.0, 2.0, NAN], "name": ["a", "b", None], "at": pd.to_datetime(["2020", "2021", None], utc=True)}
)
POLARS = pl.DataFrame({"price": [1.0, 2.0, NAN], "name": ["a", "b", None], "tags": [["x"], [], None]})


# ── NumPy ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *[(np.array([1, 2]), np.array([1, 2])), (np.array([]), np.array([])), (np.array(5), np.array(5))],
        *[(np.zeros((2, 0)), np.zeros((2, 0))), (np.array(None), np.array(None))],
        *[(np.array([1, NAN]), np.array([1, NAN])), (np.array([NAN], "f4"), np.array([NAN], "f4"))],
        (np.array([complex(NAN, 1)]), np.array([complex(NAN, 1)])),
        (np.array(["2020", "NaT"], "M8[ns]"), np.array(["2020", "NaT"], "M8[ns]")),
        (np.array([(1, NAN)], STRUCTURE), np.array([(1, NAN)], STRUCTURE)),
        (np.arange(20)[::2], np.arange(0, 20, 2)),
        (np.arange(6).reshape(2, 3).T, np.arange(6).reshape(2, 3).T.copy()),
        (np.array([1, 2], ">i8"), np.array([1, 2], "<i8")),
        (np.array(["a", "bb"]), np.array(["a", "bb"], "U7")),
        (np.array([b"a"]), np.array([b"a"], "S7")),
        (np.array(["a"], np.dtypes.StringDType()), np.array(["a"], np.dtypes.StringDType())),
        (np.array([1, "a", None, [1]], object), np.array([1.0, "a", None, [1]], object)),
        (masked([1, 2, 3], [0, 1, 0]), masked([1, 9, 3], [0, 1, 0])),
        (masked([[1.0, NAN], [3, 4]], [[0, 0], [0, 1]]), masked([[1.0, NAN], [3, 5]], [[0, 0], [0, 1]])),
        (matrix([[1, 2]]), matrix([[1, 2]])),
        (
            np.rec.array([(1, 2.0)], [("id", "i4"), ("mask", "f8")]),
            np.array([(1, 2.0)], [("id", "i4"), ("mask", "f8")]),
        ),
        (quantity([1, 2], "m"), quantity([1, 2], "m")),
        (np.array([b"ab"], "V2"), np.array([b"ab"], "V2")),
    ],
)
def test_equal_arrays_are_the_same(one, other):
    for a, b in ((one, other), (other, one)):
        assert found(a, b) == []
        assert found({"a": a}, {"a": b}) == []
        assert found([a, 0], [0, b], Unordered("$")) == []
    assert found([one], [one.copy()], strict=True) == []


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (np.array([1, 2]), np.array([1, 3]), [("$['a'][1]", "2", "3")]),
        (np.arange(4).reshape(2, 2), np.array([[0, 1], [2, 9]]), [("$['a'][1][1]", "3", "9")]),
        (np.array([1, 2]), np.array([1, 2], "i4"), [("$['a']['dtype']", "int64", "int32")]),
        (np.array([1, 0]), np.array([True, False]), [("$['a']['dtype']", "int64", "bool")]),
        (
            np.array([[1, 2]]),
            np.array([[1.0, 2.5]]),
            [("$['a']['dtype']", "int64", "float64"), ("$['a'][0][1]", "2", "2.5")],
        ),
        (np.array([7]), np.array([[7]]), [("$['a']['shape']", "(1,)", "(1, 1)")]),
        (np.zeros((0, 3)), np.zeros((0, 4)), [("$['a']['shape']", "(0, 3)", "(0, 4)")]),
        (np.array([1, 2, 3]), np.array([1, 5]), [("$['a']['shape']", "(3,)", "(2,)"), ("$['a'][1]", "2", "5")]),
        (np.array(5), np.array(6), [("$['a'][()]", "int64(5)", "int64(6)")]),
        (np.array({"x": 1}), np.array({"x": 2}), [("$['a'][()]['x']", "1", "2")]),
        (np.array([1, "a"], object), np.array([True, "a"], object), [("$['a'][0]", "1", "True")]),
        (np.array([{"x": [1]}]), np.array([{"x": [2]}]), [("$['a'][0]['x'][0]", "1", "2")]),
        (np.array([complex(NAN, 1)]), np.array([complex(NAN, 2)]), [("$['a'][0]", "(nan+1j)", "(nan+2j)")]),
        (
            np.array([(1, 2.0)], STRUCTURE),
            np.array([(1, 3.0)], STRUCTURE),
            [("$['a'][0]['price']", "float64(2.0)", "float64(3.0)")],
        ),
        (masked([1, 2], [0, 1]), masked([1, 2], [0, 0]), [("$['a'][1]", "None", "2")]),
        (masked([1, 2], [0, 1]), np.array([1, 2]), [("$['a'][1]", "None", "2")]),
        (np.array(["a", "bb"]), np.array(["a", "bbb"]), [("$['a'][1]", "bb", "bbb")]),
        (quantity([1], "m"), quantity([1], "km"), [("$['a']['unit']", "m", "km")]),
        (matrix([[1, 2]]), matrix([[1, 3]]), [("$['a'][0][1]", "2", "3")]),
    ],
)
def test_what_differs_is_told_with_its_place(one, other, expected):
    assert told({"a": one}, {"a": other}) == expected
    assert found([one, 0], [0, other], Unordered("$")) != []


@pytest.mark.parametrize("other", [[7], 7, None, (7,), {"a": 7}, "7", series([7]), pd.DataFrame({"a": [7]}), object()])
def test_an_array_is_nothing_else(other):
    for one, another in ((np.array([7]), other), (other, np.array([7]))):
        assert found([one], [another]) == [("type", "$[0]")]
        assert found(one, another) == [("type", "$")]
    assert found([np.array(7)], [7]) == [("type", "$[0]")]
    (change,) = compare(np.array([[7]]), None).body.changes
    assert str(change.primary) == 'ndarray(dtype="int64", shape="(1, 1)", [[7]])'


def test_strict_tells_how_an_array_is_stored():
    assert told(np.array([1], ">i8"), np.array([1], "<i8"), strict=True) == [("$['dtype']", ">i8", "int64")]
    assert told(np.array(["a"]), np.array(["a"], "U7"), strict=True) == [("$['dtype']", "<U1", "<U7")]
    assert found([matrix([[1]])], [np.array([[1]])]) == []
    assert found([matrix([[1]])], [np.array([[1]])], strict=True) == [("type", "$[0]")]
    assert found(np.array([1], object), np.array([1.0], object), strict=True) == [("type", "$[0]")]


def test_rules_work_on_elements():
    one, other = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.5, 2.0], [3.0, 9.0]])
    for path in ("$.a", "$.a[*]", "$.a[*][*]", "$..*", "$.a[0][0]", "$.a[0]"):
        assert found({"a": one}, {"a": other}, Tolerance(path, abs=1)) == [("changed", "$['a'][1][1]")]
    assert found({"a": one}, {"a": other}, Tolerance("$.a", rel=0.6)) == []
    assert found({"a": one}, {"a": other}, IgnorePath("$.a[*][*]")) == []
    assert found({"a": one}, {"a": other}, IgnorePath("$.a[1]")) == [("changed", "$['a'][0][0]")]
    assert found({"a": one}, {"a": other}, Accept(lambda a, b: a < b, "$.a[1][1]")) == [("changed", "$['a'][0][0]")]
    assert found({"a": one}, {"a": other}, Accept(np.shares_memory, "$.a")) != []
    assert found({"a": one}, {"a": one.tolist()}, Normalize("$.a", np.asarray)) == []
    assert found({"a": np.array([1])}, {"a": np.array([1.0])}, IgnorePath("$.a.dtype")) == []
    assert found([np.array([1])], [np.array([2])], CompareWith(np.ndarray, np.can_cast)) != []
    assert (
        found([np.array([1.0])], [np.array([1.1])], CompareWith("numpy.ndarray", lambda a, b: np.allclose(a, b, 1)))
        == []
    )


@pytest.mark.parametrize("kind", ["u1", "i8", "f2", "f8", "g", "M8[ns]", "m8[s]"])
def test_a_tolerance_is_the_same_for_each_kind_of_number(kind):
    one = np.array([0, 100, 50], "i8").astype(kind)
    other = np.array([1, 99, 50], "i8").astype(kind)
    seconds = 1e-9 if kind == "M8[ns]" else 1
    assert found(one, other, Tolerance("$", abs=seconds * 1.0001)) == []
    assert len(found(one, other, Tolerance("$", abs=seconds / 10_000))) == 2


def test_a_tolerance_near_its_margin_is_exact():
    assert found(np.array([0.3]), np.array([0.1 + 0.2]), Tolerance("$", abs=1e-15)) == []
    assert found(np.array([2**62]), np.array([2**62 + 1]), Tolerance("$", abs=0.5)) == [("changed", "$[0]")]
    infinite = np.array([np.inf, -np.inf, 1.0, NAN, 1e308])
    other = np.array([np.inf, -np.inf, 1.5, NAN, -1e308])
    assert found(infinite, other, Tolerance("$", abs=1)) == [("changed", "$[4]")]
    assert found(np.array([np.inf]), np.array([1.0]), Tolerance("$", abs=1)) == [("changed", "$[0]")]
    assert found(np.array([True]), np.array([False]), Tolerance("$", abs=1)) == [("changed", "$[0]")]


def test_the_order_of_elements_need_not_count():
    one, other = {"a": np.array([3, 1, 2])}, {"a": np.array([1, 2, 3])}
    assert found(one, other, Unordered("$.a")) == []
    assert found(one, {"a": np.array([1, 2, 4, 5])}, Unordered("$.a")) == [
        ("changed", "$['a'][0]"),
        ("added", "$['a'][3]"),
    ]
    assert found(one, {"a": np.array([1.0, 2, 3])}, Unordered("$.a")) == [("changed", "$['a']['dtype']")]
    assert found(one, {"a": np.array([1.0, 2, 3])}, Unordered("$.a"), IgnorePath("$.a.dtype")) == []
    assert found(np.array([[1, 2], [3, 4]]), np.array([[3, 4], [1, 2]]), Unordered("$")) == []
    rows = np.array([(1, 2.0), (2, 3.0)], STRUCTURE)
    assert found(rows, rows[::-1], KeyedBy("$", "id")) == []
    for shapeless in (np.array(1), FRAME):
        assert found(shapeless, shapeless.copy(), Unordered("$")) == []


# ── large ones ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_of_many_elements_only_runs_that_differ_are_looked_at(monkeypatch):
    looked = []
    real = _tables.as_list
    monkeypatch.setattr(_arrays, "as_list", lambda column: looked.append(len(column)) or real(column))
    big = np.arange(1_000_000)
    other = big.copy()
    other[[5, 999_999]] = -1
    assert found(big, big.copy()) == []
    assert looked == []
    assert found(big, other) == [("changed", "$[5]"), ("changed", "$[999999]")]
    assert sum(looked) < 4 * 4096
    looked.clear()
    noise = big + np.random.default_rng(1).random(1_000_000) / 1000
    assert found(big.astype(float), noise, Tolerance("$[*]", abs=0.1)) == []
    assert looked == []
    at = pd.Series(pd.date_range("2020", periods=200_000, freq="s", tz="UTC"))
    later = at.copy()
    later[100_000] = at[0]
    assert found(at, later) == [("changed", "$[100000]")]
    assert sum(looked) == 128


def test_not_more_elements_than_a_bound_are_looked_at(monkeypatch):
    monkeypatch.setattr(_arrays, "LOOKS", 10)
    divergence = compare({"a": np.arange(20)}, {"a": np.arange(20) + 1})
    assert [change.path for change in divergence.body.changes[:10]] == [f"$['a'][{index}]" for index in range(10)]
    assert "more than 10 elements of an array had to be looked at" in divergence.body.notes[0]
    monkeypatch.setattr(_arrays, "_ROW", 1)
    divergence = compare(np.array([[1, 2]]), np.array([[1.0, 3.0]]))
    assert "arrays of two dtypes" in divergence.body.notes[0]
    monkeypatch.setattr(_tables, "ELEMENT_LIMIT", 1)
    with pytest.raises(Undecided, match="can't be matched without their order"):
        compare({"a": np.array([1, 2])}, {"a": np.array([2, 1])}, Unordered("$.a"))


def test_what_is_written_of_an_array_is_bounded():
    for big in (np.zeros(1_000_000), np.zeros((1000, 1000)), np.zeros((10,) * 6), pd.DataFrame({"a": range(100_000)})):
        (change,) = compare(big, None).body.changes
        assert len(str(change.primary)) <= 257


# ── scalars ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *[(np.int64(1), 1), (np.float32(0.5), 0.5), (np.True_, True), (np.str_("a"), "a"), (np.bytes_(b"a"), b"a")],
        *[(np.float32("nan"), NAN), (np.float32("nan"), np.float32("nan")), (np.complex64(1j), 1j)],
        *[(np.longdouble(0.5), 0.5), (np.longdouble("inf"), float("inf")), (np.longdouble("nan"), NAN)],
        (np.array([(1, 2.0)], STRUCTURE)[0], {"id": 1, "price": 2.0}),
        (np.void(b"ab"), b"ab"),
        (np.ma.masked, None),
        *[(time("NaT"), time("NaT")), (time("2020-01-01"), time("2020-01-01", "D"))],
        (time("2020-01-01T00:00:01"), datetime.datetime.fromisoformat("2020-01-01T00:00:01")),
        (np.timedelta64(1, "s"), datetime.timedelta(seconds=1)),
        (np.timedelta64(1000, "ns"), datetime.timedelta(microseconds=1)),
        (time("2020-01-01T00:00:00.000000001"), time("2020-01-01T00:00:00.000000001")),
        *[(pd.NA, pd.NA), (pd.NaT, pd.NaT), (pd.NaT, time("NaT"))],
        (pd.Timestamp("2020"), datetime.datetime.fromisoformat("2020-01-01")),
        *[(pd.Period("2020"), pd.Period("2020")), (pd.Interval(1, 2), pd.Interval(1, 2))],
        (np.timedelta64(1, "M"), np.timedelta64(1, "M")),
        (np.clongdouble(1j), np.clongdouble(1j)),
    ],
)
def test_a_scalar_is_the_value_that_it_stands_for(one, other):
    for a, b in ((one, other), (other, one)):
        assert found([a], [b]) == []
        assert found([a, "x"], ["x", b], Unordered("$")) == []
        if not (
            isinstance(a, np.datetime64) and str(a) != str(b)
        ):  # days and nanoseconds are equal, but no key for the other
            assert found([{"id": a}, {"id": -1}], [{"id": -1}, {"id": b}], KeyedBy("$", "id")) == []
    assert found([one], [one], strict=True) == []


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        *[(np.int64(1), 2, "changed"), (np.True_, 1, "type"), (np.float32(0.1), 0.1, "changed")],
        *[(np.int64(1), "1", "type"), (np.int64(1), None, "type"), (np.int64(1), True, "type")],
        *[(pd.NA, None, "type"), (pd.NaT, None, "type"), (pd.NA, 1, "type"), (pd.NaT, NAN, "type")],
        *[(time("NaT"), time("2020"), "changed"), (time("2020"), time("2021"), "changed")],
        *[(pd.NaT, pd.Timestamp("2020"), "changed"), (pd.NA, pd.NaT, "type")],
        (time("2020-01-01T00:00:00.000000001"), time("2020-01-01T00:00:00.000000002"), "changed"),
    ],
)
def test_scalars_that_are_not_the_same(one, other, kind):
    assert found([one], [other]) == [(kind, "$[0]")]
    assert found([other], [one]) == [(kind, "$[0]")]


def test_a_tolerance_takes_numpys_scalars():
    assert found([np.int64(3)], [4], Tolerance("$[*]", abs=1)) == []
    assert found([np.float32(1)], [np.float32(1.5)], Tolerance("$[*]", abs=1)) == []
    assert found([np.longdouble(1)], [np.longdouble(1.5)], Tolerance("$[*]", abs=1)) == []
    assert found([np.True_], [np.False_], Tolerance("$[*]", abs=1)) == [("changed", "$[0]")]
    one, other = time("1600-01-01", "D"), time("1600-01-01T00:00:00.000000002", "s") + np.timedelta64(2, "s")
    assert found([one], [other], Tolerance("$[*]", abs=2)) == []
    assert found([one], [other], Tolerance("$[*]", abs=1)) == [("changed", "$[0]")]
    for strange in (time("NaT"), np.timedelta64(1, "s"), np.timedelta64(1, "M")):
        assert len(found([one], [strange], Tolerance("$[*]", abs=10))) == 1


# ── frames ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def with_price(frame, row, price):
    frame = frame.copy()
    frame.loc[row, "price"] = price
    return frame


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (FRAME, FRAME.copy(), []),
        (FRAME, with_price(FRAME, 1, 3.0), [("$['f']['price'][1]", "2.0", "3.0")]),
        (FRAME, FRAME.iloc[:2], [("$['f']['shape']", "(3, 3)", "(2, 3)")]),
        (
            FRAME,
            FRAME[["name", "price", "at"]],
            [("$['f']['columns']", "['price', 'name', 'at']", "['name', 'price', 'at']")],
        ),
        (FRAME, FRAME.set_index(pd.Index([0, 1, 5])), [("$['f']['index'][2]", "2", "5")]),
        (FRAME.index, pd.Index([0, 1, 2]), []),
        (series([1], name="a"), series([1], name="b"), [("$['f']['name']", "a", "b")]),
        (series([1, None], dtype="Int64"), series([1, 2], dtype="Int64"), [("$['f'][1]", "<NA>", "2")]),
        (series([1]), series([1], dtype="Int64"), [("$['f']['dtype']", "int64", "Int64")]),
        (
            pd.DataFrame([[1, 2]], columns=["a", "a"]),
            pd.DataFrame([[1, 3]], columns=["a", "a"]),
            [("$['f']['a#2'][0]", "2", "3")],
        ),
        (pd.DataFrame([range(4)], columns=LEVELS), pd.DataFrame([range(4)], columns=LEVELS), []),
        (series(range(4), index=LEVELS), series(range(4), index=LEVELS.copy()), []),
        (
            series(range(4), index=LEVELS),
            series(range(4), index=LEVELS.rename(["x", "z"])),
            [("$['f']['index']['names'][1]", "y", "z")],
        ),
        (LEVELS, LEVELS[[0, 1, 2, 2]], [("$['f'][3][1]", "2", "1")]),
        (pd.Categorical(["a"], ["a", "b"]), pd.Categorical(["a"], ["b", "a"]), []),
        (
            pd.Categorical(["a"], ["a", "b"], ordered=True),
            pd.Categorical(["a"], ["b", "a"], ordered=True),
            [("$['f']['categories'][0]", "a", "b"), ("$['f']['categories'][1]", "b", "a")],
        ),
        (series(["a", 1], dtype=object), series(["a", True], dtype=object), [("$['f'][1]", "1", "True")]),
        (POLARS, POLARS.clone(), []),
        (POLARS, POLARS.with_columns(price=pl.Series([1.0, 3.0, NAN])), [("$['f']['price'][1]", "2.0", "3.0")]),
        (POLARS, POLARS.with_columns(tags=pl.Series([["y"], [], None])), [("$['f']['tags'][0][0]", "x", "y")]),
        (POLARS, POLARS.head(2), [("$['f']['shape']", "(3, 3)", "(2, 3)")]),
        (pl.Series("a", [1]), pl.Series("a", [1], pl.Int32), [("$['f']['dtype']", "Int64", "Int32")]),
        (pl.Series("a", [1]), pl.Series("b", [1]), [("$['f']['name']", "a", "b")]),
        (pl.Series([decimal.Decimal("1.1")]), pl.Series([decimal.Decimal("1.2")]), [("$['f'][0]", "1.1", "1.2")]),
        (pl.Series([object], dtype=pl.Object), pl.Series([object], dtype=pl.Object), []),
    ],
)
def test_frames_are_compared_by_columns_and_their_elements(one, other, expected):
    assert told({"f": one}, {"f": other}) == expected
    assert found([one, 0], [0, other], Unordered("$")) == (
        [] if not expected else found([one, 0], [0, other], Unordered("$"))
    )
    assert (found([one, 0], [0, other], Unordered("$")) == []) == (not expected)


def test_columns_that_one_side_has_are_added_or_removed():
    assert found(FRAME, FRAME[["price", "at"]]) == [("removed", "$['name']")]
    assert found(POLARS[["price"]], POLARS) == [("added", "$['name']"), ("added", "$['tags']")]
    assert "name=" in compare(FRAME, None).explain()


def test_rules_work_on_the_elements_of_a_frame():
    other = with_price(FRAME, 1, 3.0)
    for path in ("$", "$.price", "$.price[*]", "$..*", "$.price[1]"):
        assert found(FRAME, other, Tolerance(path, abs=1)) == []
    assert found(FRAME, other, IgnorePath("$.price")) == []
    assert found(FRAME, FRAME[["name", "price", "at"]], IgnorePath("$.columns")) == []
    assert found(FRAME, FRAME.to_dict("records"), Normalize("$", pd.DataFrame)) == []
    unknown = ShadowConfig(ignore=[Tolerance("$.prize[*]", abs=1), Unordered("$.name"), KeyedBy("$", "id")])
    Divergence.compare(FRAME, other, unknown)
    assert [unsure for _, met, unsure in unknown.comparison.use.counts().values() if not met] == [True, True]


def test_a_frame_of_another_library_may_be_the_same():
    assert found(pl.DataFrame({"a": [1]}), pd.DataFrame({"a": [1]}), IgnorePath("$..dtype")) == [
        ("added", "$['index']")
    ]
    assert found([pl.Series([1])], [pd.Index([1])], IgnorePath("$..dtype")) == [("added", "$[0]['names']")]


@pytest.mark.parametrize("kind", [pl.Datetime("ns"), pl.Datetime("ns", "UTC"), pl.Duration("ns"), pl.Time, pl.Date])
def test_what_polars_lists_in_microseconds_is_compared_in_nanoseconds(kind):
    def made(*values):
        return pl.Series(list(values), dtype=pl.Int32 if kind == pl.Date else pl.Int64).cast(kind)

    assert found(made(1, 2_000, None), made(1, 2_000, None)) == []
    assert [path for _, path in found(made(1, 2_000), made(1, 2_001))] == ["$[1]"]
    assert found({"t": made(1, 2)}, {"t": made(3, 2)}, Unordered("$.t")) != []
    assert found(pl.DataFrame({"t": made(1, 2)}), pl.DataFrame({"t": made(1, 3)})) == [("changed", "$['t'][1]")]


def test_lists_of_nanoseconds_too():
    def made(last):
        return pl.DataFrame({"t": [[1], [last]]}).select(pl.col("t").cast(pl.List(pl.Datetime("ns"))))

    assert found(made(2), made(2)) == []
    assert found(made(2), made(3)) == [("changed", "$['t'][1][0]")]


def test_what_has_no_elements_yet_is_not_equal_to_anything():
    with pytest.raises(Undecided, match="`==` of Expr gives no bool, but Expr: give a view="):
        compare([pl.col("a")], [pl.col("a")])


# ── stand-ins for what is too large to install ───────────────────────────────────────────────────────────────────────


def from_package(package, name):
    def made(cls):
        cls.__module__, cls.__name__, cls.__qualname__ = f"{package}.core", name, name
        return cls

    return made


class Answer(list):
    """What comparing two tensors gives: another one."""

    def all(self):
        return all(self)

    def tolist(self):
        return list(self)

    def __and__(self, other):
        return Answer(a and b for a, b in zip(self, other, strict=True))

    def __or__(self, other):
        return Answer(a or b for a, b in zip(self, other, strict=True))


@from_package("torch", "Tensor")
class Tensor:
    def __init__(self, values):
        self.values = values
        self.shape = (len(values),) if isinstance(values, list) else ()
        self.dtype = "torch.int64"

    def __getitem__(self, where):
        return Tensor(self.values[where])

    def __eq__(self, other):
        return Answer(a == b for a, b in zip(self.values, other.values, strict=True))

    def __ne__(self, other):
        return Answer(a != b for a, b in zip(self.values, other.values, strict=True))

    def item(self):
        return self.values

    def tolist(self):
        return self.values


@from_package("pyarrow", "Array")
class Column:
    def __init__(self, numbers, dtype="int64"):
        self.numbers = numbers
        self.type = dtype

    def __len__(self):
        return len(self.numbers)

    def take(self, places):
        return Column([self.numbers[place] for place in places], self.type)

    def slice(self, start, length):
        return Column(self.numbers[start : start + length], self.type)

    def to_pylist(self):
        return self.numbers

    def equals(self, other):
        return self.numbers == other.numbers


@from_package("pyarrow", "Table")
class ArrowTable:
    def __init__(self, names, columns):
        self.column_names = names
        self.columns = columns
        self.shape = (len(columns[0]), len(columns))

    def column(self, index):
        return self.columns[index]


@from_package("pyarrow", "Scalar")
class Scalar:
    def __init__(self, value):
        self.value = value

    def as_py(self):
        return self.value


def test_tensors_and_arrow_tables_are_found_by_what_they_are():
    assert found([Tensor([1, NAN])], [Tensor([1, NAN])]) == []
    assert told([Tensor([1, 2])], [Tensor([1, 3])]) == [("$[0][1]", "2", "3")]
    assert found([Tensor([1, 2])], [np.array([1, 2])]) == []  # what one can't compare with the other is compared here
    assert told([Tensor(1)], [Tensor(2)]) == [("$[0][()]", "1", "2")]
    one = ArrowTable(["a", "b", "b"], [Column([1, 2]), Column([3, 4]), Column([5, 6])])
    other = ArrowTable(["a", "b", "b"], [Column([1, 2], "int32"), Column([3, 4]), Column([5, 7])])
    assert told(one, other) == [("$['a']['dtype']", "int64", "int32"), ("$['b#2'][1]", "6", "7")]
    moved = ArrowTable(["a", "b", "b"], [Column([2, 1]), Column([4, 3]), Column([6, 5])])
    assert found(one, moved, Unordered("$")) == []
    assert found([Scalar(1)], [1]) == []


def test_nothing_is_imported_for_it():
    code = "import sys, trioshadow; assert not {'numpy', 'pandas', 'polars', 'pyarrow', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


NAN = float("nan")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (NAN, np.float64("nan"), None),
        (("a", NAN), ("a", float("nan")), None),
        (True, 1, "body: $[true] removed, $[1] added"),
        ((1, True), (1, 1), "body: $[(1, true)] removed, $[(1, 1)] added"),
        (1, 1.0, None),
    ],
)
@pytest.mark.parametrize("rules", [(), (Unordered("$"),)], ids=["in order", "unordered"])
def test_columns_are_found_by_names_that_are_the_same_as_values(one, other, expected, rules):
    frames = [pd.DataFrame([[1], [2]]) for _ in range(2)]
    for frame, name in zip(frames, (one, other), strict=True):
        frame.columns = pd.Index([name], dtype=object, tupleize_cols=False)
    found = Divergence.compare(*frames, ShadowConfig(ignore=rules))
    assert (None if found is None else str(found)) == expected
