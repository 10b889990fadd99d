"""`trioshadow proxy` as the tests run it: in this process, or in one of its own."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess

import attrs
import trio
import trio.testing

from tests.support import commands


@attrs.define
class Proxy:
    """One in this process."""

    running: commands.Running

    @property
    def first_line(self):
        return self.running.first_line

    @property
    def url(self):
        return re.search(r"Listening on ([^,]+)", self.first_line)[1]

    @property
    def admin(self):
        return re.search(r"admin (.*)", self.first_line)[1]

    def stop(self, number=signal.SIGTERM):
        self.running.stop(number)

    async def ended(self):
        """Its exit status, and all that it said after the first line."""
        return await self.running.ended()

    async def end(self, number=signal.SIGTERM):
        """Tell it to stop; its report. All must be well."""
        self.stop(number)
        status, report, errors = await self.ended()
        assert (status, errors) == (0, "")
        return report


@attrs.define
class ProxyProcess(Proxy):
    """One in a process of its own."""

    running: trio.Process
    first_line: str

    def stop(self, number=signal.SIGTERM):
        self.running.send_signal(number)

    async def ended(self):
        said = {"stdout": b"", "stderr": b""}

        async def read(name):
            async for part in getattr(self.running, name):
                said[name] += part

        async with trio.open_nursery() as nursery:
            for name in said:
                nursery.start_soon(read, name)
        await self.running.wait()
        return self.running.returncode, said["stdout"].decode(), said["stderr"].decode()


def arguments(primary, shadow, options):
    """The shadow has time unless a test says otherwise: how long it takes says something of the machine."""
    listen = () if "--listen" in options else ("--listen", "127.0.0.1:0")
    patient = () if "--timeout" in options else ("--timeout", "100")
    return "proxy", "--primary", primary, "--shadow", shadow or primary, *listen, *patient, *options


@contextlib.asynccontextmanager
async def proxy(primary, shadow=None, *options):
    async with commands.serving(*arguments(primary, shadow, options), COLUMNS="80") as running:
        yield Proxy(running)


@contextlib.asynccontextmanager
async def proxy_process(primary, shadow=None, *options):
    process = await trio.lowlevel.open_process(
        commands.command(*arguments(primary, shadow, options)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=commands.environment(COLUMNS="80"),
        preexec_fn=commands.heed_signals,
    )
    try:
        line = b""
        while not line.endswith(b"\n"):
            part = await process.stdout.receive_some()
            if not part:
                raise AssertionError((await process.stderr.receive_some()).decode())
            line += part
        yield ProxyProcess(process, line.decode())
    finally:
        with trio.CancelScope(shield=True):
            process.kill()
            await process.wait()
            await process.stdout.aclose()
            await process.stderr.aclose()
