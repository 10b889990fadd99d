"""The library's own errors, and how any exception is described without keeping it.

Nothing here raises on the request path. Exceptions are turned into names and messages, because an exception that is
kept keeps its frames, and with them the caller's answer, alive. (`compare/_raised.py` keeps their members.)
"""

from __future__ import annotations

from collections.abc import Callable

from .kinds import is_a

#: What passes through a leg, also out of a group: the user wants out (KeyboardInterrupt), or the interpreter
#: is closing the coroutine (GeneratorExit). Everything else that shadow code raises is data.
PASSING = (KeyboardInterrupt, GeneratorExit)

#: Messages are cut to this many characters: an exception may carry a whole body in its text.
MESSAGE_LIMIT = 500


class ShadowError(Exception):
    """Base of the errors that this library raises itself. What a shadow raises is never one: it is data."""


class ShadowPending(ShadowError, RuntimeError):
    """The shadow's side of an outcome was read before it was known.

    The reader's fault: `await outcome.wait_settled()` first, or test `outcome.verdict is not None`.
    """


class ShadowerNotRunning(ShadowError, RuntimeError):
    """`call()` or `start()` on a shadower that was never entered.

    The caller's fault: wrap the program in `async with shadower:`. After it has been entered this is never raised
    again: a shadower that is closed serves the primary and counts `closed`.
    """


class BodyTooLarge(ShadowError, ValueError):
    """An answer's body was larger than an edge's `max_body_bytes`, as it was sent or after it was inflated.

    Of a shadow this is data: `FailureKind.TOO_LARGE`. Who calls an `HttpBackend` himself raises its limit, or streams.
    """


#: So many causes back an exception without a message is followed: they may go round in a circle.
_CAUSES = 8


def passing_error(exc: BaseException) -> BaseException | None:
    """The first KeyboardInterrupt or GeneratorExit in `exc`, which may be a group, or None."""
    return first_of(exc, PASSING)


def first_of(exc: BaseException, kinds: tuple[type[BaseException], ...]) -> BaseException | None:
    """The first exception of one of these kinds in `exc`, which may be a group, or None."""
    return _first(exc, lambda leaf: is_a(leaf, kinds))


def consists_of(exc: BaseException, kind: type[BaseException]) -> bool:
    """True if `exc` is a `kind`, or a group that holds nothing but that, at any depth."""
    return _first(exc, lambda leaf: not is_a(leaf, kind)) is None


def first_other(exc: BaseException, kind: type[BaseException]) -> BaseException | None:
    """The first exception in `exc`, which may be a group, that is no `kind`; None if there is none."""
    return _first(exc, lambda leaf: not is_a(leaf, kind))


def _first(exc: BaseException, wanted: Callable[[BaseException], bool]) -> BaseException | None:
    # A stack, not recursion: a group may be nested deeper than Python recurses. Each once: a group may
    # hold one group twice, that one another twice, and so on.
    stack = [exc]
    seen: set[int] = set()
    while stack:
        leaf = stack.pop()
        if id(leaf) in seen:
            continue
        seen.add(id(leaf))
        if is_a(leaf, BaseExceptionGroup):
            stack.extend(reversed(_exceptions_of(leaf)))
        elif wanted(leaf):
            return leaf
    return None


def describe_error(exc: BaseException) -> tuple[str, str]:
    """`(type name, message)` of an exception; its own `__str__` may raise, exit, or be huge.

    If it says nothing itself, the message is that of what caused it, after its type: httpx's ConnectError is empty, and
    the certificate that has expired is four exceptions further on. Raises nothing but a KeyboardInterrupt or
    GeneratorExit out of that `__str__`.
    """
    name, message = whole_words(exc)
    return name, message[:MESSAGE_LIMIT]


def whole_words(exc: BaseException) -> tuple[str, str]:
    """The same with the whole message, however long it is."""
    name, message = _own_words(exc)
    for _ in range(_CAUSES):
        cause = _cause_of(exc) or _context_of(exc)
        if message or cause is None:
            break
        exc = cause
        cause_name, words = _own_words(exc)
        message = words and f"{cause_name}: {words}"
    return name, message


def _own_words(exc: BaseException) -> tuple[str, str]:
    name = type_name(type(exc))[:MESSAGE_LIMIT]
    try:
        message = _slice_of(str(exc), slice(None))
    except BaseException as broken:  # `__str__` is the candidate's code too
        if passing_error(broken) is not None:
            raise
        message = f"<{name}.__str__ raised {type_name(type(broken))}>"
    return name, message


# Past what a class may define itself, and raise in: a metaclass's `__name__`, a group's `exceptions`, the slices of a
# str. For the same reason `is_a()` stands here for isinstance().
_slice_of: Callable[[str, slice], str] = str.__getitem__
#: The name of a class, whatever its metaclass says.
type_name: Callable[[type], str] = type.__dict__["__name__"].__get__
_cause_of: Callable[[BaseException], BaseException | None] = BaseException.__dict__["__cause__"].__get__
_context_of: Callable[[BaseException], BaseException | None] = BaseException.__dict__["__context__"].__get__
_exceptions_of: Callable[[BaseException], tuple[BaseException, ...]] = BaseExceptionGroup.__dict__["exceptions"].__get__
