"""How two answers differ: status, headers, body, or the exceptions in place of answers. Pure, frozen, and free of the
answers themselves, so that a divergence can be kept and streamed.
"""

from __future__ import annotations

from typing import Any, Protocol, cast

import attrs

from trioshadow._model.record import Headers, ResponseRecord

from ._bodies import Findings, Side, compare_bodies
from ._change import Change
from ._comparison import Comparison
from ._explain import explain, summary
from ._headers import NAMES_KEPT, VALUES_KEPT, HeaderChange, compare_headers, cut_name


class Configured(Protocol):
    """A ShadowConfig: of all that it says, what is about comparing."""

    @property
    def comparison(self) -> Comparison:
        """That, compiled."""
        ...  # pragma: no cover - a protocol has no body


@attrs.frozen
class HeaderDiff:
    """The names of the headers that differ, lower-case, cut to 256 characters, each tuple sorted; 1,000 in all.

    Values are compared as ordered lists, those of Set-Cookie by cookie name. Content-Length is not reported where the
    bodies differ.
    """

    added: tuple[str, ...]
    """Only the shadow sent them."""
    removed: tuple[str, ...]
    """Only the primary sent them."""
    changed: tuple[str, ...]
    """Both sent them, with other values."""
    changes: tuple[HeaderChange, ...] = attrs.field(default=(), eq=False)
    """Their values, cut, and masked where they are secrets; sorted by name, the first 100. Not part of equality: that
    the same names differ is the same difference."""


@attrs.frozen
class BodyDiff:
    """How two bodies differ."""

    primary_len: int | None
    """Bytes; for values of the builtin containers and str their `len()`; None for values that have none."""
    shadow_len: int | None
    """The same of the shadow's."""
    prefix_equal_bytes: int | None
    """How many bytes are equal before the first that differs; None where the bodies were not both bytes."""
    changes: tuple[Change, ...] = ()
    """What differs, by path, in the primary's order: the first `ShadowConfig.max_changes`. Empty for bytes that could
    not be decoded."""
    change_count: int = 0
    """How many changes there are in all."""
    forms: tuple[str, str] = ("bytes", "bytes")
    """How the primary's and the shadow's body were read: `json`, `ndjson`, `form`, `msgpack`, `text`, the content type
    of a decoder of your own, `value` for what is no bytes, `bytes` where neither could be decoded."""
    notes: tuple[str, ...] = ()
    """What else should be known: why a body was not decoded, what a rule's function raised."""
    excerpts: tuple[bytes, bytes] | None = attrs.field(default=None, eq=False)
    """Of bytes that could not be decoded: of each side up to 48, around the first that differs. Not part of
    equality."""


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
    """How the shadow's answer differs from the primary's: at least one part is not None.

    `str()` of it is one line, without any value of an answer in it, for a log.
    """

    status: tuple[int, int] | None = None
    """The primary's and the shadow's."""
    headers: HeaderDiff | None = None
    body: BodyDiff | None = None
    error: ErrorDiff | None = None

    def __str__(self) -> str:
        return summary(self)

    def explain(self, *, color: bool = False, width: int | None = None) -> str:
        """What differs, for a person: some lines, old above new, without a line end at the end.

        `color`: with a terminal's colours, from where old and new differ; nothing else in it is obeyed by a terminal.
        `width`: lines are cut to so many characters, in [20, inf), around where old and new differ.
        """
        if width is not None and not (isinstance(width, int) and width >= 20):
            raise ValueError(f"width must be a count of characters in [20, inf), not {width!r}")
        return explain(self, color=color, width=width)

    @classmethod
    def compare(cls, primary: object, shadow: object, config: Configured) -> Divergence | None:
        """The differences between two answers, None if there are none that `config` leaves. Pure.

        An answer that is no ResponseRecord is a value: status 0, no headers, the value as body. Raised are the errors
        of `config.compare`, of an `Accept` without a path, and of the `__eq__` of objects of which nothing else is
        known, if such are the whole body.
        """
        return compare_by(config.comparison, primary, shadow)


