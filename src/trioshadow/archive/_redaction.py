"""Redaction: what of a record and of a snapshot never reaches the disk. Pure; it writes nothing.

What it can't do: find a secret in a place that nobody named. Names of members, of headers and of operations stay as
they are, and so do values at paths that no pattern names; `function` is for these.
"""

from __future__ import annotations

import fnmatch
import hashlib
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

import attrs

from trioshadow._model.checks import is_function, is_text, out_of_range, several
from trioshadow._model.keys import key_as_text, key_of_text, map_key
from trioshadow._settings.records import Captured, DivergenceRecord
from trioshadow.compare import (
    ERROR,
    SENSITIVE,
    BodyDiff,
    Change,
    Divergence,
    ErrorDiff,
    Excerpt,
    HeaderChange,
    HeaderDiff,
    IgnoreHeader,
    IgnorePath,
    masked,
)

from ._mask_paths import PathMask
from ._masks import ANOTHER, MASK, mask_secrets


def _header_names(names: Any) -> tuple[str, ...]:
    return tuple(IgnoreHeader(name).name for name in several("headers", names, "names, as in ['x-user-*']"))


def _paths(paths: Any) -> tuple[str, ...]:
    return tuple(IgnorePath(path).path for path in several("paths", paths, "paths, as in ['$.user.email']"))


