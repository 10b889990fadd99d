"""What can be read once is for the caller to read: no view and no comparison takes it away. Trio layer."""

from __future__ import annotations

import collections
import contextlib
import csv
import dataclasses
import io
import queue
import sqlite3
from typing import Any, NamedTuple

import attrs
import httpx
import msgspec
import pydantic
import pytest
import trio

from trioshadow import Capture, FailureKind, IgnoreField, ResponseRecord, ShadowConfig, Shadower, Verdict, mirrored
from trioshadow._model.fixing import fixed, shown
from trioshadow._model.once import ReadOnce, ReadOnceError
from trioshadow.compare import Divergence, IgnorePath, Undecided
from trioshadow.testing import Answer, Fail, ScriptedBackend

from tests.support.accounts import counts

database = sqlite3.connect(":memory:", check_same_thread=False)


@pytest.fixture(scope="module", autouse=True)
def _closed_database():
    yield
    database.close()


def numbers():
    return (number for number in range(3))


@contextlib.contextmanager
def entered():
    yield [0, 1, 2]


async def anumbers():
    for number in range(3):
        yield number


async def read(answer):
    """What its caller gets out of it."""
    if isinstance(answer, queue.Queue):
        return answer.get_nowait()
    if hasattr(answer, "__aiter__"):
        return [number async for number in answer]
    if hasattr(answer, "__enter__") and not hasattr(answer, "__next__"):
        with answer as inside:
            return inside
    return list(answer)


class Countdown:
    def __init__(self):
        self.left = 2

    def __iter__(self):
        return self

    def __next__(self):
        if self.left < 0:
            raise StopIteration
        self.left -= 1
        return self.left + 1


class Rows:
    """As a result over a cursor: each `iter()` of it goes on where the last one was."""

    def __init__(self):
        self.cursor = numbers()

    def __iter__(self):
        return self.cursor


def filled():
    waiting = queue.Queue()
    waiting.put(1)
    return waiting


def take(answer):
    """A view that takes whatever it can get."""
    if isinstance(answer, queue.Queue):
        return answer.get_nowait()
    if hasattr(answer, "__enter__") and not hasattr(answer, "__next__"):
        return answer.__enter__()
    return list(answer)


MAKERS = {
    "generator": numbers,
    "list iterator": lambda: iter([0, 1, 2]),
    "map": lambda: map(int, "012"),
    "zip": lambda: zip(range(3), strict=True),
    "an iterator class": Countdown,
    "an iterable over an iterator": Rows,
    "queue": filled,
    "file": lambda: io.StringIO("0\n1\n2"),
    "csv": lambda: csv.reader(["0", "1", "2"]),
    "cursor": lambda: database.execute("SELECT 1 UNION SELECT 2"),
    "context manager": entered,
    "async generator": anumbers,
    "memory channel": lambda: trio.open_memory_channel(1)[1],
}
SETTINGS = {
    "as by default": {},
    "view": {"view": take},
    "compare": {"compare": lambda ours, theirs: list(ours) == list(theirs)},
    "ignore_if": {"ignore_if": lambda _, ours, theirs: list(ours) == list(theirs)},
    "capture": {"capture": Capture()},
}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
async def test_the_caller_reads_all_of_an_answer_that_can_be_read_once(autojump_clock, caplog, make, settings):
    async def backend(request):
        return make()

    channels = isinstance(make(), trio.MemoryReceiveChannel)
    expected = None if channels else await read(make())
    async with Shadower(backend, backend, ShadowConfig(**settings), secondary=backend) as shadower:
        outcome = await shadower.call(b"k")
        await outcome.wait_settled()
        assert channels or await read(outcome.primary) == expected
        assert outcome.verdict is Verdict.FAILED
        assert outcome.shadow_failed.kind is FailureKind.COMPARE_RAISED
        assert "objects can be read once, and are left to the caller: return a list" in outcome.shadow_failed.message
    (notice,) = caplog.messages
    assert notice.startswith("an answer is not compared: ")


