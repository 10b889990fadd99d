"""What is counted of calls, by operation and field: pairs, bounded tables, snapshots and sums. Pure."""

from __future__ import annotations

import collections
import copy
import itertools
import json
import threading

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioshadow import Verdict
from trioshadow.compare import Change
from trioshadow.evidence import Epoch, Evidence, Example, Objective, Observation, Operation, scorecard
from trioshadow.evidence._evidence import FIELDS, OPERATIONS, OTHERS, UNNAMED

from tests.support.observed import key_hash, new_evidence, observe, side
from tests.support.profiles import tried

MATCHED = Verdict.MATCHED.slot


def tally(evidence, field, operation=""):
    return evidence.operations[operation].fields[field]


def pairs_of(found):
    return {"shadow_only": found.shadow_only, "secondary_only": found.secondary_only, "both": found.both}


# ── one call ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("shadow", "secondary", "expected"),
    [
        (["f"], [], {"shadow_only": 1, "secondary_only": 0, "both": 0}),
        ([], ["f"], {"shadow_only": 0, "secondary_only": 1, "both": 0}),
        (["f"], ["f"], {"shadow_only": 0, "secondary_only": 0, "both": 1}),
    ],
)
def test_a_pair_is_counted_by_who_differs(shadow, secondary, expected):
    evidence = new_evidence()
    observe(evidence, shadow=shadow, secondary=secondary)
    row = evidence.operations[UNNAMED]
    assert pairs_of(tally(evidence, "f")) == pairs_of(row.anything) == expected
    assert (row.pairs, row.pair_keys.estimate, row.keys.estimate) == (1, 1, 1)
    assert tally(evidence, "f").differed == row.anything.differed == len(shadow)
    assert tally(evidence, "f").tosses.worse == expected["shadow_only"]


def test_a_pair_in_which_nobody_differs_is_a_pair():
    evidence = new_evidence()
    observe(evidence, secondary=[])
    row = evidence.operations[UNNAMED]
    assert (row.pairs, row.fields, row.anything.differed, row.compared) == (1, {}, 0, 1)


def test_fields_are_paired_one_by_one_and_together_as_one():
    """Each side differs in another field: two disagreements by field, and none about the answer."""
    evidence = new_evidence()
    observe(evidence, shadow=["f", "both"], secondary=["g", "both"])
    assert pairs_of(tally(evidence, "f")) == {"shadow_only": 1, "secondary_only": 0, "both": 0}
    assert pairs_of(tally(evidence, "g")) == {"shadow_only": 0, "secondary_only": 1, "both": 0}
    assert pairs_of(tally(evidence, "both")) == {"shadow_only": 0, "secondary_only": 0, "both": 1}
    assert pairs_of(evidence.operations[UNNAMED].anything) == {"shadow_only": 0, "secondary_only": 0, "both": 1}
    assert tally(evidence, "g").differed == 0


def test_without_a_secondary_there_is_no_pair():
    evidence = new_evidence()
    observe(evidence, 3, shadow=["f"])
    assert pairs_of(tally(evidence, "f")) == {"shadow_only": 0, "secondary_only": 0, "both": 0}
    assert (tally(evidence, "f").differed, evidence.operations[UNNAMED].pairs) == (3, 0)


def test_keys_are_counted_once_and_calls_each_time():
    evidence = new_evidence()
    observe(evidence, 6, shadow=["f"], keys=2)
    assert (tally(evidence, "f").differed, tally(evidence, "f").keys.estimate) == (6, 2)


def test_a_call_without_a_key_is_a_key_of_its_own():
    evidence = new_evidence()
    observe(evidence, 4, shadow=["f"], secondary=[], key=None)
    row = evidence.operations[UNNAMED]
    assert [keys.keyless for keys in (row.keys, row.pair_keys, row.anything.keys)] == [4, 4, 4]
    assert row.fields["f"].tosses.worse == 4


def test_latencies_are_counted_where_they_are_known():
    evidence = new_evidence()
    observe(evidence, seconds=(0.001, None))
    observe(evidence, seconds=(None, 0.001), secondary=[])
    row = evidence.operations[UNNAMED]
    assert (row.primary_seconds.total, row.shadow_seconds.total, row.secondary_seconds.total) == (1, 1, 1)
    evidence.observe(row, side(), side(seconds=None), key=b"", key_hash=None, at=0, primary_seconds=None)
    assert (row.pairs, row.secondary_seconds.total) == (2, 1)


