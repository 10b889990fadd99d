"""Which fields a judged call differs in: the names under which differences are counted. Pure text.

A field is `status`, `header etag`, a path of the body with the numbers of elements folded (`$.items[*].price`), `body`
(of text and of what could not be decoded), `error` (exceptions), or one of the ways in which a shadow gives nothing to
compare: `failed`, `timed out`, `too large`, `not compared`. `more changes`: beyond `ShadowConfig.max_changes`, where
paths are not known.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from trioshadow._model.verdict import FailureKind, ShadowFailure
from trioshadow.compare import BodyDiff, Change, Divergence, written

#: What is shown of both sides; None where there is nothing.
Words: TypeAlias = tuple[str | None, str | None]

#: What that can be made of, by `words_of()`. Only some examples are kept, and most need not be put into words.
Told: TypeAlias = Words | tuple[bytes, bytes] | Change

_FAILURES = {
    FailureKind.RAISED: "failed",
    FailureKind.TIMED_OUT: "timed out",
    FailureKind.TOO_LARGE: "too large",
    FailureKind.COMPARE_RAISED: "not compared",
}

#: Fields of which a side that gave nothing to compare says something all the same.
FAILURES = frozenset(_FAILURES.values())

_STEP = re.compile(r"\['((?:[^'\\]|\\.)*)'\]|\[\d+\]")
_SIMPLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

#: A name keeps this many characters: paths may be long, and names are kept for long.
_CHARACTERS = 256


def folded_path(path: str) -> str:
    """A path without the numbers of elements, as rules take it.

    >>> folded_path("$['items'][0]['unit price']")
    "$.items[*]['unit price']"
    """
    return _STEP.sub(_shortened, path)


def _shortened(step: re.Match[str]) -> str:
    if step[1] is None:
        return "[*]"
    return f".{step[1]}" if _SIMPLE.fullmatch(step[1]) else step[0]


def fields_of(divergence: Divergence | None, failure: ShadowFailure | None) -> dict[str, Told]:
    """The fields, in order, each with what `words_of()` makes an example of; none for a call that matched.

    >>> fields_of(Divergence(status=(200, 500)), None)
    {'status': ('200', '500')}
    """
    fields: dict[str, Told] = {}
    if failure is not None:
        fields[_FAILURES[failure.kind]] = None, f"{failure.type_name}: {failure.message}"
    if divergence is None:
        return fields
    if divergence.status is not None:
        primary, shadow = divergence.status
        fields["status"] = str(primary), str(shadow)
    if (headers := divergence.headers) is not None:
        values = {change.name: (", ".join(change.primary), ", ".join(change.shadow)) for change in headers.changes}
        for name in (*headers.added, *headers.removed, *headers.changed):
            fields[f"header {name}"[:_CHARACTERS]] = values.get(name, (None, None))
    if (body := divergence.body) is not None:
        _add_body(fields, body)
    if (error := divergence.error) is not None:
        shadow_error = None if error.shadow is None else f"{error.shadow}: {error.shadow_message}"
        fields["error"] = f"{error.primary}: {error.primary_message}", shadow_error
    return fields


def _add_body(fields: dict[str, Told], body: BodyDiff) -> None:
    if body.excerpts is not None:
        fields["body"] = body.excerpts
    elif not body.changes:
        fields["body"] = None, None
    elif body.forms == ("text", "text"):
        fields["body"] = body.changes[0]
    else:
        for change in body.changes:
            fields.setdefault(folded_path(change.path)[:_CHARACTERS], change)
        if body.change_count > len(body.changes):
            fields["more changes"] = None, f"{body.change_count - len(body.changes):,} more"


def words_of(example: Told) -> Words:
    """Both sides of an example as text."""
    if isinstance(example, tuple):
        primary, shadow = (written(side) if isinstance(side, bytes) else side for side in example)
        return primary, shadow
    return (
        None if example.kind == "added" else written(example.primary),
        None if example.kind == "removed" else written(example.shadow),
    )