async def test_the_drop_in_form_keeps_its_iterator_too(autojump_clock):
    async def new(count):
        return iter(range(count))

    old = mirrored(new, ShadowConfig(view=list))(lambda count: iter(range(count)))
    async with old.mirroring() as shadower:
        assert list(old(3)) == [0, 1, 2]
        await shadower.wait_idle()
        assert counts(shadower) == {"failed": 1}


async def test_what_the_shadow_alone_gives_once_is_read(autojump_clock):
    """It is nobody else's. Without a view it is another type, and that is a difference."""
    for settings, verdict in (({}, Verdict.DIVERGED), ({"view": list}, Verdict.MATCHED)):
        primary, shadow = ScriptedBackend(Answer([0, 1, 2])), ScriptedBackend(Answer(lambda _: numbers()))
        async with Shadower(primary, shadow, ShadowConfig(**settings)) as shadower:
            assert (await (await shadower.call(b"k")).wait_settled()).verdict is verdict


async def test_rules_that_leave_it_out_decide(autojump_clock):
    async def backend(request):
        return {"id": 1, "rows": numbers()}

    for settings in ({"ignore": [IgnorePath("$.rows")]}, {"ignore": [IgnoreField.BODY]}, {"view": lambda it: it["id"]}):
        async with Shadower(backend, backend, ShadowConfig(**settings)) as shadower:
            outcome = await (await shadower.call(b"k")).wait_settled()
            assert outcome.verdict is Verdict.MATCHED
            assert list(outcome.primary["rows"]) == [0, 1, 2]


async def test_the_same_object_on_both_sides_is_the_same(autojump_clock):
    """As a pool of connections is, that both give."""
    pool = contextlib.nullcontext()
    for answer in (pool, {"pool": pool}):
        async with Shadower(ScriptedBackend(Answer(answer)), ScriptedBackend(Answer(answer))) as shadower:
            assert (await (await shadower.call(b"k")).wait_settled()).verdict is Verdict.MATCHED


async def test_what_else_differs_is_still_a_difference(autojump_clock):
    ours, theirs = ScriptedBackend(Answer(lambda _: [1, numbers()])), ScriptedBackend(Answer(lambda _: [2, numbers()]))
    async with Shadower(ours, theirs) as shadower:
        outcome = await (await shadower.call(b"k")).wait_settled()
        assert outcome.verdict is Verdict.DIVERGED
        (change,) = outcome.divergence.body.changes
        assert (change.primary, change.shadow) == (1, 2)


async def test_the_shadows_own_failure_comes_first(autojump_clock):
    primary, shadow = ScriptedBackend(Answer(lambda _: numbers())), ScriptedBackend(Fail(KeyError))
    async with Shadower(primary, shadow, ShadowConfig(view=list)) as shadower:
        outcome = await (await shadower.call(b"k")).wait_settled()
        assert outcome.shadow_failed.kind is FailureKind.RAISED


# ── in what an answer holds ─────────────────────────────────────────────────────────────────────────────────────────


@dataclasses.dataclass
class Page:
    rows: object
    total: int = 3


@attrs.frozen
class FrozenPage:
    rows: object


@dataclasses.dataclass(eq=False)
class Opaque:
    rows: object


class Pair(NamedTuple):
    rows: object
    total: int


class Struct(msgspec.Struct):
    rows: object
    total: object = 3


class Model(pydantic.BaseModel):
    rows: Any
    total: Any = 3

    def __init__(self, rows):
        super().__init__(rows=rows)


HOLDERS = {
    "dict": (lambda it: {"rows": it}, lambda answer: answer["rows"]),
    "list": (lambda it: [it], lambda answer: answer[0]),
    "tuple": (lambda it: (1, it), lambda answer: answer[1]),
    "deep": (lambda it: [{"a": Page([it])}], lambda answer: answer[0]["a"].rows[0]),
    "ordered dict": (lambda it: collections.OrderedDict(rows=it), lambda answer: answer["rows"]),
    "dataclass": (Page, lambda answer: answer.rows),
    "frozen record": (FrozenPage, lambda answer: answer.rows),
    "struct": (Struct, lambda answer: answer.rows),
    "model": (Model, lambda answer: answer.rows),
    "named tuple": (lambda it: Pair(it, 3), lambda answer: answer.rows),
    "record of HTTP": (ResponseRecord, lambda answer: answer.body),
    "record without ==": (Opaque, lambda answer: answer.rows),
}