def test_the_earliest_examples_are_kept_in_whatever_order_they_come():
    evidence = new_evidence()
    for at in (5.0, 1.0, 4.0, 2.0, 3.0):
        observe(evidence, shadow=["f"], at=at, key=int(at))
    assert [(example.at, example.key) for example in tally(evidence, "f").examples] == [
        (1.0, "key 1"),
        (2.0, "key 2"),
        (3.0, "key 3"),
    ]


def test_of_examples_of_one_moment_the_same_are_kept_in_whatever_order_they_come():
    evidence = new_evidence()
    for key in (5, 6, 7, 1):
        observe(evidence, shadow=["f"], at=1.0, key=key)
    assert [example.key for example in tally(evidence, "f").examples] == ["key 1", "key 5", "key 6"]


def test_an_example_has_both_sides_in_words_and_is_cut():
    evidence = new_evidence()
    change = Change("$.a", "changed", 1, "x" * 1_000)
    shadow = Observation(verdict=Verdict.DIVERGED, fields={"$.a": change}, seconds=None)
    evidence.observe(
        evidence.operation("op"), shadow, None, key=b"\xff" + b"k" * 400, key_hash=1, at=7.0, primary_seconds=None
    )
    (example,) = tally(evidence, "$.a", "op").examples
    assert (example.at, example.primary) == (7.0, "1")
    assert example.shadow is not None
    assert len(example.shadow) <= 301
    assert example.key.startswith("\\xff")


def test_of_two_examples_that_differ_in_what_is_not_there_the_same_is_first():
    """In every process: None and an empty text are no longer taken for the same."""
    ones = [Example(1.0, "k", primary, shadow) for primary in (None, "") for shadow in (None, "")]
    assert all(sorted(some) == ones for some in itertools.permutations(ones))


# ── rows ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def count_elsewhere(evidence, name, slot=Verdict.CLOSED.slot):
    """A call from another thread than the shadower's."""
    evidence.operations[evidence.known(name)].counts[slot] += 1


def total_calls(evidence):
    return sum(evidence.totals())


def test_totals_are_the_sum_of_the_rows():
    evidence = new_evidence()
    observe(evidence, 3, operation="a")
    observe(evidence, 2, operation="b", shadow=["f"])
    count_elsewhere(evidence, "c")
    totals = evidence.totals()
    assert (totals[MATCHED], totals[Verdict.DIVERGED.slot], totals[Verdict.CLOSED.slot], sum(totals)) == (3, 2, 1, 6)


def test_calls_from_elsewhere_get_a_row_while_there_is_room_and_then_the_others():
    evidence = new_evidence()
    for number in range(2 * OPERATIONS + 5):
        count_elsewhere(evidence, f"op {number}")
    assert len(evidence.operations) == 2 * OPERATIONS + 2
    assert evidence.operations[OTHERS].calls == 5
    count_elsewhere(evidence, "op 0")
    assert evidence.operations["op 0"].calls == 2


def test_threads_that_want_the_same_new_row_get_one():
    """Looked for, locked, and looked for again: or else the row of the first, with its count, would be gone."""
    evidence = new_evidence()
    start = threading.Barrier(8)

    def count():
        start.wait()
        for number in range(200):
            count_elsewhere(evidence, f"op {number}", 0)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {evidence.operations[f"op {number}"].counts[0] for number in range(200)} == {8}


def test_a_row_that_is_held_is_not_folded():
    """A leg holds it, and will enter its verdict there."""
    evidence = new_evidence()
    held = evidence.operation("held")
    held.held = 1
    for number in range(4 * OPERATIONS):
        observe(evidence, operation=f"op {number}")
        observe(evidence, operation=f"op {number}", key=1)
    assert evidence.operations["held"] is held
    assert evidence.held == 1
    assert len(evidence.operations) <= 2 * OPERATIONS + 2


def test_folding_operations_keeps_all_totals_and_all_fields_in_the_row_for_others():
    evidence = new_evidence()
    calls = 6 * OPERATIONS
    for number in range(calls):
        observe(evidence, operation=f"op {number}", shadow=["f"], secondary=["f"] if number % 2 else [], key=number)
    rows = evidence.operations.values()
    assert len(rows) <= 2 * OPERATIONS + 2
    assert evidence.totals()[Verdict.DIVERGED.slot] == calls
    assert sum(row.pairs for row in rows) == calls
    tallies = [one for row in rows for one in (*row.fields.values(), row.other_fields)]
    assert sum(one.differed for one in tallies) == calls
    assert sum(one.both for one in tallies) == sum(one.shadow_only for one in tallies) == calls / 2
    assert evidence.operations[OTHERS].other_fields.differed == evidence.operations[OTHERS].calls > 0


