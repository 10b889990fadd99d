"""What holds for any two values: properties, on random documents and values. Pure."""

from __future__ import annotations

import copy
import datetime
import json
import math

import hypothesis
from hypothesis import given
from hypothesis import strategies as st

from trioshadow import Divergence, ResponseRecord, ShadowConfig
from trioshadow.compare import (
    Accept,
    Excerpt,
    IgnorePath,
    KeyedBy,
    Normalize,
    Subset,
    Tolerance,
    Unordered,
    first_difference,
    visible,
    written,
)
from trioshadow.compare._forms.of_json import read_json
from trioshadow.compare._lines import align
from trioshadow.compare._match import Matching
from trioshadow.compare._paths import parse_path
from trioshadow.compare._write import VALUE_LIMIT

JSON = {"content-type": "application/json"}
NAMES = st.sampled_from(["a", "b", "id", "it's", ""])
#: Few values, so that two documents have much in common.
SCALARS = st.sampled_from([None, True, False, 0, 1, 1.0, 2, 2.5, math.nan, math.inf, "", "a", "1", "b\nc", 2**70])
DOCUMENTS = st.recursive(
    SCALARS,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(NAMES, children, max_size=4),
    max_leaves=15,
)
PYTHON = st.recursive(
    SCALARS
    | st.binary(max_size=2)
    | st.decimals(allow_nan=True)
    | st.datetimes(timezones=st.none() | st.just(datetime.UTC)),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(NAMES | st.integers(0, 3) | st.none(), children, max_size=3)
        | st.tuples(children, children)
        | st.frozensets(st.sampled_from([1, 1.0, True, "a", None, (1, 2), math.nan]), max_size=3)
    ),
    max_leaves=10,
)


@st.composite
def pairs(draw, values=DOCUMENTS):
    """Two documents, the second often an edited copy of the first."""
    one = draw(values)
    return one, draw(st.just(one) | values | mutations(one))


@st.composite
def mutations(draw, document):
    edited = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        place = edited
        while isinstance(place, list | dict) and place:
            key = draw(st.sampled_from(range(len(place)) if isinstance(place, list) else list(place)))
            if not isinstance(place[key], list | dict) or draw(st.booleans()):
                match draw(st.sampled_from("xda")):
                    case "x":
                        place[key] = draw(SCALARS)
                    case "d":
                        del place[key]
                    case "a" if isinstance(place, list):
                        place.insert(key, draw(SCALARS))
                    case "a":
                        place[draw(NAMES)] = draw(SCALARS)
                break
            place = place[key]
    return edited


def compare(primary, shadow, *rules, **settings):
    settings.setdefault("max_changes", 10**6)
    return Divergence.compare(primary, shadow, ShadowConfig(ignore=rules, **settings))


def changes(divergence):
    return () if divergence is None else divergence.body.changes


@given(PYTHON)
def test_a_value_is_the_same_as_itself_and_as_a_copy(value):
    assert compare(value, value) is None
    assert compare(value, copy.deepcopy(value)) is None
    assert compare(value, copy.deepcopy(value), strict=True) is None
    assert compare([0, value], [copy.deepcopy(value), 0], Unordered("$")) is None


@given(DOCUMENTS)
def test_a_document_is_the_same_as_its_body(document):
    body, other = json.dumps(document).encode(), json.dumps(document, indent=1).encode()
    assert (
        Divergence.compare(ResponseRecord(body, headers=JSON), ResponseRecord(other, headers=JSON), ShadowConfig())
        is None
    )


@given(pairs(PYTHON))
def test_swapping_the_sides_swaps_added_and_removed(both):
    one, other = both
    there, back = compare(one, other), compare(other, one)
    assert (there is None) == (back is None)
    swapped = {"added": "removed", "removed": "added"}
    assert sorted((change.path, swapped.get(change.kind, change.kind)) for change in changes(there)) == sorted(
        (change.path, change.kind) for change in changes(back)
    )
    assert there is None or there.body.change_count == back.body.change_count


def applied(document, differences):
    """The primary, with the changes made to it."""
    root = [copy.deepcopy(document)]
    removed = []
    for change in differences:
        keys = [0, *(key for segment in parse_path(change.path) for key in segment.names | segment.indexes)]
        place = root
        for key in keys[:-1]:
            place = place[key]
        if change.kind == "removed":
            removed.append((place, keys[-1]))
        elif change.kind == "added" and isinstance(place, list):
            assert keys[-1] == len(place)
            place.append(change.shadow)
        else:
            assert (keys[-1] in place) == (change.kind != "added") or isinstance(place, list)
            place[keys[-1]] = change.shadow
    for place, key in reversed(removed):
        del place[key]
    return root[0]