@pytest.mark.parametrize("viewed", [False, True])
@pytest.mark.parametrize(("hold", "of"), HOLDERS.values(), ids=HOLDERS)
async def test_the_caller_reads_all_of_an_iterator_in_its_answer(autojump_clock, hold, of, viewed):
    async def backend(request):
        return hold(numbers())

    config = ShadowConfig(view=(lambda answer: list(of(answer))) if viewed else None)
    async with Shadower(backend, backend, config) as shadower:
        outcome = await (await shadower.call(b"k")).wait_settled()
        assert list(of(outcome.primary)) == [0, 1, 2]
        assert "generator objects can be read once" in outcome.shadow_failed.message


# ── views that change what they are shown ───────────────────────────────────────────────────────────────────────────


def spoil(answer):
    rows = answer["rows"] if isinstance(answer, dict) else answer.rows
    rows.sort()
    for row in rows:
        row.pop()
    if isinstance(answer, dict):
        answer["total"] = "spoiled"
    else:
        answer.total = "spoiled"
    return rows


@pytest.mark.parametrize(
    "make",
    [lambda rows: {"rows": rows}, lambda rows: collections.defaultdict(list, rows=rows), Page, Struct, Model],
    ids=["dict", "defaultdict", "dataclass", "struct", "model"],
)
async def test_what_a_view_changes_in_containers_and_plain_records_is_not_the_callers(autojump_clock, make):
    async def backend(request):
        return make([[2], [1]])

    async with Shadower(backend, backend, ShadowConfig(view=spoil)) as shadower:
        outcome = await (await shadower.call(b"k")).wait_settled()
        assert outcome.primary == make([[2], [1]])
        assert outcome.verdict is Verdict.MATCHED


def test_a_view_is_shown_the_callers_own_objects():
    """A copy of what a database keeps track of would load nothing any more."""

    class Model:
        pass

    page = Page([1])
    page.state = object()  # what a plain record has not
    model = Model()
    for answer in (model, page, {}.keys()):
        assert shown(answer) is answer
    answer = [model, page, Model, Opaque(2)]
    assert shown(answer)[:3] == answer[:3]
    assert shown(answer)[3] is not answer[3]


def test_of_an_answer_that_cannot_be_copied_a_view_is_shown_its_own_outermost_container():
    class Broken(NamedTuple):
        value: object

        def __reduce__(self):
            raise SystemExit

    rows = [[i] for i in range(100_000)]
    assert shown(rows) == rows
    assert shown(rows) is not rows
    assert shown(rows)[0] is rows[0]
    assert shown(tuple(rows))[0] is rows[0]
    broken = [Broken(1)]
    assert shown(broken)[0] is broken[0]


