"""Serving with hypercorn, and what version 0.18 of it lacks for a proxy that anybody can reach.

Each was found by trying, and has a test in test_proxy_hypercorn.py that fails without it:

- An exception in one connection ends the whole server, as a nursery does on Trio. One HTTP/2 request with a byte beyond
  ASCII in its path is enough.
- An HTTP/2 stream whose application ends without a whole response is left open, and its client waits for ever. On
  HTTP/1.1 the connection is closed.
- Sending to a client that reads no more is shielded from the end of the drain, so that the process never ends.
"""

from __future__ import annotations

import contextlib
import logging
from typing import Any

import h2.errors
import h2.exceptions
import hypercorn.protocol
import hypercorn.trio
import hypercorn.trio.run
import trio
from hypercorn.config import Config
from hypercorn.protocol.h2 import H2Protocol
from hypercorn.trio.tcp_server import TCPServer

from trioshadow.asgi import IncompleteResponse

logger = logging.getLogger("trioshadow.server")


class ServerConfig(Config):
    """hypercorn's, with the connections that are open."""

    def __init__(self) -> None:
        self.connections: set[trio.abc.AsyncResource] = set()
        # A proxy's answers are not its own, and what it says goes through our own logger.
        self.include_date_header = self.include_server_header = False
        self.errorlog = logger
        # Not stricter than what is behind it.
        self.h11_max_incomplete_size = self.h2_max_header_list_size
        # As long as other proxies do, and without the `Connection: close` after a thousand requests.
        self.keep_alive_timeout = 75.0
        self.keep_alive_max_requests = 2**31

    async def close_connections(self) -> None:
        """Break them off, whatever is being sent."""
        for stream in list(self.connections):
            await trio.aclose_forcefully(stream)


class _Connection(TCPServer):
    config: ServerConfig

    async def run(self) -> None:
        connections = self.config.connections if isinstance(self.config, ServerConfig) else set()
        connections.add(self.stream)
        try:
            await super().run()
        except* Exception as group:
            # Of the exception only its type: its text may be a client's.
            kinds = sorted({type(exc).__name__ for exc in _leaves(group)})
            logger.warning("a connection was dropped (%s)", ", ".join(kinds))
        finally:
            connections.discard(self.stream)


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for exc in group.exceptions:
        found += _leaves(exc) if isinstance(exc, BaseExceptionGroup) else [exc]
    return found


class _Http2(H2Protocol):
    async def _close_stream(self, stream_id: int) -> None:
        buffer = self.stream_buffers.get(stream_id)
        await super()._close_stream(stream_id)
        if buffer is not None and not buffer._complete and not self.closed:  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
            with contextlib.suppress(h2.exceptions.ProtocolError):  # the client has reset it, or gone
                self.connection.reset_stream(stream_id, h2.errors.ErrorCodes.INTERNAL_ERROR)
                await self._flush()
            self.priority.unblock(stream_id)  # so that the sending task looks at it, and forgets it
            await self.has_data.set()


class _NoTraceback(logging.Filter):
    """An IncompleteResponse is how the server hears of it, and the log has been told in other words."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], IncompleteResponse))


async def serve(app: Any, config: ServerConfig, stop: trio.Event, *, task_status: trio.TaskStatus[list[str]]) -> None:
    """Serve an ASGI application until `stop`, and then until its requests have ended, or `config.graceful_timeout`.

    For `nursery.start`, which gives the URLs.
    """
    # Of the whole process: hypercorn takes these classes by these names, and none in their place.
    replaced: Any = hypercorn.trio.run
    replaced.TCPServer = _Connection
    replaced = hypercorn.protocol
    replaced.H2Protocol = _Http2
    await hypercorn.trio.serve(app, config, shutdown_trigger=stop.wait, task_status=task_status)


logger.addFilter(_NoTraceback())
