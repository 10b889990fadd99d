"""The kill file: looked for in a thread of its own once a second, off the path of calls.

On the real clock, since threads work meanwhile; no test waits for a second.
"""

from __future__ import annotations

import threading
import types

import pytest
import trio

from trioshadow import Shadower
from trioshadow._service import kill_file as _kill_file

from tests.support.accounts import counts
from tests.support.alive import task_names
from tests.support.portable import TOO_LONG

pytestmark = pytest.mark.usefixtures("_often")


@pytest.fixture
def _often(monkeypatch):
    monkeypatch.setattr(_kill_file, "EVERY", 0.005)


@pytest.fixture
def path(tmp_path, monkeypatch):
    path = tmp_path / "kill"
    monkeypatch.setenv("TRIOSHADOW_KILL_FILE", str(path))
    return path


async def same(request):
    await trio.lowlevel.checkpoint()
    return request


async def until(condition):
    with trio.fail_after(TOO_LONG):
        while not condition():
            await trio.sleep(0.001)


async def test_while_it_is_there_calls_are_paused(path, caplog):
    async with Shadower(same, same) as shadower:
        await shadower.call(b"k")
        path.touch()
        await until(lambda: shadower.paused)
        assert (await shadower.call(b"k")).primary == b"k"
        assert counts(shadower) == {"matched": 1, "paused": 1}
        assert shadower.statistics().paused_by_cause == {"pause": 0, "kill_file": 1, "breaker": 0}
        path.unlink()
        await until(lambda: not shadower.paused)
        await shadower.call(b"k")
        await shadower.wait_idle()
        assert counts(shadower) == {"matched": 2, "paused": 1}
    assert [record.message for record in caplog.records] == [
        "the kill file that TRIOSHADOW_KILL_FILE names is there: no call is mirrored until it is removed",
        "the kill file that TRIOSHADOW_KILL_FILE names is not there: calls are mirrored",
    ]


async def test_one_that_is_there_at_the_entry_stops_the_first_call(path):
    path.symlink_to("nowhere")  # whatever it is
    async with Shadower(same, same) as shadower:
        await shadower.call(b"k")
        assert counts(shadower) == {"paused": 1}


async def test_pause_and_the_file_are_two_things(path):
    path.touch()
    async with Shadower(same, same) as shadower:
        shadower.pause()
        await shadower.call(b"k")
        shadower.resume()
        assert shadower.paused
        await shadower.call(b"k")
        assert shadower.statistics().paused_by_cause == {"pause": 1, "kill_file": 1, "breaker": 0}
        path.unlink()
        await until(lambda: not shadower.paused)
        shadower.pause()
        path.touch()
        await trio.sleep(0.02)
        path.unlink()
        await trio.sleep(0.02)
        assert shadower.paused


async def test_a_file_system_that_hangs_holds_up_nothing(path, monkeypatch):
    asked, go_on = threading.Event(), threading.Event()

    def hangs(path):
        asked.set()
        return go_on.wait(10)

    monkeypatch.setattr(_kill_file, "_is_there", hangs)
    monkeypatch.setattr("trioshadow._service.service.EVERY", 0.01)
    try:
        with trio.fail_after(TOO_LONG):
            async with Shadower(same, same) as shadower:
                assert asked.is_set()
                await (await shadower.call(b"k")).wait_settled()
                assert counts(shadower) == {"matched": 1}
    finally:
        go_on.set()


async def test_a_file_system_that_is_out_of_order_does_not_let_it_go(path, monkeypatch):
    path.touch()
    async with Shadower(same, same) as shadower:
        with monkeypatch.context() as patched:
            looks = []

            def out_of_order(path):
                looks.append(path)
                raise PermissionError

            patched.setattr(_kill_file, "os", types.SimpleNamespace(lstat=out_of_order))
            await until(lambda: len(looks) > 2)
            assert shadower.paused
        path.unlink()
        await until(lambda: not shadower.paused)


async def test_a_folder_that_is_a_file_by_now_has_no_kill_file(tmp_path, monkeypatch):
    (tmp_path / "folder").touch()
    monkeypatch.setenv("TRIOSHADOW_KILL_FILE", str(tmp_path / "folder" / "kill"))
    async with Shadower(same, same) as shadower:
        assert not shadower.paused


async def test_where_no_thread_can_be_started_things_stay_as_they_are(path, monkeypatch):
    path.touch()
    async with Shadower(same, same) as shadower:
        looks = []

        async def refuses(*args, **kwargs):
            looks.append(1)
            await trio.lowlevel.checkpoint()
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr("trio.to_thread.run_sync", refuses)
        path.unlink()
        await until(lambda: len(looks) > 2)
        assert shadower.paused
        await shadower.call(b"k")
    assert counts(shadower) == {"paused": 1}


async def test_without_the_variable_there_is_no_task_for_it(monkeypatch):
    monkeypatch.setenv("TRIOSHADOW_KILL_FILE", "")
    async with Shadower(same, same):
        assert "trioshadow kill file" not in task_names()


async def test_when_the_scope_around_it_is_cancelled_it_ends_in_silence(path):
    with trio.CancelScope() as scope:
        async with Shadower(same, same) as shadower:
            scope.cancel()
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert counts(shadower) == {}
