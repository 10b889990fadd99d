"""Commands as the tests run them: in this process, which takes milliseconds, or in one of their own: about a second.

In this process for what a command says and does; in its own for what belongs to a process: signals, terminals, full
disks, readers that leave, memory, `kill -9`.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import pty
import signal
import subprocess
import sys
from unittest import mock

import attrs
import trio

from trioshadow import cli

ESCAPE = "\x1b"


def environment(**changes):
    """Ours, without what changes how a command writes."""
    names = ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM", "PYTHONWARNINGS")
    # Nor is it measured: the demo has worker threads, and once in some hundred runs a process hung for ever in the lock
    # that coverage 7.17's tracer takes (`Collector.lock_data`, on Python 3.11).
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in names and not name.startswith(("COVERAGE_", "COV_CORE_"))
    }
    return {**kept, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", **changes}


def heed_signals():
    """For `preexec_fn`: a shell ignores Ctrl-C for what it runs in the background, and that is inherited."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@attrs.frozen
class Ended:
    """A command that has ended."""

    returncode: int
    stdout: str
    stderr: str


# ── in this process ───────────────────────────────────────────────────────────────────────────────────────────────────


class _Stream(io.TextIOWrapper):
    def __init__(self):
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)
        self.has_line = trio.Event()

    def write(self, text):
        if "\n" in text:
            self.has_line.set()
        return super().write(text)

    def text(self):
        return self.buffer.getvalue().decode()


@contextlib.contextmanager
def _as_a_process(**changes):
    """This process looks to a command like one of its own: its streams, its environment, its logging. One at a time."""
    out, err = _Stream(), _Stream()
    root, ours = logging.getLogger(), logging.getLogger("trioshadow")
    kept, levels = root.handlers[:], (root.level, ours.level)
    root.handlers[:] = []  # so that `logging.basicConfig()` does what it does in a process
    ours.setLevel(logging.NOTSET)  # a page of the documentation may have set it
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            mock.patch.dict(os.environ, environment(**changes), clear=True),
        ):
            yield out, err
    finally:
        root.handlers[:] = kept
        for logger, level in zip((root, ours), levels, strict=True):
            logger.setLevel(level)


def run(*arguments, **changes):
    """Run it to its end, where no Trio runs; `changes` are of the environment."""
    with _as_a_process(**changes) as (out, err):
        status = cli.main([*map(str, arguments)])
    return Ended(status, out.text(), err.text())


async def run_async(*arguments, **changes):
    """Run it to its end, where Trio runs."""
    with _as_a_process(**changes) as (out, err):
        status = await cli.main_async([*map(str, arguments)])
    return Ended(status, out.text(), err.text())


@attrs.define
class Running:
    """A command that serves until it is told to stop."""

    first_line: str
    _out: _Stream
    _err: _Stream
    _has_ended: trio.Event
    _status: list[int]

    def stop(self, number=signal.SIGTERM):
        signal.raise_signal(number)

    async def ended(self):
        """Its exit status, and all that it said after the first line."""
        await self._has_ended.wait()
        return self._status[0], self._out.text().removeprefix(self.first_line), self._err.text()


@contextlib.asynccontextmanager
async def serving(*arguments, **changes):
    """A command that serves, as soon as it has said its first line. Leaving cancels it."""
    ended, status = trio.Event(), []

    async def command():
        status.append(await cli.main_async([*map(str, arguments)]))
        ended.set()
        out.has_line.set()

    with _as_a_process(**changes) as (out, err):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(command)
            await out.has_line.wait()
            assert not ended.is_set(), err.text()
            yield Running(out.text(), out, err, ended, status)
            nursery.cancel_scope.cancel()


# ── in a process of its own ───────────────────────────────────────────────────────────────────────────────────────────


def command(*arguments):
    """Its command line."""
    return [sys.executable, "-m", "trioshadow", *map(str, arguments)]


def run_process(*arguments, stdout=subprocess.PIPE, **changes):
    """Run it to its end in a process."""
    return subprocess.run(
        command(*arguments),
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
        encoding="utf-8",
        env=environment(**changes),
    )


def run_on_terminal(*arguments, **changes):
    """Both streams on one pseudo terminal; its text."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command(*arguments), stdout=theirs, stderr=theirs, stdin=theirs, env=environment(**changes)
    ) as process:
        os.close(theirs)
        output = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # what Linux says when the other end is closed
                break
            if not part:
                break
            output += part
    os.close(ours)
    assert process.returncode == 0
    return output.decode()