def test_a_keyboard_interrupt_while_an_answer_is_copied_for_a_view_passes():
    class Interrupted(NamedTuple):
        value: object

        def __reduce__(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shown([Interrupted(1)])


async def test_a_leg_with_an_answer_too_large_to_be_copied_gives_way(autojump_clock, caplog):
    async def backend(request):
        return [[i] for i in range(100_000)]

    async with Shadower(backend, backend) as shadower:
        outcome = await (await shadower.call(b"k")).wait_settled()
        assert outcome.verdict is Verdict.ABANDONED
        assert shadower.statistics().gave_way_by_cause == {"bytes": 0, "comparisons": 0, "copies": 1}
        for settings in ({"view": len}, {"max_copied_bytes": 2**30}):
            shadower.reconfigure(ShadowConfig(**settings))
            assert (await (await shadower.call(b"k")).wait_settled()).verdict is Verdict.MATCHED
    assert caplog.messages == [
        "legs are abandoned: this answer (list) is too large to be copied: give max_copied_bytes= or view="
    ]


async def test_an_http_response_is_shown_once_its_body_has_been_read(autojump_clock):
    for content, verdict in ((b"x", Verdict.MATCHED), ([b"x"], Verdict.FAILED)):

        async def backend(request, content=content):
            return httpx.Response(200, content=content if type(content) is bytes else iter(content))

        async with Shadower(backend, backend, ShadowConfig(view=lambda response: response.read())) as shadower:
            outcome = await (await shadower.call(b"k")).wait_settled()
            assert outcome.primary.read() == b"x"
            assert outcome.verdict is verdict


async def test_what_a_view_gives_can_be_read_once_and_is_not_compared(autojump_clock):
    config = ShadowConfig(view=lambda answer: (row for row in answer))
    async with Shadower(ScriptedBackend(Answer([1])), ScriptedBackend(Answer([1])), config) as shadower:
        outcome = await (await shadower.call(b"k")).wait_settled()
        assert outcome.verdict is Verdict.FAILED


# ── exceptions ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Broken(Exception):
    def __init__(self, *args, rows=()):
        super().__init__(*args)
        self.rows = rows


class Stream(Broken):
    def __next__(self):
        return 1


ERRORS = {
    "argument": (lambda: Broken(numbers()), lambda exc: list(exc.args[0])),
    "attribute": (lambda: Broken(rows=numbers()), lambda exc: list(exc.rows)),
    "itself": (Stream, next),
}


@pytest.mark.parametrize(("make", "view"), ERRORS.values(), ids=ERRORS)
async def test_an_error_view_takes_nothing_from_the_callers_exception(autojump_clock, caplog, make, view):
    async def backend(request):
        raise make()

    async with Shadower(backend, backend, ShadowConfig(error_view=view)) as shadower:
        with pytest.raises(Broken) as caught:
            await shadower.call(b"k")
        await shadower.wait_idle()
        (record,) = shadower.failures()
        assert "can be read once" in record.failure.message
        assert record.failure.message.startswith("the primary's error_view: ")
        assert list(view(caught.value) if view is not next else [1]) != []
    assert caplog.messages[0].startswith("an answer is not compared: ")


async def test_what_an_error_view_gives_can_be_read_once_and_is_not_compared(autojump_clock):
    config = ShadowConfig(error_view=lambda exc: iter(exc.rows))
    failing = Fail(Broken(rows=[1]))
    async with Shadower(ScriptedBackend(failing), ScriptedBackend(failing), config) as shadower:
        with pytest.raises(Broken):
            await shadower.call(b"k")
        await shadower.wait_idle()
        assert counts(shadower) == {"failed": 1}


# ── pure ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_stands_in_its_place_cannot_be_read():
    stand_in = fixed(numbers())
    assert type(stand_in) is ReadOnce
    assert repr(stand_in) == "<generator, which can be read once>"
    for reading in (list, next, len, lambda it: it[0], lambda it: it.__enter__()):
        with pytest.raises(ReadOnceError, match="generator objects can be read once"):
            reading(stand_in)
    with pytest.raises(AttributeError, match="close: generator objects can be read once"):
        stand_in.close()


def test_what_stands_in_its_place_does_not_keep_it():
    import gc
    import weakref

    answer = numbers()
    watching = weakref.ref(answer)
    kept = fixed([answer]), fixed(answer)
    del answer
    gc.collect()
    assert watching() is None
    assert not kept[1].stands_for(None)


def test_two_that_can_be_read_once_are_not_told_apart_by_identity():
    pairs = ((numbers(), numbers()), (numbers(), [0, 1, 2]), ([numbers()], [numbers()]), (Rows(), Rows()))
    for ours, theirs in pairs:
        with pytest.raises(Undecided, match="can be read once"):
            Divergence.compare(ours, theirs, ShadowConfig())
    assert Divergence.compare([0], numbers(), ShadowConfig()) is not None


def test_what_is_entered_and_has_an_equality_of_its_own_is_compared_with_it():
    @attrs.frozen
    class Section:
        number: int

        def __enter__(self):
            pass

    @attrs.define
    class Changeable(Section):
        pass

    for kind in (Section, Changeable):
        assert fixed(kind(1)) == kind(1)
        assert Divergence.compare(fixed(kind(1)), kind(2), ShadowConfig()) is not None
        assert fixed([kind(1)]).load() == [kind(1)]