def compare_by(comparison: Comparison, primary: object, shadow: object) -> Divergence | None:
    """`Divergence.compare`, for who has not the whole configuration: it decides nothing else."""
    if comparison.compare is not None:
        return _checked(comparison.compare(primary, shadow))
    divergence = _compare(primary, shadow, comparison)
    if divergence is not None and comparison.accepted(primary, shadow):
        return None
    return divergence


def _checked(answer: object) -> Divergence | None:
    if answer is None or answer is True:
        return None
    if answer is False:
        return Divergence(body=BodyDiff(None, None, None, forms=("value", "value")))
    if isinstance(answer, Divergence):
        return answer
    raise TypeError(f"compare must return a Divergence, None, or a bool, not {type(answer).__name__}")


def _compare(primary: object, shadow: object, rules: Comparison) -> Divergence | None:
    primary_status, primary_headers, primary_body = _parts(primary)
    shadow_status, shadow_headers, shadow_body = _parts(shadow)
    status = headers = body = None
    if primary_status != shadow_status and rules.status:
        status = (primary_status, shadow_status)
    if rules.body and not same_at_once(primary_body, shadow_body):
        findings = compare_bodies(
            Side(primary_body, _content_type(primary_headers)),
            Side(shadow_body, _content_type(shadow_headers)),
            rules.bodies,
        )
        if findings is not None:
            body = _body_diff(primary_body, shadow_body, findings)
    if primary_headers != shadow_headers and rules.headers:
        # Content-Length says once more that the bodies differ, or that they are written differently.
        redundant = body is not None or _value_len(primary_body) != _value_len(shadow_body)
        changes = compare_headers(primary_headers, shadow_headers, rules.ignored_header, content_length=not redundant)
        if changes:
            headers = _header_diff(primary_headers, shadow_headers, changes)
    if status is None and headers is None and body is None:
        return None
    return Divergence(status=status, headers=headers, body=body)


#: If both values are of the same of these types, `==` says that they are the same. (Not whether: NaN.)
_PLAIN = frozenset((bytes, str, int, float, bool, type(None)))


def same_at_once(primary: object, shadow: object) -> bool:
    """Are they plainly the same, as values, so that no rule can make a difference of it?"""
    return primary is shadow or (type(primary) is type(shadow) and type(primary) in _PLAIN and primary == shadow)


def same_body(primary: object, shadow: object) -> bool:
    """Is it plain that the bodies are the same, whatever the rules are?"""
    return same_at_once(_parts(primary)[2], _parts(shadow)[2])


def _parts(answer: object) -> tuple[int, Headers, object]:
    if issubclass(type(answer), ResponseRecord):  # isinstance() would believe what it says of itself
        record = cast("ResponseRecord", answer)
        return record.status, record.headers, record.body
    return 0, (), answer


def _content_type(headers: Headers) -> str | None:
    for name, value in headers:
        if name == "content-type":
            return value
    return None


def _header_diff(primary: Headers, shadow: Headers, changes: list[HeaderChange]) -> HeaderDiff:
    changes = changes[:NAMES_KEPT]
    names = dict.fromkeys(change.name for change in changes)  # sorted, as the changes are
    ours, theirs = {cut_name(name) for name, _ in primary}, {cut_name(name) for name, _ in shadow}
    return HeaderDiff(
        added=tuple(name for name in names if name not in ours),
        removed=tuple(name for name in names if name not in theirs),
        changed=tuple(name for name in names if name in ours and name in theirs),
        changes=tuple(changes[:VALUES_KEPT]),
    )


def _body_diff(primary: object, shadow: object, findings: Findings) -> BodyDiff:
    return BodyDiff(
        _value_len(primary),
        _value_len(shadow),
        findings.prefix,
        changes=findings.changes,
        change_count=findings.count,
        forms=findings.forms,
        notes=findings.notes,
        excerpts=findings.excerpts,
    )


_SIZED: tuple[Any, ...] = (bytes, bytearray, memoryview, str, list, tuple, dict, set, frozenset)


def _value_len(value: object) -> int | None:
    # Not everything with a __len__: that would be user code, and a cursor's len() runs a query.
    for kind in _SIZED:
        if issubclass(type(value), kind):
            try:
                return int(kind.__len__(value))
            except ValueError:  # a memoryview that was released
                return None
    return None