@given(pairs())
def test_the_changes_made_to_the_primary_give_the_shadow(both):
    primary, shadow = both
    found = changes(compare(primary, shadow))
    hypothesis.assume(
        not any(isinstance(side, Excerpt) for change in found for side in (change.primary, change.shadow))
    )
    hypothesis.assume(
        not any(isinstance(side, str) and "\n" in side for side in (primary, shadow))
    )  # lines have indexes
    assert compare(applied(primary, found), shadow) is None


@given(pairs())
def test_bodies_of_bytes_differ_as_their_values_do(both):
    one, other = both
    hypothesis.assume(not isinstance(one, str) and not isinstance(other, str))
    by_value = compare(one, other)
    bodies = [ResponseRecord(json.dumps(side).encode(), headers=JSON) for side in both]
    assert [
        (change.path, change.kind) for change in changes(Divergence.compare(*bodies, ShadowConfig(max_changes=10**6)))
    ] == [(change.path, change.kind) for change in changes(by_value)]


@given(pairs())
def test_strict_finds_at_least_as_much(both):
    assert {change.path for change in changes(compare(*both))} <= {
        change.path for change in changes(compare(*both, strict=True))
    }


PATHS = st.sampled_from(["$", "$.a", "$.*", "$..id", "$..a", "$[*]", "$[0]", "$..*", "$.a[*].b", "$['a','id',1]"])
#: These take changes away, one by one.
REMOVING = st.one_of(
    st.builds(IgnorePath, PATHS),
    st.builds(Tolerance, PATHS, abs=st.just(1)),
    st.builds(Subset, PATHS),
    st.builds(Accept, st.sampled_from([lambda *_: True, lambda *_: False, lambda a, b: a < b]), PATHS),
)
#: These say it in other words, perhaps in more.
REARRANGING = st.one_of(
    st.builds(Unordered, PATHS),
    st.builds(KeyedBy, PATHS, st.just("id")),
    st.builds(Normalize, PATHS, st.sampled_from([str, len, lambda value: value, type])),
)


@given(pairs(), st.lists(REMOVING, max_size=4), REMOVING)
def test_a_rule_only_removes_changes(both, rules, one_more):
    # Two rules together: what is left by both is left by each.
    before = [(change.path, change.kind) for change in changes(compare(*both, *rules))]
    after = [(change.path, change.kind) for change in changes(compare(*both, *rules, one_more))]
    remaining = iter(before)
    assert all(change in remaining for change in after)  # a subsequence


@given(pairs(), st.lists(REMOVING | REARRANGING, max_size=5))
def test_no_rule_makes_a_divergence(both, rules):
    if compare(*both) is None:
        assert compare(*both, *rules) is None
    one, _ = both
    assert compare(one, copy.deepcopy(one), *rules) is None


@given(st.lists(SCALARS, max_size=6), st.lists(SCALARS, max_size=6))
def test_of_unordered_scalars_there_are_never_more_changes(one, other):
    assert len(changes(compare(one, other, Unordered("$")))) <= len(changes(compare(one, other)))


@given(st.lists(DOCUMENTS, max_size=6), st.randoms())
def test_unordered_is_what_it_says(elements, random):
    shuffled = copy.deepcopy(elements)
    random.shuffle(shuffled)
    assert compare(elements, shuffled, Unordered("$")) is None
    assert compare(elements, [*shuffled, "more"], Unordered("$")).body.change_count == 1


@given(pairs(PYTHON), st.lists(REMOVING | REARRANGING, max_size=3))
def test_a_divergence_can_always_be_told(both, rules):
    divergence = compare(*both, *rules)
    if divergence is not None:
        line = str(divergence)
        assert line.isprintable()
        assert len(line) < 1000
        for text in (divergence.explain(), repr(divergence)):
            text.encode()
        assert all(part.isprintable() for part in divergence.explain().split("\n"))
        hash(divergence)


@given(st.text(), st.text())
def test_any_text_can_be_shown(one, other):
    assert visible(one).isprintable()
    assert len(written(one + other)) <= VALUE_LIMIT + 1
    divergence = compare(one, other)
    if divergence is not None:
        divergence.explain(color=True).encode()


@given(
    st.binary(max_size=100),
    st.binary(max_size=100),
    st.sampled_from(
        [
            "application/json",
            "text/html",
            "application/msgpack",
            "application/x-ndjson",
            "application/x-www-form-urlencoded",
            "x/y",
        ]
    ),
)
def test_any_bodies_can_be_compared(one, other, kind):
    records = [ResponseRecord(body, headers={"content-type": kind}) for body in (one, other)]
    divergence = Divergence.compare(*records, ShadowConfig())
    if one == other:
        assert divergence is None
    elif divergence is not None:
        assert divergence.body is not None
        divergence.explain()


