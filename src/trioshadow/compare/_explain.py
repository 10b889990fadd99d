"""A divergence in words: one line for a log, or a few for a person. The only place where that is done.

A place has the name that a scorecard counts it under and that rules take, but that here the numbers of elements and of
lines are told: `status`, `header etag`, `$.items[0].price`, `$` for the whole body, `error`, `error $.errno`.

What is shown comes from traffic: nothing in it reaches a terminal or a log file as a control character.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from trioshadow._model.words import counted, visible

from ._diffs import BodyDiff, Change, ErrorDiff, HeaderDiff
from ._headers import HeaderChange
from ._keep import first_difference
from ._paths import shown_path, without_middle
from ._words import words_of_change, words_of_error, words_of_values
from ._write import Excerpt, written

#: What one line of a log names of each sort before it says how many more there are, ...
_NAMED = 3
#: ... and to how many characters it cuts a name, with what became of it.
_NAME_WIDTH = 100


class Parts(Protocol):
    """What a Divergence is made of: each part that differs, None for one that does not."""

    @property
    def status(self) -> tuple[int, int] | None: ...
    @property
    def headers(self) -> HeaderDiff | None: ...
    @property
    def body(self) -> BodyDiff | None: ...
    @property
    def error(self) -> ErrorDiff | None: ...


# ── one line ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def summary(divergence: Parts) -> str:
    """One line without any value of an answer: statuses, names, paths, counts and types only."""
    parts: list[str] = []
    if divergence.status is not None:
        parts.append("status {} -> {}".format(*map(written, divergence.status)))
    if (headers := divergence.headers) is not None:
        ways = (("added", headers.added), ("removed", headers.removed), ("changed", headers.changed))
        parts.append(_first([f"{HEADER}{name} {how}" for how, names in ways for name in names]))
    if (body := divergence.body) is not None:
        parts.append("body: " + _body_summary(body))
    if (error := divergence.error) is not None:
        parts.append(_error_summary(error))
    return visible("; ".join(parts))


def _body_summary(body: BodyDiff) -> str:
    if body.prefix_equal_bytes is not None and not body.changes:
        return f"$ differs from byte {body.prefix_equal_bytes:,} on, length {body.primary_len:,} -> {body.shadow_len:,}"
    words = [f"{_place(change, body)} {_KINDS[change.kind]}" for change in body.changes]
    return _first(words, body.change_count) if words else "$ differs"


def _error_summary(error: ErrorDiff) -> str:
    if error.shadow is None:
        return f"raised {error.primary}, the shadow answered"
    if not error.changes:
        return f"raised {error.primary}, the shadow {error.shadow}"
    same = error.primary == error.shadow
    raised = f"both raised {error.primary}" if same else f"raised {error.primary}, the shadow {error.shadow}"
    return f"{raised}: {_first([*map(_error_words, error.changes)], error.change_count)}"


def _error_words(change: Change) -> str:
    if _is_alone(change):
        side, whole = ("primary", change.primary) if change.kind == "removed" else ("shadow", change.shadow)
        return f"only the {side} {whole.type_name}" if type(whole) is Excerpt else f"an exception {change.kind}"
    return f"{shown_path(change.path)} {_KINDS[change.kind]}"


def _is_alone(change: Change) -> bool:
    """Is it an exception that only one of two groups has?"""
    return change.kind in ("added", "removed") and _MEMBER.search(change.path) is not None


_MEMBER = re.compile(r"(?:^\$|\])\['exceptions'\]\[[0-9]+\]$")

#: Before the name of a header, ...
HEADER = "header "
#: ... and before a path in an exception.
ERROR = "error "

_KINDS = {"added": "added", "removed": "removed", "changed": "changed", "type": "changed its type"}


def _first(words: Sequence[str], count: int | None = None) -> str:
    count = len(words) if count is None else count
    shown = [without_middle(word, _NAME_WIDTH) for word in words[:_NAMED]]
    if count > len(shown):
        shown.append(f"and {count - len(shown):,} more")
    return ", ".join(shown)


def _place(change: Change, body: BodyDiff) -> str:
    # Of text the path is a line's index: people count lines from 1.
    if body.forms == ("text", "text") and (line := _LINE.fullmatch(change.path)) is not None:
        return f"$ line {int(line[1]) + 1:,}"
    return shown_path(change.path)


_LINE = re.compile(r"\$\[([0-9]+)\]")


# ── a few lines ──────────────────────────────────────────────────────────────────────────────────────────────────────


def explain(divergence: Parts, *, color: bool, width: int | None) -> str:
    """Some lines, old above new."""
    page = _Page(color=color, width=width)
    tell(divergence, page)
    return "\n".join(page.lines)


class Page(Protocol):
    """What a divergence is told to, part by part."""

    def title(self, text: str) -> None:
        """A part of the answer begins."""

    def place(self, text: str) -> None:
        """A place in it: what follows is there."""

    def sides(self, primary: str | None, shadow: str | None, *, depth: int = 2) -> None:
        """Both sides, None for one that has nothing there; `depth` 1: of the part as a whole."""


def tell(divergence: Parts, page: Page) -> None:
    """All of it, to a page."""
    if divergence.status is not None:
        page.title("status")
        page.sides(*map(written, divergence.status), depth=1)
    if divergence.headers is not None:
        page.title("headers")
        _tell_headers(page, divergence.headers)
    if divergence.body is not None:
        _tell_body(page, divergence.body)
    if divergence.error is not None:
        page.title("error")
        _tell_error(page, divergence.error)


class _Page:
    """Lines, with the colours of a terminal (ECMA-48 SGR) if wanted, and no wider than wanted."""

    def __init__(self, *, color: bool, width: int | None) -> None:
        self.lines: list[str] = []
        self._color = color
        self._width = width

    def title(self, text: str) -> None:
        self.lines.append(self._painted("".join(_window(visible(text), 0, self._width)), _BOLD))

    def place(self, text: str) -> None:
        text = visible(text)
        room = None if self._width is None else max(_LEAST, self._width - 2)
        if room is not None and len(text) > room:
            text = "…" + text[-room + 1 :]  # the end of a path says most
        self.lines.append(f"  {text}")

    def sides(self, primary: str | None, shadow: str | None, *, depth: int = 2) -> None:
        """The old above the new, None for a side that has nothing there; painted from where they differ."""
        old, new = visible(primary or ""), visible(shadow or "")
        at = first_difference(old, new)
        for sign, text, there, style in (("-", old, primary, _RED), ("+", new, shadow, _GREEN)):
            if there is not None:
                lead = f"{'  ' * depth}{sign} "
                room = None if self._width is None else max(_LEAST, self._width - len(lead))
                before, rest = _window(text, at, room)
                self.lines.append(self._painted(lead, style) + before + self._painted(rest, style))

    def _painted(self, text: str, style: str) -> str:
        return f"{style}{text}{_NORMAL}" if self._color and text else text


#: However narrow it is wanted, so much of a side is shown.
_LEAST = 16

_RED, _GREEN, _BOLD, _NORMAL = "\x1b[31m", "\x1b[32m", "\x1b[1m", "\x1b[0m"


def _window(text: str, at: int, room: int | None) -> tuple[str, str]:
    """What of a text is shown before and after the place `at`, in so many characters: a third before it."""
    start = 0
    if room is not None and len(text) > room and at > room // 3:
        start = at - room // 3
    before = ("…" + text[start + 1 : at]) if start else text[:at]
    rest = text[at:]
    if room is not None and len(before) + len(rest) > room:
        rest = rest[: max(0, room - len(before) - 1)] + "…"
    return before, rest


def _tell_headers(page: Page, headers: HeaderDiff) -> None:
    for change in headers.changes:
        name = HEADER + (change.name if change.cookie is None else f"{change.name} (cookie {change.cookie})")
        page.place(name + (" (added)" if not change.primary else " (removed)" if not change.shadow else ""))
        _tell_header(page, change)
    unsaid = len({*headers.added, *headers.removed, *headers.changed} - {change.name for change in headers.changes})
    if unsaid:
        page.place(f"and {unsaid:,} more headers")


def _tell_header(page: Page, change: HeaderChange) -> None:
    if len(change.primary) == len(change.shadow):
        for old, new in zip(change.primary, change.shadow, strict=True):
            page.sides(*words_of_values(old, new))
        return
    for value in change.primary:
        page.sides(value, None)
    for value in change.shadow:
        page.sides(None, value)


def _tell_error(page: Page, error: ErrorDiff) -> None:
    primary, shadow = words_of_error(error)
    if primary is not None and primary == shadow:
        page.place(f"both raised {primary}")
    else:
        page.sides(primary, "an answer" if shadow is None else shadow, depth=1)
    for change in error.changes:
        if change.path == "$":
            continue  # the message, which was told
        how = f" ({change.kind})" if change.kind in ("added", "removed") else ""
        if _is_alone(change):
            how = " (only the primary raised it)" if change.kind == "removed" else " (only the shadow raised it)"
        page.place(f"{ERROR}{shown_path(change.path)}{how}")
        page.sides(*words_of_change(change))
    if error.change_count > len(error.changes):
        page.place(f"and {error.change_count - len(error.changes):,} more changes")
    for note in error.notes:
        page.place(f"note: {note}")


def _tell_body(page: Page, body: BodyDiff) -> None:
    page.title(_body_title(body))
    if body.excerpts is not None:
        page.place("$")
        page.sides(*map(repr, body.excerpts))
    elif not body.changes:
        page.place("$")
    as_text = body.forms == ("text", "text")
    for change in body.changes:
        how = f" ({change.kind})" if change.kind in ("added", "removed") else ""
        page.place(_place(change, body) + how)
        page.sides(*words_of_change(change, as_text=as_text))
    if body.change_count > len(body.changes):
        page.place(f"and {body.change_count - len(body.changes):,} more changes")
    for note in body.notes:
        page.place(f"note: {note}")


def _body_title(body: BodyDiff) -> str:
    if body.excerpts is not None:
        return f"body (bytes): {body.primary_len:,} -> {body.shadow_len:,}, from byte {body.prefix_equal_bytes:,} on"
    forms = body.forms[0] if body.forms[0] == body.forms[1] else " -> ".join(body.forms)
    return (
        f"body ({forms}): {counted(body.change_count, 'change')}" if body.change_count else f"body ({forms}): differs"
    )