def test_folding_fields_keeps_all_totals_in_the_row_for_other_fields():
    evidence = new_evidence()
    calls = 5 * FIELDS
    for number in range(calls):
        observe(evidence, operation=f"op {number % 3}", shadow=[f"f {number}"], key=number)
    rows = evidence.operations.values()
    assert sum(len(row.fields) for row in rows) <= 2 * FIELDS
    assert sum(sum(one.differed for one in row.fields.values()) + row.other_fields.differed for row in rows) == calls
    assert all(row.other_fields.differed for name, row in evidence.operations.items() if row.calls)


def test_a_folded_field_comes_back_with_what_it_may_have_had_and_is_not_judged_by_it():
    evidence = new_evidence()
    observe(evidence, 20, shadow=["heavy"])
    for number in range(3 * FIELDS):
        observe(evidence, 2, shadow=[f"f {number}"], key=number)
    assert "heavy" in evidence.operations[UNNAMED].fields
    late = tally(evidence, f"f {3 * FIELDS - 1}")
    assert late.differed == 2
    assert late.weight == late.inherited + 2 > 3


#: Small tables, so that a few hundred calls fill them.
LIMIT = 5


@pytest.fixture
def _small(monkeypatch):
    monkeypatch.setattr("trioshadow.evidence._evidence.OPERATIONS", LIMIT)
    monkeypatch.setattr("trioshadow.evidence._evidence.FIELDS", LIMIT)


@pytest.mark.usefixtures("_small")
@given(
    st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=300)
    | st.lists(st.tuples(st.one_of(st.integers(0, 3), st.integers(0, 400)), st.booleans()), max_size=300)
)
def test_a_field_with_more_than_its_share_of_all_differences_is_never_folded(calls):
    """Space-Saving: more than 1/limit, in whatever order they come; and no weight is less than the truth."""
    evidence, truth = new_evidence(), collections.Counter()
    for number, of_secondary in calls:
        name = f"f {number}"
        observe(evidence, shadow=[] if of_secondary else [name], secondary=[name] if of_secondary else None)
        truth[name] += 1
        fields = evidence.operations[UNNAMED].fields
        assert len(fields) <= 2 * LIMIT
        for heavy, count in truth.items():
            assert count <= truth.total() / LIMIT or heavy in fields
            assert heavy not in fields or fields[heavy].weight >= count
            assert heavy not in fields or fields[heavy].differed + fields[heavy].secondary_only <= count


@pytest.mark.usefixtures("_small")
@given(st.lists(st.one_of(st.integers(0, 3), st.integers(0, 400)), max_size=300))
def test_an_operation_with_more_than_its_share_of_all_calls_is_never_folded(calls):
    """More than 1/(limit - 1): one row of the table is for the newest."""
    evidence, truth = new_evidence(), collections.Counter()
    for number in calls:
        observe(evidence, operation=f"op {number}")
        truth[f"op {number}"] += 1
        assert len(evidence.operations) <= 2 * LIMIT + 2
        assert total_calls(evidence) == truth.total()
        for heavy, count in truth.items():
            row = evidence.operations.get(heavy)
            assert count <= truth.total() / (LIMIT - 1) or row is not None
            assert row is None or row.calls <= count <= row.weight


# ── snapshots and sums ──────────────────────────────────────────────────────────────────────────────────────────────

names = st.sampled_from(["status", "header etag", "$.a", "$.b"])
observations = st.lists(
    st.builds(
        dict,
        operation=st.sampled_from(["", "a", "b", OTHERS]),
        shadow=st.frozensets(names, max_size=3),
        secondary=st.none() | st.frozensets(names, max_size=3),
        key=st.none() | st.integers(0, 50),
        seconds=st.tuples(st.none() | st.floats(0, 10), st.none() | st.floats(0, 10)),
        at=st.integers(0, 30).map(float),
        withheld=st.sampled_from([(), (), (), ("cookie",)]),
        secondary_withheld=st.sampled_from([(), (), ("authorization",), ("cookie", "x-api-key")]),
    ),
    max_size=60,
)


def evidence_of(observed):
    evidence = new_evidence()
    for one in observed:
        observe(evidence, **one)
    return evidence


def card(evidence, objective=None):
    return scorecard(evidence, objective or Objective(max_rate=0.2))


def plain(evidence):
    """A snapshot, without the order in which names came, and without the series."""
    snapshot = evidence.to_dict(until=9.0)
    return json.dumps({**snapshot, "series": ""}, sort_keys=True)


#: What is counted in each process by itself: blocks of time, what is broken now, and keys that came there again.
OF_PROCESS = {"block", "blocks", "drift", "again", "in_a_row", "twice_shadow", "twice_secondary", "twice_noisy"}