LINES = st.lists(st.sampled_from("abcdef"), max_size=12)


@given(LINES, LINES)
def test_alignment_gives_the_one_text_from_the_other(a, b):
    taken_a = {i for i, _ in align(a, b) if i is not None}
    taken_b = {j for _, j in align(a, b) if j is not None}
    assert [line for i, line in enumerate(a) if i not in taken_a] == [
        line for j, line in enumerate(b) if j not in taken_b
    ]
    assert list(align(a, a)) == []
    assert len(list(align(a, b))) <= len(a) + len(b)
    assert [i for i, _ in align(a, b) if i is not None] == sorted(taken_a)


@given(st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5))))
def test_partners_are_as_many_as_can_be(edges):
    matching = Matching([0] * 6, [0] * 6, {}, lambda i, j: (i, j) in edges)
    for start in range(6):
        matching.find(start)
    found = matching.partners
    assert all(edge in edges for edge in found.items())
    assert len(set(found.values())) == len(found)

    def most(i, used):
        if i == 6:
            return 0
        options = [1 + most(i + 1, used | {j}) for j in range(6) if (i, j) in edges and j not in used]
        return max([*options, most(i + 1, used)])

    assert len(found) == most(0, frozenset())


@given(st.text("ab"), st.text("ab"))
def test_the_first_difference_of_texts(one, other):
    expected = next((i for i, (x, y) in enumerate(zip(one, other, strict=False)) if x != y), min(len(one), len(other)))
    assert first_difference(one, other) == expected


# ── quick ways, which must find what the slow ones do ─────────────────────────────────────────────────────────────────

ODD_TEXT = st.sampled_from(["a", "b", '"', '":', ' " : ', "\\", '\\"', "\x00", "é"])
BLANKS = st.sampled_from(["", " ", "\t\n"])


@st.composite
def written_json(draw, depth=2):
    """JSON as somebody writes it: blanks anywhere, names that are there twice, texts full of quotes and colons."""
    if not depth or draw(st.booleans()):
        return json.dumps(draw(st.one_of(ODD_TEXT, st.integers(0, 9), st.none())))
    members = draw(st.lists(st.tuples(ODD_TEXT, written_json(depth - 1), BLANKS, BLANKS), max_size=3))
    return "{" + ",".join(f"{a}{json.dumps(name)}{b}:{a}{value}" for name, value, a, b in members) + "}"


@given(written_json())
def test_a_name_that_is_there_twice_is_never_overlooked(text):
    twice = []

    def objects(pairs):
        if len({name for name, _ in pairs}) < len(pairs):
            twice.append(pairs)
        return dict(pairs)

    value = json.loads(text, object_pairs_hook=objects)
    decoded = read_json(text.encode())
    assert (decoded.value == value) or twice
    assert bool(decoded.notes) == bool(twice)
    assert read_json(text) == decoded


SCALARS = st.sampled_from([0, 0.0, -0.0, False, 1, 1.0, True, "", "1", None, math.nan, 2**70, 1e300])
DOCUMENTS = st.recursive(
    SCALARS,
    lambda parts: st.lists(parts, max_size=40) | st.dictionaries(st.sampled_from("abcd"), parts),
    max_leaves=60,
)


@given(DOCUMENTS, DOCUMENTS, st.booleans(), st.data())
def test_bodies_and_values_are_found_to_differ_in_the_same_places(one, two, strict, data):
    """Values that hold something that can't be serialised take the slow way: the places are the same."""
    other = data.draw(st.sampled_from([one, two, [one, two], [two, one], [one] * 40, [*[one] * 39, two]]))
    config = ShadowConfig(strict=strict)
    sides = [[one, two, [one] * 40], [one, other, [one] * 39 + [other]]]
    quick = Divergence.compare(*sides, config)
    slow = Divergence.compare(*([*side, Unserialisable()] for side in sides), config)
    bodies = Divergence.compare(*(ResponseRecord(json.dumps(side).encode()) for side in sides), config)
    assert [places_of(each) for each in (quick, bodies)] == [places_of(slow)] * 2


class Unserialisable:
    """Equal to each other, and nothing that a quick look knows."""

    def __eq__(self, other):
        return isinstance(other, Unserialisable)

    __hash__ = None


def places_of(divergence):
    if divergence is None:
        return 0, []
    return divergence.body.change_count, [(change.kind, change.path) for change in divergence.body.changes]
