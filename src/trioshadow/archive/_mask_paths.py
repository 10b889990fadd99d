"""Masking by path: in the changes of a record, in whole bodies, and in the examples of a snapshot. Pure.

Where it can't be told what a text holds (a path that was cut, a list that was cut, a body that can't be decoded), it is
masked whole: rather too much than too little.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from trioshadow.compare import Change, Excerpt, IgnorePath, PathPlan, State, parse_path

from ._masks import ANOTHER, MASK

#: How bodies are read whose values are not at places that a path could name.
_FLAT = ("text", "bytes")

#: How `written()` begins what holds no other value, or is it. Anything else may be a container.
_SCALAR = re.compile(r'(?:null|true|false|NaN|-?Infinity|-?\d[\d.eE+-]*)$|…?(?:"|b["\'])')

#: The same of what quotes nothing.
_NUMBER = re.compile(r"(?:null|true|false|NaN|-?Infinity|-?\d[\d.eE+-]*)$")
_NUMBERS = (bool, int, float)


class PathMask:
    """What is at one of these paths, or below, is masked."""

    def __init__(self, paths: Iterable[str]) -> None:
        plan = PathPlan([IgnorePath(path) for path in paths])
        self._root = plan.root
        self._indexes = [None, *(key for key in plan.vocabulary if type(key) is int)]

    def change(self, change: Change, forms: Sequence[str]) -> Change:
        """A change of a body whose two sides were read in these forms."""
        primary, shadow = (
            MASK if form in _FLAT else self._at(change.path, value)
            for form, value in zip(forms, (change.primary, change.shadow), strict=True)
        )
        if change.kind == "added":
            primary = None
        elif change.kind == "removed":
            shadow = None
        elif primary == shadow == MASK:
            shadow = ANOTHER
        return attrs.evolve(change, primary=primary, shadow=shadow)

    def error_change(self, change: Change) -> Change:
        """A change in an exception: any text in it may quote any value, as messages do."""
        masked = self.change(change, ("value", "value"))
        primary, shadow = (
            side if side is None or type(side) in _NUMBERS else MASK for side in (masked.primary, masked.shadow)
        )
        return attrs.evolve(masked, primary=primary, shadow=ANOTHER if primary == shadow == MASK else shadow)

    def error_example(self, name: str, text: str) -> str:
        """The same in words, of the field of this name."""
        return self.example(name, text) if _NUMBER.match(text) else MASK

    def _at(self, path: str, value: Any) -> Any:
        keys = _keys(path)
        if keys is None:
            return MASK
        state = self._root
        for key in keys:
            if state is None or state.ignored:
                break
            state = state.child(key)
        return _masked(value, state)

    def body(self, body: Any) -> Any:
        """A whole body or value; text and bytes are read as JSON."""
        if not isinstance(body, str | bytes):
            try:
                return _masked(body, self._root)
            except RecursionError:
                return MASK
        if not body:
            return body
        try:
            text = json.dumps(_masked(json.loads(body), self._root), ensure_ascii=False)
        except (ValueError, RecursionError):  # it is something else, or was cut
            text = MASK
        return text if isinstance(body, str) else text.encode("utf-8", "surrogatepass")

    def example(self, name: str, text: str) -> str:
        """A value in words, of the field of this name: a path in which the numbers of elements are folded."""
        if not name.startswith(("$.", "$[")) or len(name) >= _LONG:
            return MASK  # `$` and `body` hold all others, and an error may quote any
        keys = _keys(name)
        if keys is None:
            return MASK
        states = {self._root} - {None}
        for key in keys:
            if any(state.ignored for state in states if state is not None):
                return MASK
            some = self._indexes if key is None else [key]
            states = {state.child(key) for state in states if state is not None for key in some} - {None}
        left = [state for state in states if state is not None]
        if any(state.ignored or _in_elements(state) for state in left) or (left and not _SCALAR.match(text)):
            return MASK
        return text


#: Names of fields are cut to 256 characters.
_LONG = 256


def _keys(path: str) -> list[str | int | None] | None:
    """The keys that a path leads through, None for `*`; and None for a path that can't be followed."""
    if "…" in path:
        return None
    try:
        segments = parse_path(path)
    except ValueError:  # a key that JSON has not, such as None
        return None
    found: list[str | int | None] = []
    for segment in segments:
        found += [*segment.names, *segment.indexes] or [None]  # one key, or a wildcard
    return found


_SCALARS = (type(None), bool, int, float, complex, str, bytes)


def _masked(value: Any, state: State | None) -> Any:
    if state is None:
        return value
    if state.ignored:
        return MASK
    if type(value) is dict and all(type(name) in (str, int) for name in value):
        return {name: _masked(member, state.child(name)) for name, member in value.items()}
    if type(value) is list:
        return [_masked(element, state.child(index)) for index, element in enumerate(value)]
    scalar = type(value) in _SCALARS or (type(value) is Excerpt and value.type_name in ("str", "bytes"))
    return value if scalar and not _in_elements(state) else MASK


def _in_elements(state: State) -> bool:
    # An element of a set has the path of the set.
    element = state.element()
    return element is not None and element.ignored