def counts_of(data):
    """The same, without what each process has by itself, and without the order in which operations came."""
    if isinstance(data, dict):
        left = {*OF_PROCESS, *(["order"] if "counts" in data else [])}
        return {name: counts_of(value) for name, value in data.items() if name not in left}
    return data


def sums(evidence):
    """Of a snapshot."""
    return counts_of(json.loads(plain(evidence)))


@given(observations, st.lists(st.integers(0, 3), min_size=60, max_size=60))
def test_the_sum_of_several_processes_is_what_one_would_have_counted(observed, processes):
    """Keys, latencies, pairs and examples too, and so the same scorecard."""
    observed = [{**one, "at": float(number)} for number, one in enumerate(observed)]
    parts = [
        evidence_of([one for one, process in zip(observed, processes, strict=False) if process == number])
        for number in range(4)
    ]
    whole = evidence_of(observed)
    merged = Evidence.merge(parts)
    assert sums(merged) == sums(whole)
    for row in (*merged.operations.values(), *whole.operations.values()):
        row.again.twice = 0  # which each process knows of its own keys only
    theirs, ours = card(merged), card(whole)
    assert [told_of(one) for one in theirs.operations] == [told_of(one) for one in ours.operations]
    assert sums(Evidence.merge([*parts[2:], *parts[:2]])) == sums(whole)


def told_of(operation):
    """What counts alone decide."""
    by_itself = {"blocks": (0, 0), "blocks_needed": 0, "broken_since": None, "broken_blocks": 0}
    by_itself["unasked"] = False
    fields = [attrs.evolve(one, **by_itself) for one in operation.fields]
    latency = attrs.evolve(operation.latency, blocks=(0, 0), blocks_needed=0)
    return attrs.evolve(operation, fields=tuple(fields), latency=latency, few_keys=False, blocks=0)


@given(observations)
def test_a_snapshot_that_was_written_and_read_is_the_same(observed):
    evidence = evidence_of(observed)
    read = Evidence.from_dict(json.loads(json.dumps(evidence.to_dict(until=9.0))))
    assert read.to_dict(until=9.0) == evidence.to_dict(until=9.0)
    assert (read.epoch, read.series, read.since) == (evidence.epoch, "one", 0.0)
    assert card(read) == card(evidence)
    assert read.unnamed is read.operations[UNNAMED]


def test_a_snapshot_of_many_keys_is_read_as_it_was():
    evidence = new_evidence()
    observe(evidence, 3_000, shadow=["f"], secondary=[])
    read = Evidence.from_dict(json.loads(json.dumps(evidence.to_dict(until=1.0))))
    assert card(read) == card(evidence)
    observe(read, shadow=["f"], key=10_000)
    observe(evidence, shadow=["f"], key=10_000)
    assert sums(read) == sums(evidence)


def test_evidence_that_was_read_goes_on_within_its_bounds():
    evidence = new_evidence()
    for number in range(2 * FIELDS):
        observe(evidence, shadow=[f"f {number}"])
    read = Evidence.from_dict(evidence.to_dict(until=1.0))
    observe(read, shadow=["one more"])
    assert len(read.operations[UNNAMED].fields) == FIELDS + 1


def test_merging_changes_none_of_the_parts():
    parts = [evidence_of([{"shadow": ["f"]}]), evidence_of([{"shadow": ["f"]}])]
    before = [plain(part) for part in parts]
    merged = Evidence.merge(parts)
    observe(merged, shadow=["f"])
    assert [plain(part) for part in parts] == before


def test_what_rows_may_have_had_before_is_added_up_too():
    """So that the sum has no row that weighs less than the truth."""
    parts = [evidence_of([{"operation": "op", "shadow": ["f"]}]) for _ in range(2)]
    for part, inherited in zip(parts, (3, 4), strict=True):
        part.operations["op"].inherited = tally(part, "f", "op").inherited = inherited
    merged = Evidence.merge(parts)
    assert (merged.operations["op"].weight, tally(merged, "f", "op").weight) == (9, 9)


def test_merging_begins_with_the_earliest():
    parts = [Evidence(Epoch("v"), since=since) for since in (5.0, 3.0, 4.0)]
    assert Evidence.merge(parts).since == 3.0


def test_evidence_of_two_epochs_is_not_added_up():
    with pytest.raises(ValueError, match=r"one epoch.*v1, rules \(none\); \(unnamed\), rules r"):
        Evidence.merge([Evidence(Epoch("v1")), Evidence(Epoch("", "r"))])
    with pytest.raises(ValueError, match="none at all"):
        Evidence.merge([])


