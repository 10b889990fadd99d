"""Which fields a judged call differs in: the names under which differences are counted. Pure text.

A field is `status`, `header etag`, a path of the body with the numbers of elements folded (`$.items[*].price`), `$`
(the body as a whole: a text, a value without parts, what could not be decoded), `error` (exceptions of two types, or
with other messages), `error $.errno` (a member of two of one type), or one of the ways in which a shadow gives nothing
to compare: `failed`, `timed out`, `too large`, `not compared`. `more changes`:
beyond `ShadowConfig.max_changes`, where paths are not known. `explain()`, reports and rules name a place alike; they
tell the numbers of elements too.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from trioshadow._model.verdict import FailureKind, ShadowFailure
from trioshadow.compare import (
    ERROR,
    BodyDiff,
    Change,
    Divergence,
    ErrorDiff,
    HeaderChange,
    both_around,
    parse_path,
    shown_path,
    without_middle,
    words_of_change,
    words_of_error,
    words_of_header,
    write_path,
    written,
)

#: What is shown of both sides; None where there is nothing.
Words: TypeAlias = tuple[str | None, str | None]

#: What that can be made of, by `words_of()`. Only some examples are kept, and most need not be put into words.
Told: TypeAlias = Words | tuple[bytes, bytes] | Change | HeaderChange | ErrorDiff

#: The body as a whole. `body` is another word for it, which `field_name()` takes.
WHOLE = "$"
#: Before the name of a header.
HEADER = "header "
#: How the name of a member of exceptions begins.
ERROR_PATH = f"{ERROR}{WHOLE}"

_FAILURES = {
    FailureKind.RAISED: "failed",
    FailureKind.TIMED_OUT: "timed out",
    FailureKind.TOO_LARGE: "too large",
    FailureKind.COMPARE_RAISED: "not compared",
}

#: Fields of which a side that gave nothing to compare says something all the same.
FAILURES = frozenset(_FAILURES.values())

#: Of one answer, the changes that there was no room for; and of an operation, the fields.
MORE_CHANGES = "more changes"
OTHER_FIELDS = "(other fields)"


def failure_field(kind: FailureKind) -> str:
    """The field of a shadow that gave nothing to compare."""
    return _FAILURES[kind]


_INDEX = re.compile(r"('(?:[^'\\]|\\.)*')|\[\d+\]")

#: A name keeps this many characters: paths may be long, and names are kept for long.
_CHARACTERS = 256


def folded_path(path: str) -> str:
    """A path without the numbers of elements, as rules take it.

    >>> folded_path("$['items'][0]['unit price']")
    "$.items[*]['unit price']"
    """
    return _INDEX.sub(lambda step: step[1] or "[*]", shown_path(path))


def field_name(name: str) -> str:
    """The field that somebody means: the path of a single place is one of its field, however it is written; `body` is
    the body as a whole; and headers have no case.

    >>> field_name("$['items'][0].price"), field_name("body"), field_name("header ETag")
    ('$.items[*].price', '$', 'header etag')
    """
    if name.startswith(ERROR_PATH):
        return ERROR + field_name(name.removeprefix(ERROR))
    if name.startswith(HEADER):
        return name.lower()
    if not name.startswith("$"):
        return WHOLE if name == "body" else name
    try:
        segments = parse_path(name)
    except ValueError:  # a key that JSON has not, or the name was cut
        return folded_path(name)
    if any(one.descendant or len(one.names) + len(one.indexes) + one.wildcard != 1 for one in segments):
        return name  # a pattern for many fields is the name of none
    return folded_path(write_path([next(iter(one.names), 0) for one in segments]))


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
        fields["status"] = written(primary), written(shadow)
    if (headers := divergence.headers) is not None:
        changes = {change.name: change for change in headers.changes}
        for name in (*headers.added, *headers.removed, *headers.changed):
            fields[f"{HEADER}{name}"[:_CHARACTERS]] = changes.get(name, (None, None))
    if (body := divergence.body) is not None:
        _add_body(fields, body)
    if (error := divergence.error) is not None:
        if not error.changes or any(change.path == WHOLE for change in error.changes):
            fields["error"] = error
        for change in error.changes:
            if change.path != WHOLE:
                fields.setdefault(without_middle(f"{ERROR}{folded_path(change.path)}", _CHARACTERS), change)
        _add_more(fields, error)
    return fields


def _add_body(fields: dict[str, Told], body: BodyDiff) -> None:
    if body.excerpts is not None:
        fields[WHOLE] = body.excerpts
    elif not body.changes:
        fields[WHOLE] = None, None
    elif body.forms == ("text", "text"):  # lines come and go, and their numbers mean nothing
        fields[WHOLE] = body.changes[0]
    else:
        for change in body.changes:
            fields.setdefault(without_middle(folded_path(change.path), _CHARACTERS), change)
        _add_more(fields, body)


def _add_more(fields: dict[str, Told], diff: BodyDiff | ErrorDiff) -> None:
    if diff.change_count > len(diff.changes):
        fields[MORE_CHANGES] = None, f"{diff.change_count - len(diff.changes):,} more"


#: Characters that are kept of either side of an example.
SIDE_LIMIT = 300


def words_of(example: Told) -> Words:
    """Both sides of an example as text, in which a reader sees that they differ."""
    match example:
        case Change():
            primary, shadow = words_of_change(example)
        case HeaderChange():
            primary, shadow = words_of_header(example)
        case ErrorDiff():
            primary, shadow = words_of_error(example)
        case _:
            primary, shadow = (written(side) if isinstance(side, bytes) else side for side in example)
    if primary is None or shadow is None or max(len(primary), len(shadow)) <= SIDE_LIMIT:
        return primary, shadow
    if isinstance(example, Change):
        return both_around(primary, shadow, SIDE_LIMIT)
    # From their beginnings: what tells a secret, to those who mask it, is what stands before it.
    primary, shadow = (side if len(side) <= SIDE_LIMIT else side[: SIDE_LIMIT - 20] + "…" for side in (primary, shadow))
    return primary, f"{shadow} (another)" if primary == shadow else shadow
