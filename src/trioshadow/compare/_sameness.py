"""Quick looks for 'the same', which most of what is compared is. False from them means: look closer.

`==` is quick, but it takes True for 1 and calls the `__eq__` of whatever it meets. So both sides are serialised, in C,
and the bytes compared: they tell types apart, and where they are equal, so are the values.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import marshal
import pickle
import uuid
from typing import Any

from trioshadow._model.bounded_file import BoundedFile

#: How many bytes of two values are serialised: without a memo, a value that holds one object many times is very many.
_LIMIT = 8 * 1024 * 1024

#: Of these classes, and no subclass, it is known how they are pickled.
_LEAVES: frozenset[type] = frozenset(
    (
        *(datetime.datetime, datetime.date, datetime.time, datetime.timedelta, datetime.timezone),
        *(decimal.Decimal, fractions.Fraction, uuid.UUID),
    )
)


class _Unknown(Exception):
    """Something that can't be compared this way."""


class _Pickler(pickle.Pickler):
    """Of builtins only: no class's own way to be pickled is asked."""

    def reducer_override(self, obj: Any, /) -> Any:
        if type(obj) in _LEAVES or (type(obj) is type and obj in _LEAVES):
            return NotImplemented
        raise _Unknown


def _pickled(value: object) -> list[bytes]:
    file = BoundedFile(_LIMIT)
    pickler = _Pickler(file, 5)
    pickler.fast = True  # no memo: whether one object is there twice, or two that are equal, makes no difference
    pickler.dump(value)
    return file.parts


def same_values(a: object, b: object) -> bool | None:
    """Are two values of builtin containers and scalars the same, types and order of names included? None: they may be,
    and are nothing but builtins, of bounded size, so that each of their parts may be looked at by itself.
    """
    if type(a) is not type(b) or type(a) not in (dict, list, tuple):
        return False
    try:
        return same_flat(a, b) or _pickled(a) == _pickled(b) or None
    except Exception:  # too deep, too large, in a circle, not of builtins
        return False


#: Names of exactly these types are the same if they are one to a dict, and only then. Of others it takes (True,) for
#: (1,), finds no NaN, and knows nothing of two packages' enums.
NAMES = frozenset((str, int, bytes, type(None), uuid.UUID, datetime.date))

#: If two values are of the same of these types, `==` says that they are the same. (Not whether: NaN.)
SCALARS = frozenset((str, int, float, bool, type(None)))


def same_flat(a: Any, b: Any) -> bool:
    """Do two exact dicts, lists or tuples hold nothing but scalars, in the same order, and the same ones?

    It costs a fifth of a frame in the walk, and of most documents half the containers are such.
    """
    if type(a) is dict:
        if not (NAMES.issuperset(map(type, a)) and NAMES.issuperset(map(type, b)) and list(a) == list(b)):
            return False
        ours, theirs = a.values(), b.values()
    else:
        ours, theirs = a, b
    return (
        SCALARS.issuperset(map(type, ours))  # first, since it ends at the first container
        and list(map(type, ours)) == list(map(type, theirs))
        and bool(a == b)
    )


class SameTrees:
    """The same of two decoded documents' parts, again and again, at most `budget` bytes of them in all."""

    def __init__(self, budget: int) -> None:
        self._budget = budget

    def __call__(self, a: Any, b: Any) -> bool:
        if self._budget <= 0:
            return same_flat(a, b)
        try:
            if a != b:  # it ends at the first difference, but takes True for 1
                return False
            ours = marshal.dumps(a, 2)  # version 2 knows no references: equal values give equal bytes
            theirs = marshal.dumps(b, 2)
        except (ValueError, RecursionError):  # too deep, or a value that marshal does not know
            self._budget = 0
            return same_flat(a, b)
        self._budget -= len(ours) + len(theirs)
        return ours == theirs or _same_kinds(a, b)


_TREES = frozenset((dict, list))
_IN_TREES = SCALARS | _TREES


def _same_kinds(a: Any, b: Any) -> bool:
    """Of two dicts or lists that are equal to `==`: are their parts of the same types? Names may be in any order."""
    stack = [(a, b)]
    while stack:
        one, other = stack.pop()
        if type(one) is dict:
            if any(type(name) is not str for name in one):  # to a dict True is 1
                return False
            ours, theirs = list(one.values()), [other[name] for name in one]
        else:
            ours, theirs = one, other
        kinds = list(map(type, ours))
        if kinds != list(map(type, theirs)) or not _IN_TREES.issuperset(kinds):
            return False
        if not _TREES.isdisjoint(kinds):
            stack.extend(pair for pair in zip(ours, theirs, strict=True) if type(pair[0]) in _TREES)
    return True
