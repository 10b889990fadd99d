"""Drop-in functions and SyncBackend: `mirrored` on the virtual clock where no thread works, on the real one where one
does.
"""

from __future__ import annotations

import functools
import inspect
import logging
import threading
from uuid import UUID

import pytest
import trio
import trio.testing

from trioshadow import Arguments, ShadowConfig, Shadower, Verdict, encode_key, in_shadow, mirrored
from trioshadow.isolation import SyncBackend
from trioshadow.testing import Answer, Fail, Hang, ScriptedBackend

from tests.support.accounts import counts
from tests.support.isolated import eventually


async def new_greet(name, *, loud=False):
    await trio.sleep(0.2)
    return f"hello {name}"


def make(**options):
    @mirrored(new_greet, **options)
    async def greet(name: str, *, loud: bool = False) -> str:
        """Greet somebody."""
        await trio.sleep(1)
        return f"hello {name}" + "!" * loud

    return greet


async def test_an_async_function_is_called_as_before_and_mirrored(autojump_clock):
    greet = make()
    async with greet.mirroring() as shadower:
        assert shadower is greet.shadower
        assert await greet("you") == "hello you"
        assert trio.current_time() == 1
        assert await greet("you", loud=True) == "hello you!"
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1, "diverged": 1}
        (record,) = shadower.divergences()
        assert record.key == encode_key(("you", ("loud", True)))
        assert record.operation == "greet"
        assert shadower.name == "greet"


async def test_it_is_live_at_import_and_says_once_that_it_is_not_mirrored(autojump_clock, caplog):
    greet = make()
    assert await greet("you") == "hello you"
    assert await greet("you") == "hello you"
    assert counts(greet.shadower) == {"closed": 2}
    assert [record.getMessage() for record in caplog.records] == [
        "shadower 'greet': calls are served by the primary and not mirrored: it was never entered"
    ]


async def test_what_gives_an_awaitable_is_awaited(autojump_clock):
    class Callable:
        async def __call__(self, name):
            return await new_greet(name)

    class Failing:
        async def __call__(self, name):
            await trio.sleep(1)
            raise KeyError(name)

    for function in (Callable(), staticmethod(new_greet), lambda name: new_greet(name)):
        greet = mirrored(new_greet)(function)
        async with greet.mirroring() as shadower:
            assert await greet("you") == "hello you"
            await shadower.wait_idle()
            assert counts(shadower) == {"matched": 1}
    greet = mirrored(new_greet)(Failing())
    async with greet.mirroring() as shadower:
        with pytest.raises(KeyError):
            await greet("you")
        await shadower.wait_idle()
        assert counts(shadower) == {"diverged": 1}


async def test_it_can_be_mirrored_again_with_a_new_shadower(autojump_clock):
    greet = make()
    seen = []
    for _ in range(3):
        async with greet.mirroring() as shadower:
            seen.append(shadower)
            await greet("you")
            with pytest.raises(RuntimeError, match="is being mirrored already"):
                async with greet.mirroring():
                    pass
        assert await greet("you") == "hello you"
        assert counts(shadower) == {"matched": 1, "closed": 1}
    assert len(set(map(id, seen))) == 3
    greet = make()
    async with greet.shadower:  # or so, once
        await greet("you")
    assert counts(greet.shadower) == {"matched": 1}


async def test_what_the_primary_raises_is_raised(autojump_clock):
    @mirrored(new_greet)
    async def greet(name):
        raise KeyError(name)

    async with greet.mirroring() as shadower:
        with pytest.raises(KeyError, match="you") as caught:
            await greet("you")
        assert [entry.name for entry in caught.traceback][1:] == ["wrapper", "greet"]
        await shadower.wait_idle()
        assert counts(shadower) == {"diverged": 1}


async def test_it_looks_like_the_primary(autojump_clock):
    greet = make()
    assert (greet.__name__, greet.__doc__) == ("greet", "Greet somebody.")
    assert str(inspect.signature(greet)) == "(name: 'str', *, loud: 'bool' = False) -> 'str'"
    assert inspect.iscoroutinefunction(greet)


