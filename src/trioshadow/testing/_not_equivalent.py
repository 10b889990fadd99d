"""NotEquivalentError, and how its message is put together: bounded, and safe to be shown by a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trioshadow._model.errors import ShadowError, type_name
from trioshadow._model.verdict import FailureKind, ShadowFailure
from trioshadow._settings.records import DivergenceRecord
from trioshadow.compare import visible

#: Characters of a line, ...
_WIDTH = 600
#: ... and lines, of one explanation: a record may keep a hundred changes.
_LINES = 40


class NotEquivalentError(ShadowError, AssertionError):
    """The shadow did not do what the primary did: an answer differs, or there is none.

    The migration's fault, or the comparison's: where a difference is meant, say so with a rule (`ShadowConfig.ignore`).
    """

    records: tuple[DivergenceRecord, ...]
    """What was recorded of the calls, in order: the first 1,000."""
    count: int
    """How many there were."""

    def __init__(self, message: str, *, records: Iterable[DivergenceRecord] = (), count: int | None = None) -> None:
        super().__init__(message)
        self.records = tuple(records)
        self.count = len(self.records) if count is None else count


def message_of(title: str, differences: Sequence[str], count: int) -> str:
    """All of it: `differences` are those that are shown, of `count`."""
    parts = [title, *differences]
    if count > len(differences):
        parts.append(f"and {count - len(differences):,} more")
    return "\n\n".join(parts)


def difference(heading: str, record: DivergenceRecord) -> str:
    """One of them: which call, and what is different."""
    lines = _explanation(record).split("\n")
    if len(lines) > _LINES:
        lines[_LINES:] = [f"  and {len(lines) - _LINES:,} more lines"]
    return "\n".join([heading, *lines])


def heading_of(record: DivergenceRecord) -> str:
    """Which call it was, where only the record tells."""
    return f"call of {visible(record.operation) or '(no operation named)'}, key {record.key_text or '(none)'}"


def _explanation(record: DivergenceRecord) -> str:
    if record.failure is not None:
        return visible(_failure(record.failure))
    assert record.divergence is not None
    try:
        return record.divergence.explain(width=_WIDTH)
    except Exception as exc:  # one that the user's own `compare` has made, of anything
        return f"they differ, and the explanation of it raises {type_name(type(exc))}"


def _failure(failure: ShadowFailure) -> str:
    match failure.kind:
        case FailureKind.RAISED:
            return f"the shadow raised {failure.type_name}: {failure.message}"
        case FailureKind.TIMED_OUT:
            return f"the shadow timed out: {failure.message}"
        case FailureKind.TOO_LARGE:
            return f"the shadow's answer is too large: {failure.message}"
        case _:
            return f"the two can't be compared: {failure.type_name}: {failure.message}"
