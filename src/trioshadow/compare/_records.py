"""The members of two values of which one at least may be a record, side by side: see `_declared.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from ._children import MISSING, ByName, Child, children_of_objects
from ._declared import Declaration, declaration_of, declares_nothing
from ._paths import Key
from ._plan import State
from ._shapes import is_record, members, plain

#: Are two values the same at a place with this state?
Same: TypeAlias = Callable[[Any, Any, State | None], bool]
#: Is told what the function of a field has raised, and of which.
Failed: TypeAlias = Callable[[BaseException, Key, str], None]


def named_member(value: Any, name: str) -> tuple[Any, ...]:
    """The member of a value of shape OBJECT that has this name, as an attribute or as it is written; empty for none."""
    found = members(value)
    if name not in found:
        value = plain(value)
        cls: Any = type(value)
        declared = declaration_of(cls)
        found = {} if declared is None else declared.by_itself(value)
    return (found[name],) if name in found else ()


def children_of_named(
    pair: tuple[Any, Any], same: Same, failed: Failed, state: State | None, by_name: ByName
) -> Iterator[Child]:
    """The children of two values of shape OBJECT, at a place with this state."""
    ours, theirs = pair
    cls: Any = type(ours)
    if declares_nothing(cls) and cls is type(theirs):  # nearly all
        return children_of_objects(members(ours), members(theirs), state, by_name)
    ours, theirs = plain(ours), plain(theirs)
    our_kind: Any = type(ours)
    their_kind: Any = type(theirs)
    one, other = declaration_of(our_kind), declaration_of(their_kind)
    primary, shadow = members(ours), members(theirs)
    if one is None and other is None:
        return children_of_objects(primary, shadow, state, by_name)
    if one is not None and not is_record(their_kind):
        primary = one.as_written(ours, shadow)
    elif other is not None and not is_record(our_kind):
        shadow = other.as_written(theirs, primary)
    declared = {id(each): each for each in (one, other) if each is not None}  # once, if both are of one class
    children = children_of_objects(primary, shadow, state, by_name)
    return _unlike(children, list(declared.values()), same, failed)


def _unlike(children: Iterator[Child], declared: list[Declaration], same: Same, failed: Failed) -> Iterator[Child]:
    """Without those that are not compared, or have the same key."""
    for child in children:
        name, value, other = child
        if any(name in each.uncompared for each in declared):
            continue
        functions = [] if value is MISSING or other is MISSING else [each.keys.get(name) for each in declared]
        if not any(_same_in_key(key, child, same, failed) for key in functions if key is not None):
            yield child


def _same_in_key(key: Callable[[Any], object], child: Child, same: Same, failed: Failed) -> bool:
    name, value, other = child
    try:
        ours, theirs = key(value), key(other)
    except BaseException as exc:
        failed(exc, name, "eq=")
        return False
    return same(ours, theirs, None)