def _is_keys(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    is_text(None, attribute, value)
    if value not in ("keep", "hash"):
        raise out_of_range(attribute.name, value, "'keep' or 'hash'")


@attrs.frozen
class Redaction:
    """What is masked (`***`) before anything is written.

    Always masked, whatever is said here: the values of Authorization, Cookie, Set-Cookie and their like, the user part
    of URLs, parameters of URLs whose names look like secrets (`token`, `key`, `password`, `signature`, `code`...), and
    in any text what is behind the name of a scheme, as in `Bearer eyJh...`.
    """

    headers: tuple[str, ...] = attrs.field(default=(), converter=_header_names)
    """Names of headers whose values are masked, in any case, with wildcards as in `IgnoreHeader`."""
    paths: tuple[str, ...] = attrs.field(default=(), converter=_paths, kw_only=True)
    """Patterns as the rules take them: `$.user.email`, `$..iban`. What is there, and below, is masked; where it can't
    be told what a text holds (bytes, plain text, bodies that were cut), all of it is; and so are the messages of
    exceptions, since they may quote any value."""
    keys: Literal["keep", "hash"] = attrs.field(default="keep", validator=_is_keys, kw_only=True)
    """`hash`: in place of a sampling key, and of each value of a context, the first 32 hexadecimal digits of its
    SHA-256. Who can guess one can check the guess. `keep`: as they are, but for what looks like a secret by the name of
    a context's value."""
    function: Callable[[DivergenceRecord], DivergenceRecord | None] | None = attrs.field(
        default=None, validator=is_function.or_none, kw_only=True
    )
    """The last word on each record, after all the above: from a record to what is written of it; None: nothing. A
    record for which it raises is not written, and counted as dropped. It runs in a worker thread, and does not see
    snapshots."""

    _is_masked_header: Callable[[str], object] = attrs.field(init=False, eq=False, repr=False)
    _mask: PathMask | None = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        names = re.compile("|".join(map(fnmatch.translate, self.headers)) or r"(?!)")
        object.__setattr__(self, "_is_masked_header", names.match)
        object.__setattr__(self, "_mask", PathMask(self.paths) if self.paths else None)

    # ── records ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def apply(self, record: DivergenceRecord) -> DivergenceRecord | None:
        """What may be written of a record; None: nothing. Raises what `function` raises."""
        failure, divergence, captured = record.failure, record.divergence, record.captured
        record = attrs.evolve(
            record,
            key=self._key(record.key),
            operation=mask_secrets(record.operation),
            failure=failure and attrs.evolve(failure, message=self._message(failure.message)),
            divergence=divergence and self._divergence(divergence),
            context=tuple((name, self._context_value(name, value)) for name, value in record.context),
            captured=captured and Captured(*map(self._captured, attrs.astuple(captured, recurse=False))),
        )
        if self.function is None:
            return record
        last = self.function(record)
        if last is not None and not isinstance(last, DivergenceRecord):
            raise TypeError(f"function must return a DivergenceRecord or None, not {type(last).__name__}")
        return last

    def _key(self, key: bytes) -> bytes:
        if self.keys == "hash":
            return key and _hashed(key)
        parts: list[str] = []

        def mask(part: bytes) -> bytes:
            parts.append(mask_secrets(part.decode("latin-1")))
            return parts[-1].encode("latin-1")

        masked = map_key(key, mask)
        together = " ".join(parts)  # two items may make a secret
        whole = mask_secrets(together)
        return masked if whole == together else whole.encode("latin-1")

    def _context_value(self, name: str, value: str) -> str:
        if self.keys == "hash":
            return _hashed(value.encode(errors="surrogatepass")).decode()
        parameter = f"?{name}=1"
        return mask_secrets(value) if mask_secrets(parameter) == parameter else MASK

    def _message(self, message: str) -> str:
        return mask_secrets(message) if self._mask is None else message and MASK

    def _divergence(self, divergence: Divergence) -> Divergence:
        status, headers, body, error = divergence.status, divergence.headers, divergence.body, divergence.error
        return Divergence(
            status, headers and self._headers(headers), body and self._body(body), error and self._error(error)
        )

    def _error(self, error: ErrorDiff) -> ErrorDiff:
        return attrs.evolve(
            error,
            primary_message=self._message(error.primary_message),
            shadow_message=self._message(error.shadow_message),
            changes=tuple(map(self._error_change, error.changes)),
            notes=tuple(map(self._message, error.notes)),
        )

    def _error_change(self, change: Change) -> Change:
        # Texts in an exception are messages, or parts of such.
        if self._mask is None:
            return attrs.evolve(change, primary=_masked_text(change.primary), shadow=_masked_text(change.shadow))
        return self._mask.error_change(change)

    def _headers(self, diff: HeaderDiff) -> HeaderDiff:
        changes = tuple(map(self._header, diff.changes))
        return diff if all(map(operator.is_, changes, diff.changes)) else attrs.evolve(diff, changes=changes)

    def _header(self, change: HeaderChange) -> HeaderChange:
        name, primary, shadow = change.name.strip(), list(change.primary), list(change.shadow)
        # Comparing has masked those of SENSITIVE; not so a function of the user's that compares.
        hidden = name in SENSITIVE and not all(value.startswith(MASK) for value in primary + shadow)
        if hidden or self._is_masked_header(name):
            return attrs.evolve(change, primary=masked(primary, primary), shadow=masked(shadow, primary))
        ours, theirs = tuple(map(mask_secrets, primary)), tuple(map(mask_secrets, shadow))
        if ours == change.primary and theirs == change.shadow:
            return change  # as most: a copy takes longer than all of the above
        return attrs.evolve(change, primary=ours, shadow=theirs)

    def _body(self, body: BodyDiff) -> BodyDiff:
        notes = tuple(map(self._message, body.notes))
        if self._mask is None:
            return attrs.evolve(body, notes=notes) if notes else body
        changes = tuple(self._mask.change(change, body.forms) for change in body.changes)
        excerpts = body.excerpts and (MASK.encode(), ANOTHER.encode())
        return attrs.evolve(body, notes=notes, changes=changes, excerpts=excerpts)

    def _captured(self, value: Any) -> Any:
        if not isinstance(value, dict) or not any(value.keys() >= shape for shape in _HTTP):
            value = self._whole(value)
            return mask_secrets(value) if isinstance(value, str) else value
        told = {name: mask_secrets(part) if isinstance(part, str) else part for name, part in value.items()}
        pairs = [(str(name), self._header_value(str(name), text)) for name, text in value["headers"]]
        return {**told, "headers": pairs, "body": self._whole(value["body"])}

    def _whole(self, body: Any) -> Any:
        return body if self._mask is None else self._mask.body(body)

    def _header_value(self, name: str, value: object) -> str:
        name = name.strip().lower()
        return MASK if name in SENSITIVE or self._is_masked_header(name) else mask_secrets(str(value))

    # ── snapshots ────────────────────────────────────────────────────────────────────────────────────────────────────

    def apply_to_snapshot(self, snapshot: Mapping[str, Any]) -> dict[str, Any]:
        """A snapshot of evidence with the examples of its fields masked. It is not changed itself."""
        told: dict[str, Any] = {}
        for name, operation in snapshot.get("operations", {}).items():
            shown = mask_secrets(name)
            while shown in told:  # two that differ in a secret alone: no count may be lost
                shown += "'"
            told[shown] = self._operation(operation)
        return {**snapshot, "operations": told} if told else dict(snapshot)

    def _operation(self, operation: Mapping[str, Any]) -> dict[str, Any]:
        fields = {name: self._field(name, field) for name, field in operation.get("fields", {}).items()}
        # Of `other_fields`, where several were put together, nobody knows any more what they were.
        others = {name: self._field("", part) for name, part in operation.items() if _has_examples(part)}
        return {**operation, **others, **({"fields": fields} if "fields" in operation else {})}

    def _field(self, name: str, field: Mapping[str, Any]) -> dict[str, Any]:
        if not _has_examples(field):
            return dict(field)
        return {**field, "examples": [self._example(name, example) for example in field["examples"]]}

    def _example(self, name: str, example: Mapping[str, Any]) -> dict[str, Any]:
        key = key_as_text(self._key(key_of_text(str(example["key"]))))
        primary, shadow = (
            None if example[side] is None else self._words(name, str(example[side])) for side in ("primary", "shadow")
        )
        return {**example, "key": key, "primary": primary, "shadow": ANOTHER if primary == shadow == MASK else shadow}

    def _words(self, name: str, text: str) -> str:
        if name == "status":
            return text
        if name.startswith("header "):
            return text if text.startswith(MASK) else self._header_value(name.removeprefix("header "), text)
        if name.startswith(ERROR):
            name = name.removeprefix(ERROR)
            return mask_secrets(text) if self._mask is None else self._mask.error_example(name, text)
        if not name and self.headers:
            return MASK
        return mask_secrets(text) if self._mask is None else self._mask.example(name, text)


def _hashed(part: bytes) -> bytes:
    return hashlib.sha256(part).hexdigest()[:32].encode()


def _masked_text(value: Any) -> Any:
    if type(value) is Excerpt:
        return attrs.evolve(value, text=mask_secrets(value.text))
    return mask_secrets(value) if type(value) is str else value


#: What an HTTP request and an answer are captured as.
_HTTP = ({"method", "url", "headers", "body"}, {"status", "headers", "body"})


def _has_examples(part: object) -> bool:
    return isinstance(part, dict) and "examples" in part
