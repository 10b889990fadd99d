"""Trio as a guest of asyncio, with the context manager of docs/threads.md: asyncio's tasks call a shadower on their own
thread. Real loops and a real clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import types
from pathlib import Path

import anyio
import pytest
import trio

from trioshadow import ShadowConfig, Shadower, Verdict, in_shadow

from tests.support.accounts import counts
from tests.support.pages import blocks
from tests.support.portable import TOO_LONG

PAGE = Path(__file__).parents[2] / "docs" / "threads.md"
PATIENT = ShadowConfig(shadow_timeout=TOO_LONG, drain_timeout=TOO_LONG)


def recipe_of(page):
    (block,) = [block for block in blocks(page) if "def as_guest" in block.source]
    definitions = block.source.partition("async def main()")[0]
    module = types.ModuleType("recipe")
    module.__dict__.update(asyncio=asyncio, contextlib=contextlib, trio=trio)
    exec(compile("\n" * block.line + definitions, str(page), "exec", dont_inherit=True), module.__dict__)
    return module.as_guest


as_guest = recipe_of(PAGE)


async def old(request):
    await asyncio.sleep(0)
    if request == "raises":
        raise OSError(request)
    return request


async def new(request):
    await anyio.sleep(0.001)
    assert in_shadow()
    match request:
        case "differs":
            return "!"
        case "raises":
            raise OSError(request)
        case "fails":
            raise KeyError(request)
        case "thread":
            return await trio.to_thread.run_sync(lambda: request if in_shadow() else "!")
        case "hangs":
            await trio.sleep_forever()
    return request


def test_calls_of_asyncio_tasks_are_mirrored_and_counted_and_the_guest_is_drained_at_its_end():
    async def main():
        async with as_guest(Shadower(old, new, PATIENT)) as shadower:
            asked = ["same", "differs", "raises", "fails", "thread"]
            answers = await asyncio.gather(*map(shadower.call, asked), return_exceptions=True)
            assert [answers[n].primary for n in (0, 1, 3, 4)] == ["same", "differs", "fails", "thread"]
            assert isinstance(answers[2], OSError)
        assert counts(shadower) == {"matched": 3, "diverged": 1, "failed": 1}
        assert (await shadower.call("after")).verdict is Verdict.CLOSED

    asyncio.run(main())


def test_a_hung_shadow_meets_its_deadline_and_keeps_no_asyncio_task():
    async def main():
        config = ShadowConfig(shadow_timeout=0.01)
        async with as_guest(Shadower(old, new, config)) as shadower:
            outcome = await shadower.call("hangs")
            assert (outcome.primary, outcome.verdict) == ("hangs", None)
            while outcome.verdict is None:
                await asyncio.sleep(0.001)
            assert outcome.verdict is Verdict.TIMED_OUT
        assert counts(shadower) == {"timed_out": 1}

    asyncio.run(main())


def test_the_cancellation_of_an_asyncio_caller_abandons_its_leg():
    async def hangs(request):
        await asyncio.sleep(TOO_LONG)

    async def main():
        async with as_guest(Shadower(hangs, new, PATIENT)) as shadower:
            task = asyncio.create_task(shadower.call("same"))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert counts(shadower) == {"abandoned": 1}

    asyncio.run(main())


def test_what_the_body_raises_ends_the_guest_and_leaves():
    async def main():
        with pytest.raises(KeyError):
            async with as_guest(Shadower(old, new, PATIENT)) as shadower:
                await shadower.call("same")
                raise KeyError
        assert counts(shadower) == {"matched": 1}

    asyncio.run(main())


class Unopenable:
    async def __aenter__(self):
        await trio.lowlevel.checkpoint()
        raise OSError("no room")

    async def __aexit__(self, *args):
        pass


def test_what_can_not_be_opened_says_why():
    async def main():
        with pytest.raises(OSError, match="no room"):
            async with as_guest(Unopenable()):
                pass

    asyncio.run(main())
