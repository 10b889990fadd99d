"""MessagePack, with the extra `msgpack`."""

from __future__ import annotations

import importlib
from typing import Any

from trioshadow.compare._values import Extension, point_in_time

from .decoded import USUAL, Decoded, Manner, NotDecoded, as_bytes, guarded
from .objects import Objects

#: The ends of what announces a point in time: the type -1, behind its length or the marks of lengths 4 and 8. Where
#: there is none of these, there is no point in time.
_TIMES = (b"\xd6\xff", b"\xd7\xff", b"\x04\xff", b"\x08\xff", b"\x0c\xff")


def read_msgpack(body: bytes | str, charset: str = "", manner: Manner = USUAL) -> Decoded:  # noqa: ARG001 - a form
    """Maps may have keys of any type. Raises NotDecoded."""
    try:
        msgpack: Any = importlib.import_module("msgpack")
    except ImportError:
        raise NotDecoded("MessagePack needs an extra: pip install 'trioshadow[msgpack]'") from None
    data = as_bytes(body)
    objects = Objects(strict=manner.strict)

    def timed(value: Any) -> Any:
        return point_in_time(value.seconds, value.nanoseconds) if type(value) is msgpack.Timestamp else value

    def timed_map(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
        return objects.make([(timed(name), timed(value)) for name, value in pairs])

    def timed_array(values: list[Any]) -> list[Any]:
        return list(map(timed, values))

    def unpack() -> Any:
        hooks: dict[str, Any] = {"object_pairs_hook": objects.make}
        if any(mark in data for mark in _TIMES):  # the library's own datetimes are cut to microseconds
            hooks = {"object_pairs_hook": timed_map, "list_hook": timed_array}
        return timed(msgpack.unpackb(data, strict_map_key=False, ext_hook=Extension, **hooks))

    return Decoded(guarded(unpack, "msgpack"), "msgpack", objects.notes())
