"""What is kept of an exception: its type, its message, and copies of the members that are compared; of a group the same
of all that it holds.

An exception itself is never kept, since it keeps its frames, and with them the caller's answer, alive. Reading it is
other people's code, on the caller's time: what that raises becomes a note, and only what is compared is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from trioshadow._model.checks import several
from trioshadow._model.errors import MESSAGE_LIMIT, passing_error, type_name, whole_words
from trioshadow._model.kinds import is_a, mro_of

from ._cut import Cut
from ._known_errors import ABSENT, NAMES, Keys, Known, known_of, known_value, names_of
from ._paths import parse_path, shown_path, write_path
from ._plain_copies import Copying

#: Members of a group that are looked at, with those of the groups in it, ...
MEMBER_LIMIT = 1_000
#: ... and how deep. A group may hold one group twice, that one another twice, and so on.
DEPTH_LIMIT = 64

#: Classes whose members are known.
_CLASSES = 1_024


class Member(NamedTuple):
    """A member of an exception that is compared."""

    role: str
    """What it says, of a well-known one; empty for one that the configuration names."""
    keys: Keys
    value: Any


class Raised(NamedTuple):
    """An exception, as far as it is kept."""

    kind: type[BaseException]
    name: str
    """Of the type."""
    message: str
    size: int = -1
    """How many exceptions it groups; -1: it is no group."""
    members: tuple[Raised, ...] = ()
    """These."""
    fields: tuple[Member, ...] = ()
    notes: tuple[str, ...] = ()
    partial: bool = False
    """Is it a group whose members are not looked at, as they are too many or too deep?"""


#: Of each type which members of its exceptions are compared, as paths.
ErrorFields = tuple[tuple[type[BaseException], tuple[str, ...]], ...]


def checked_error_fields(fields: Any) -> ErrorFields:
    """A mapping, or pairs, from exception classes to paths such as `code` and `detail.reason`, as pairs."""
    pairs = fields.items() if isinstance(fields, Mapping) else fields
    checked: dict[type[BaseException], tuple[str, ...]] = {}
    for pair in several("error_fields", pairs, "paths by class, as in {ApiError: ['code', 'detail.reason']}"):
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError(f"error_fields takes paths by class, not {pair!r}")
        kind, paths = pair
        if not isinstance(kind, type) or not issubclass(kind, BaseException):
            raise TypeError(f"error_fields: {kind!r} is no exception class")
        listed = several("error_fields", paths, f"paths for {kind.__name__}, as in ['code', 'detail.reason']")
        checked[kind] = tuple(_checked_path(path) for path in listed)
    return tuple(sorted(checked.items(), key=lambda pair: (pair[0].__module__, pair[0].__qualname__)))


def _checked_path(path: Any) -> str:
    if not isinstance(path, str):
        raise TypeError(f"error_fields: a path must be a str such as 'code', not {path!r}")
    whole = path if path.startswith("$") else f"$.{path}"
    segments = parse_path(whole)
    single = all(len(one.names) + len(one.indexes) == 1 and not (one.wildcard or one.descendant) for one in segments)
    if not (segments and single):
        raise ValueError(f"error_fields: a path must lead to one member, as 'code' or 'args[0]' does, not {path!r}")
    return whole


class _Plan(NamedTuple):
    """How exceptions of a class are read."""

    cls: type[BaseException]
    paths: tuple[Keys, ...]
    """Of the configuration."""
    known: tuple[Known, ...]
    """What it may have, ..."""
    of_each: tuple[Known, ...]
    """... and of that what is there by the class, ..."""
    always: bool
    """... so that there is something to be read of each, and not only of one that has such an attribute."""


class ErrorReader:
    """Reads exceptions as a configuration says."""

    def __init__(self, fields: ErrorFields) -> None:
        self._fields = fields
        self._plans: dict[int, _Plan] = {}  # not by class: what a metaclass says of its hash is others' code

    def read(self, exc: BaseException) -> Raised:
        """All that is kept of an exception. Raises nothing but what `passing_error` names."""
        if is_a(exc, BaseExceptionGroup):
            return self._group(exc)
        cls = type(exc)
        plan = self._plans.get(id(cls))
        if plan is None or plan.cls is not cls:
            plan = self._plan(cls)
        name, message = _described(exc)
        if plan.always or (plan.known and not _lacks_all(exc)):
            return Raised(plan.cls, name, message, -1, (), *_fields_of(exc, plan))
        # As Raised(plan.cls, name, message), at half the price.
        return tuple.__new__(Raised, (plan.cls, name, message, *_NO_MORE))

    def alone(self, exc: BaseException) -> Raised:
        """The same, without what a group holds."""
        return self._with_members(exc, range(0), [])

    def _plan(self, cls: type[BaseException]) -> _Plan:
        mro = mro_of(cls)
        of_it = [paths for kind, paths in self._fields if any(base is kind for base in mro)]
        known = known_of(cls) if all(of_it) else ()
        named = {tuple(_keys_of(path)): None for paths in of_it for path in paths}
        # What is below another is a part of it.
        paths = tuple(keys for keys in named if not any(keys[:size] in named for size in range(1, len(keys))))
        names = names_of(cls) if known else frozenset[str]()
        of_each = tuple(one for one in known if one.base or one.source[0] in names)
        plan = _Plan(cls, paths, known, of_each, always=bool(paths or of_each))
        if len(self._plans) >= _CLASSES:
            self._plans.clear()
        self._plans[id(cls)] = plan
        return plan

    def _group(self, exc: BaseExceptionGroup[Any]) -> Raised:
        # Breadth first, without recursion: each member comes after its group.
        found: list[BaseException] = [exc]
        places: list[range] = []
        depth, level_ends = 0, 1
        for number, one in enumerate(found):
            if number == level_ends:
                depth, level_ends = depth + 1, len(found)
            members = exceptions_of(one) if is_a(one, BaseExceptionGroup) else ()
            if depth >= DEPTH_LIMIT or len(found) + len(members) > MEMBER_LIMIT + 1:
                members = ()
            places.append(range(len(found), len(found) + len(members)))
            found.extend(members)
        made: list[Raised] = [_NOTHING] * len(found)
        for number in range(len(found) - 1, -1, -1):
            made[number] = self._with_members(found[number], places[number], made)
        return made[0]

    def _with_members(self, exc: BaseException, places: range, made: list[Raised]) -> Raised:
        if not is_a(exc, BaseExceptionGroup):
            return self.read(exc)
        cls = type(exc)
        known = self._plans.get(id(cls))
        fields = _fields_of(exc, known if known is not None and known.cls is cls else self._plan(cls))
        size = len(exceptions_of(exc))
        members = tuple(made[place] for place in places)
        return Raised(cls, *_described(exc), size, members, *fields, len(members) < size)


_NOTHING = Raised(BaseException, "", "")
_NO_MORE = _NOTHING[3:]


def _described(exc: BaseException) -> tuple[str, str]:
    """Its name and message. Of one that is cut the length and a hash are told: two that differ anywhere still do."""
    name, message = whole_words(exc)
    if len(message) <= MESSAGE_LIMIT:
        return name, message
    digest = hashlib.blake2b(message.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    end = f"… ({len(message):,} characters, {digest})"
    return name, message[: MESSAGE_LIMIT - len(end)] + end


def _keys_of(path: str) -> Iterable[object]:
    for segment in parse_path(path):
        yield from (*segment.names, *segment.indexes)


def _lacks_all(exc: BaseException) -> bool:
    try:
        return NAMES.isdisjoint(_dict_of(exc))
    except BaseException as broken:  # a key that is no str, and has a hash of its own
        if passing_error(broken) is not None:
            raise
        return True


def _fields_of(exc: BaseException, plan: _Plan) -> tuple[tuple[Member, ...], tuple[str, ...]]:
    fields: dict[Keys, Member] = {}
    notes: list[str] = []
    roles: set[str] = set()
    for one in plan.of_each if _lacks_all(exc) else plan.known:
        if one.role not in roles and one.keys not in fields and not _overlaps(one.keys, plan.paths):
            value = _contained(known_value, exc, one, one.keys, notes)
            if value is not ABSENT:
                fields[one.keys] = Member(one.role, one.keys, value)
                roles.add(one.role)
    for keys in plan.paths:
        value = ABSENT if keys in fields else _contained(_copied, exc, keys, keys, notes)
        if value is not ABSENT:
            copy, copying = value
            fields[keys] = Member("", keys, copy)
            if copying.partial:
                notes.append(f"of {_shown(keys)} only a part is compared")
            if copying.unkept:
                notes.append(f"in {_shown(keys)} only the types are kept of {', '.join(copying.unkept)} objects")
    return tuple(fields.values()), tuple(notes)


def _overlaps(keys: Keys, paths: tuple[Keys, ...]) -> bool:
    """Is one of the paths a part of this one, or the other way round?"""
    return any(one != keys and (keys[: len(one)] == one or one[: len(keys)] == keys) for one in paths)


def _contained(
    read: Callable[[BaseException, Any], Any], exc: BaseException, what: Any, keys: Keys, notes: list[str]
) -> Any:
    try:
        return read(exc, what)
    except BaseException as broken:
        if passing_error(broken) is not None:
            raise
        notes.append(f"reading {_shown(keys)} raised {type_name(type(broken))}")
        return ABSENT


def _copied(exc: BaseException, keys: Keys) -> Any:
    value: Any = exc
    for key in keys:
        value = _member_of(value, key)
        if value is ABSENT:
            return ABSENT
        if type(value) is Cut:
            break
    copying = Copying()
    copy = copying.of(value)
    return copy, copying


def _member_of(value: Any, key: Any) -> Any:
    """An item of a mapping or sequence, an attribute of anything else."""
    if type(key) is int or issubclass(type(value), Mapping):
        try:
            return value[key]
        except (LookupError, TypeError):
            return ABSENT
    return getattr(value, key, ABSENT)


def _shown(keys: Keys) -> str:
    return shown_path(write_path(keys))


# Past what a class may define itself, and raise in: see `_model/errors.py`.
_dict_of: Callable[[BaseException], dict[str, Any]] = BaseException.__dict__["__dict__"].__get__
#: What a group holds.
exceptions_of: Callable[[BaseException], tuple[BaseException, ...]] = BaseExceptionGroup.__dict__["exceptions"].__get__