async def test_it_binds_as_a_method(autojump_clock):
    async def new_double(self, x):
        return self.factor * x

    class Thing:
        factor = 2

        @mirrored(new_double)
        async def double(self, x):
            await trio.lowlevel.checkpoint()
            return 2 * x

    thing = Thing()
    async with Thing.double.mirroring() as shadower:
        assert await thing.double(3) == 6
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1}


async def test_the_options_of_a_shadower_and_a_key_of_the_arguments(autojump_clock):
    records = []
    config = ShadowConfig(sample_rate=0.5, key=lambda request: request.kwargs["user"])

    async def new(**kwargs):
        return "new"

    @mirrored(new, config, name="users", sinks=[records.append])
    async def old(**kwargs):
        await trio.lowlevel.checkpoint()
        return "old"

    async with old.mirroring() as shadower:
        for user in range(100):
            await old(user=user)
        await shadower.wait_idle()
        sampled = sum(config.should_shadow(encode_key(user)) for user in range(100))
        assert counts(shadower) == {"diverged": sampled, "not_sampled": 100 - sampled}
        assert len(records) == sampled
        assert shadower.name == "users"


def test_the_default_key_of_arguments():
    uuid = UUID(int=1)
    assert encode_key(Arguments((b"x",), {})) == b"x"
    assert encode_key(Arguments((b"x", 1), {})) == encode_key((b"x", 1))
    assert encode_key(Arguments((), {"b": 2, "a": uuid})) == encode_key((("a", uuid), ("b", 2)))
    with pytest.raises(TypeError):
        encode_key(Arguments((None,), {}))


def test_generators_and_what_is_no_function_are_refused():
    async def agen():
        yield

    def gen():
        yield

    for function in (agen, gen):
        with pytest.raises(TypeError, match="is a generator function: mirror it with Shadower.start"):
            mirrored(new_greet)(function)
    with pytest.raises(TypeError, match="mirrored.. decorates a function, not int"):
        mirrored(new_greet)(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="shadow must be callable, not int"):
        mirrored(3)  # type: ignore[arg-type]


# ── threads: the real clock ─────────────────────────────────────────────────────────────────────────────────────────


async def test_a_sync_function_runs_inline_and_its_shadow_in_a_thread():
    threads = []

    def new(x):
        threads.append((threading.get_ident(), in_shadow()))
        return x + 1

    @mirrored(new)
    def old(x: int) -> int:
        threads.append((threading.get_ident(), in_shadow()))
        return x + 1

    assert old(1) == 2  # live at import, outside any run too
    threads.clear()
    async with old.mirroring() as shadower:
        assert old(1) == 2
        assert threads == [(threading.get_ident(), False)]
        await shadower.wait_idle()
        assert threads[1][0] != threading.get_ident()
        assert threads[1][1]
        assert counts(shadower) == {"matched": 1, "closed": 1}

        def in_another_thread():
            return old(5)

        assert await trio.to_thread.run_sync(in_another_thread) == 6
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 2, "closed": 1}


async def test_a_sync_primary_that_raises():
    def new(x):
        raise ValueError(x)

    @mirrored(new)
    def old(x):
        raise ValueError(x)

    async with old.mirroring() as shadower:
        with pytest.raises(ValueError, match="1"):
            old(1)
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 1}


async def test_the_pairs_of_sync_and_async():
    class AsyncCallable:
        async def __call__(self, x):
            return x

    async def async_function(x):
        return x

    def sync_function(x):
        return x

    for shadow in (AsyncCallable(), async_function, sync_function, functools.partial(async_function)):
        for primary in (async_function, sync_function):
            function = mirrored(shadow)(primary)
            async with function.mirroring() as shadower:
                answer = function(3)
                assert (await answer if primary is async_function else answer) == 3
                await shadower.wait_idle()
                assert counts(shadower) == {"matched": 1}
                assert (await shadower.call(Arguments((3,), {}))).primary == 3


