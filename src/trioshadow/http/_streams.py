"""A body that passes by, watched: each part, its end, an error, and a reader that goes away.

It changes nothing and holds nothing: parts are handed on as they come, when they are asked for.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx


def _nothing(*_: object) -> None:
    pass


class _Watched:
    """An iterator and not an async generator: one not read to its end would be left to the garbage collector."""

    def __init__(
        self,
        stream: Any,
        *,
        on_part: Callable[[bytes], None],
        on_end: Callable[[], None],
        on_error: Callable[[BaseException], None],
        on_close: Callable[[], None],
        on_start: Callable[[], None],
    ) -> None:
        self._stream = stream
        self._on_start = on_start
        self._on_part = on_part
        self._on_end = on_end
        self._on_error = on_error
        self._on_close = on_close

    def __aiter__(self) -> AsyncIterator[bytes]:
        self._on_start()
        self._parts: AsyncIterator[bytes] = self._stream.__aiter__()
        return self

    async def __anext__(self) -> bytes:
        try:
            part = await self._parts.__anext__()
        except StopAsyncIteration:
            self._on_end()
            raise
        except BaseException as exc:
            self._on_error(exc)
            raise
        self._on_part(part)
        return part

    async def aclose(self) -> None:
        self._on_close()
        await self._stream.aclose()


@functools.lru_cache(maxsize=64)
def _class_for(kind: Any) -> type[_Watched]:
    # A client looks whether a stream is of its own family, which is httpx's or httpx2's.
    family = next((base for base in kind.__mro__ if base.__name__ == "AsyncByteStream"), httpx.AsyncByteStream)
    return type("WatchedStream", (_Watched, family), {})


def watched(
    stream: Any,
    *,
    on_part: Callable[[bytes], None],
    on_end: Callable[[], None],
    on_error: Callable[[BaseException], None] = _nothing,
    on_close: Callable[[], None] = _nothing,
    on_start: Callable[[], None] = _nothing,
) -> Any:
    """The stream, which is an AsyncByteStream, with these called as it is read. They must not raise.

    It starts anew when it is iterated anew, as a request's body is when it is sent once more.
    """
    kind: Any = type(stream)
    return _class_for(kind)(
        stream, on_part=on_part, on_end=on_end, on_error=on_error, on_close=on_close, on_start=on_start
    )
