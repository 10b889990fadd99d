"""How two answers differ: status, headers, body, or the exceptions in place of answers. Pure, frozen, and free of the
answers themselves, so that a divergence can be kept and streamed.
"""

from __future__ import annotations

import attrs

from ._config import IgnoreField, ShadowConfig
from ._record import Headers, ResponseRecord

_BYTES = (bytes, bytearray, memoryview)

# Bound once: reading a member off its class costs 0.1 µs on Python 3.11.
_STATUS, _HEADERS, _BODY = IgnoreField


@attrs.frozen
class HeaderDiff:
    """The names of the headers that differ, lower-case, each tuple sorted. Values are compared as ordered lists."""

    added: tuple[str, ...]
    """Only the shadow sent them."""
    removed: tuple[str, ...]
    """Only the primary sent them."""
    changed: tuple[str, ...]
    """Both sent them, with other values."""


@attrs.frozen
class BodyDiff:
    """How two bodies differ."""

    primary_len: int | None
    """Bytes; for values of the builtin containers and str their `len()`; None for values that have none."""
    shadow_len: int | None
    """The same of the shadow's."""
    prefix_equal_bytes: int | None
    """How many bytes are equal before the first that differs; None where values were compared."""
    changes: tuple[object, ...] = ()
    """What differs, by path, where both sides were decoded."""


@attrs.frozen
class ErrorDiff:
    """What was raised, when the primary raised and the shadow did not raise the same."""

    primary: str
    """The name of the type that the primary raised."""
    shadow: str | None
    """The name of the type that the shadow raised; None: it answered."""
    primary_message: str
    """At most 500 characters."""
    shadow_message: str
    """At most 500 characters; empty if it answered."""


@attrs.frozen
class Divergence:
    """How the shadow's answer differs from the primary's: at least one part is not None."""

    status: tuple[int, int] | None = None
    """The primary's and the shadow's."""
    headers: HeaderDiff | None = None
    body: BodyDiff | None = None
    error: ErrorDiff | None = None

    @classmethod
    def compare(cls, primary: object, shadow: object, config: ShadowConfig) -> Divergence | None:
        """The differences between two answers, None if there are none that `config.ignore` leaves. Pure.

        An answer that is no ResponseRecord is a value: status 0, no headers, the value as body. Bodies are compared
        as bytes if both are, else with `==`, whose own errors are raised here.
        """
        if type(primary) is bytes and type(shadow) is bytes:  # the commonest case: nothing else to look at
            if primary == shadow or _BODY in config.ignore:
                return None
            return cls(body=_bytes_diff(primary, shadow))
        primary_status, primary_headers, primary_body = _parts(primary)
        shadow_status, shadow_headers, shadow_body = _parts(shadow)
        ignore = config.ignore
        status = headers = body = None
        if primary_status != shadow_status and _STATUS not in ignore:
            status = (primary_status, shadow_status)
        if primary_headers != shadow_headers and _HEADERS not in ignore:
            headers = _compare_headers(primary_headers, shadow_headers)
        if _BODY not in ignore:
            body = _compare_bodies(primary_body, shadow_body)
        if status is None and headers is None and body is None:
            return None
        return cls(status=status, headers=headers, body=body)


def _parts(answer: object) -> tuple[int, Headers, object]:
    if isinstance(answer, ResponseRecord):
        return answer.status, answer.headers, answer.body
    return 0, (), answer


def _compare_headers(primary: Headers, shadow: Headers) -> HeaderDiff:
    ours, theirs = _by_name(primary), _by_name(shadow)
    return HeaderDiff(
        added=tuple(sorted(theirs.keys() - ours.keys())),
        removed=tuple(sorted(ours.keys() - theirs.keys())),
        changed=tuple(sorted(name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name])),
    )


def _by_name(headers: Headers) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name, []).append(value)
    return values


def _compare_bodies(primary: object, shadow: object) -> BodyDiff | None:
    if isinstance(primary, _BYTES) and isinstance(shadow, _BYTES):
        primary, shadow = bytes(primary), bytes(shadow)  # for bytes that is no copy
        return None if primary == shadow else _bytes_diff(primary, shadow)
    if primary == shadow:
        return None
    return BodyDiff(_value_len(primary), _value_len(shadow), None)


def _bytes_diff(primary: bytes, shadow: bytes) -> BodyDiff:
    return BodyDiff(len(primary), len(shadow), first_difference(primary, shadow))


def _value_len(value: object) -> int | None:
    # Not everything with a __len__: that would be user code, and a cursor's len() runs a query.
    return len(value) if isinstance(value, (*_BYTES, str, list, tuple, dict, set, frozenset)) else None


def first_difference(a: bytes, b: bytes) -> int:
    """How many bytes `a` and `b` have in common at the start: the index of the first that differs, or the shorter
    length.

    A binary search whose probes are memcmp: `bytes.startswith(memoryview, offset)` copies neither side, where slices
    would copy both, and a loop in Python takes 1,000 times as long. The probes halve, so together they read the bytes
    once. Two bodies of 1 MiB that differ in the last byte: `nox -s bench`, row "first differing byte".

    >>> first_difference(b"spam", b"spat")
    3
    """
    view = memoryview(b)
    low, high = 0, min(len(a), len(b))  # a[:low] == b[:low]; the answer is in [low, high]
    while low < high:
        middle = (low + high + 1) // 2
        if a.startswith(view[low:middle], low):
            low = middle
        else:
            high = middle - 1
    return low