async def test_stuck_threads_take_no_more_than_their_own_and_are_left_at_the_deadline():
    release = threading.Event()
    backend = SyncBackend(lambda _: release.wait(), max_workers=3)

    async def primary(request):
        # The primary uses threads too: of Trio's default limiter, which the shadow must not touch.
        return await trio.to_thread.run_sync(lambda: request)

    try:
        async with Shadower(primary, backend, ShadowConfig(shadow_timeout=0.05)) as shadower:
            outcomes = [await shadower.call(b"k") for _ in range(6)]
            for outcome in outcomes:
                await outcome.wait_settled()
                assert outcome.verdict is Verdict.TIMED_OUT
            assert backend.busy_threads == 3
            assert trio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
    finally:
        release.set()


async def test_calls_go_on_while_the_shadows_threads_are_all_stuck():
    """How much longer they take is measured by the bench."""
    release = threading.Event()
    backend = SyncBackend(lambda _: release.wait(), max_workers=4)

    async def primary(request):
        return await trio.to_thread.run_sync(lambda: request)  # by Trio's own threads, of which there are 40

    try:
        async with Shadower(primary, backend, ShadowConfig(drain_timeout=0)) as shadower:

            async def caller():
                for _ in range(10):
                    assert (await shadower.call(b"k")).primary == b"k"

            async with trio.open_nursery() as nursery:
                for _ in range(10):
                    nursery.start_soon(caller)
            await eventually(lambda: backend.busy_threads == 4)
            assert shadower.statistics().in_flight == 100  # none of the shadows has ended
    finally:
        release.set()


def test_sync_backend_is_validated():
    with pytest.raises(TypeError, match="function must be a function, not int"):
        SyncBackend(3)  # type: ignore[arg-type]
    for bad in (0, -1):
        with pytest.raises(ValueError, match=r"max_workers must be a count in \[1, inf\)"):
            SyncBackend(print, max_workers=bad)


async def test_what_a_thread_raises_stays_in_the_leg():
    for exception in (SystemExit, StopIteration, StopAsyncIteration, BaseException):

        def shadow(request, exception=exception):
            raise exception

        async def primary(request):
            return request

        async with Shadower(primary, SyncBackend(shadow)) as shadower:
            await shadower.call(b"k")
            await shadower.wait_idle()
            assert counts(shadower) == {"failed": 1}


# ── trioshadow.testing ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_script_that_is_over_says_so(autojump_clock):
    backend = ScriptedBackend(new_greet, repeat=False)
    assert await backend.call("you") == "hello you"
    with pytest.raises(AssertionError, match="the script has no step for call 2"):
        await backend.call("you")
    assert backend.requests == ["you", "you"]
    with pytest.raises(ValueError, match="at least one step"):
        ScriptedBackend()


def test_a_script_is_validated():
    for step in (3, Hang, None, ScriptedBackend):
        with pytest.raises(
            TypeError, match=r"a step is Answer\(...\), Fail\(...\), Hang\(\) or an async function, not "
        ):
            ScriptedBackend(step)  # type: ignore[arg-type]
    for bad in (-1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match=r"after must be seconds in \[0, inf\)"):
            Answer(1, after=bad)
    with pytest.raises(TypeError, match="refuse_cancel must be a number, not str"):
        Hang(refuse_cancel="s")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="exception must be an exception or its class, not str: 'x'"):
        Fail("x")  # type: ignore[arg-type]


async def test_a_hang_can_refuse_to_be_cancelled_for_a_while(autojump_clock):
    with trio.move_on_after(1):
        await ScriptedBackend(Hang(refuse_cancel=5)).call(b"")
    assert trio.current_time() == 5


# ── the log ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_handler_that_raises_reaches_no_caller(autojump_clock):
    class Broken(logging.Handler):
        def emit(self, record):
            raise exception

    handler = Broken()
    logger = logging.getLogger("trioshadow")
    logger.addHandler(handler)
    try:
        for exception in (ValueError, SystemExit):  # noqa: B007 - raised by the handler
            assert await make()("you") == "hello you"
        exception = KeyboardInterrupt
        with pytest.raises(KeyboardInterrupt):
            await make()("you")
    finally:
        logger.removeHandler(handler)