def test_a_sum_is_bounded_as_its_parts_are():
    parts = []
    for process in range(3):
        part = new_evidence()
        for number in range(OPERATIONS):
            for time in range(3):
                observe(part, operation=f"op {process} {number}", shadow=[f"f {process} {number} {time}"])
        parts.append(part)
    merged = Evidence.merge(parts)
    assert len(merged.operations) <= 2 * OPERATIONS + 2
    assert sum(len(row.fields) for row in merged.operations.values()) <= 2 * FIELDS
    assert total_calls(merged) == 9 * OPERATIONS


def test_a_sum_with_too_many_fields_folds_the_lightest():
    parts = []
    for process in range(3):
        part = new_evidence()
        for number in range(FIELDS):
            observe(part, shadow=[f"f {process} {number}"])
        observe(part, 2, shadow=["heavy"])
        parts.append(part)
    row = Evidence.merge(parts).operations[UNNAMED]
    assert len(row.fields) == FIELDS
    assert row.fields["heavy"].differed == 6
    assert sum(one.differed for one in row.fields.values()) + row.other_fields.differed == 3 * (FIELDS + 2)


# ── what is no snapshot ─────────────────────────────────────────────────────────────────────────────────────────────

FULL = evidence_of(
    [
        {"operation": "a", "shadow": ["f", "g"], "secondary": ["g"], "key": 1},
        {"operation": "a", "shadow": [], "secondary": ["f"], "key": None},
        {"operation": "a", "withheld": ("cookie",), "secondary": ["f"], "secondary_withheld": ("cookie",)},
        {"operation": "", "shadow": ["f"]},
    ]
).to_dict(until=1.0)


def places(data, path=()):
    """All paths of plain data."""
    yield path
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for name, value in items:
        yield from places(value, (*path, name))


#: Values that nobody reads: the time of the snapshot is its finder's business.
UNREAD = {("until",)}
#: What may be missing, for it is empty then, or was never seen.
OPTIONAL = (
    *("operations", "primary_seconds", "shadow_seconds", "secondary_seconds", "fields", "examples", "blocks"),
    *(
        "primary",
        "only_shadow",
        "only_primary",
        "closed",
        "few_keys",
        "withheld",
        "secondary_withheld",
        "headers",
        "rules",
        "acknowledged",
    ),
)


@pytest.mark.parametrize("path", [path for path in places(FULL) if path], ids=lambda path: ".".join(map(str, path)))
def test_a_snapshot_that_lacks_something_is_refused(path):
    data = copy.deepcopy(FULL)
    *above, last = path
    place = data
    for step in above:
        place = place[step]
    del place[last]
    if path in UNREAD or (above and above[-1] in OPTIONAL):
        Evidence.from_dict(data)
    else:
        with pytest.raises(ValueError, match="no snapshot of evidence"):
            Evidence.from_dict(data)


junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -1, 2**63, 2**63 - 1])
    | st.floats()
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@tried(3)
@given(st.sampled_from(list(places(FULL))), junk)
def test_a_snapshot_with_anything_in_any_place_is_read_or_refused(path, value):
    """A ValueError and nothing else; and what is read can be judged, told and written."""
    data = copy.deepcopy(FULL)
    if path:
        *above, last = path
        place = data
        for step in above:
            place = place[step]
        place[last] = value
    else:
        data = value
    try:
        evidence = Evidence.from_dict(data)
    except ValueError as exc:
        assert "no snapshot of evidence" in str(exc)
        return
    card(evidence).explain()
    json.dumps(evidence.to_dict(until=0.0))
    card(Evidence.merge([evidence, evidence]))


@pytest.mark.parametrize("since", [10**400, float("nan"), float("inf"), "1", None, True])
def test_a_time_that_is_none_is_refused(since):
    with pytest.raises(ValueError, match="since must be a number of seconds"):
        Evidence.from_dict({**FULL, "since": since})


def test_examples_that_were_written_are_at_most_as_many_as_are_kept():
    data = copy.deepcopy(FULL)
    field = data["operations"]["a"]["fields"]["f"]
    field["examples"] = [{"at": at, "key": "k", "primary": None, "shadow": "x"} for at in (5, 3, 1, 4)]
    assert [one.at for one in Evidence.from_dict(data).operations["a"].fields["f"].examples] == [1.0, 3.0, 4.0]


def test_hashes_of_the_helper_are_all_different():
    """On which the counts above rest."""
    assert len({key_hash(number) for number in range(50_000)}) == 50_000


def test_an_operation_weighs_its_calls_and_what_it_may_have_had():
    row = Operation()
    row.counts[MATCHED] = 3
    row.inherited = 4
    assert row.weight == 7
