"""assert_equivalent: in a test, two backends do the same with these requests, or the differences are raised."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard, TypeVar

import trio

from trioshadow._model.backend import Backend
from trioshadow._settings.config import ShadowConfig

from ._comparing import Comparing
from ._not_equivalent import NotEquivalentError

if TYPE_CHECKING:
    import hypothesis
    from hypothesis.strategies import SearchStrategy

RequestT = TypeVar("RequestT")

#: A Backend, or a function of one argument, async or not.
Side: TypeAlias = Backend[RequestT, Any] | Callable[[RequestT], Any]

_DEFAULT_CONFIG = ShadowConfig()


def assert_equivalent(
    primary: Side[RequestT],
    shadow: Side[RequestT],
    requests: Iterable[RequestT] | SearchStrategy[RequestT],
    *,
    config: ShadowConfig = _DEFAULT_CONFIG,
    operation: str = "",
    max_shown: int = 10,
    settings: hypothesis.settings | None = None,
) -> None:
    """Send each of `requests` to both, and raise NotEquivalentError with the differences, if there are any.

        assert_equivalent(json.loads, msgspec.json.decode, ["[1]", "{}"])

    `primary` and `shadow` are Backends or functions of one argument, async or not. Those that are not async run in
    place. An exception is an answer: the same type from the shadow matches. Whatever else is not `matched` is a
    difference: also that the shadow fails, or is not done within `config.shadow_timeout` seconds of real time.

    `config` is that of production, with its views, rules and copies, but that every request is mirrored. `operation`
    is what the records name. `max_shown`, in [1, inf), is how many differences the message explains; all are counted.

    `requests` are compared in order, one after the other. If they are a hypothesis strategy, this is a property:
    hypothesis looks for a request that makes a difference, and the smallest it finds is raised. `settings` are then
    hypothesis's, by default those of the current profile. (Each example is a `trio.run` of its own, of 0.6 ms.)

    It runs a Trio loop of its own, so it is for tests that are plain functions; a RuntimeError inside of a Trio run
    says so. ValueError if there is no request; RuntimeError if one can't be mirrored (it is held back, say): nothing
    passes that was not compared. A function that hangs without being async can't be helped: it hangs the test.
    """
    __tracebackhide__ = True
    if trio.lowlevel.in_trio_run():
        raise RuntimeError(
            "assert_equivalent() runs a Trio loop of its own: inside of one, `await assert_equivalent_async(...)`"
        )
    comparing = Comparing.of(primary, shadow, config, operation, max_shown)
    if _is_strategy(requests):
        from ._property import check_property, settings_here  # noqa: PLC0415 - it imports hypothesis

        def compare(request: RequestT) -> NotEquivalentError | None:
            return trio.run(comparing.compare, [request])

        error = check_property(compare, requests, settings_here(settings), _identity(primary, shadow, operation))
    else:
        error = trio.run(comparing.compare, _several(requests, settings))
    if error is not None:
        raise error


async def assert_equivalent_async(
    primary: Side[RequestT],
    shadow: Side[RequestT],
    requests: Iterable[RequestT] | SearchStrategy[RequestT],
    *,
    config: ShadowConfig = _DEFAULT_CONFIG,
    operation: str = "",
    max_shown: int = 10,
    settings: hypothesis.settings | None = None,
) -> None:
    """The same inside of a Trio run: for backends that need the test's own clients, or its virtual clock.

    The backends run in the calling task's run, and can be cancelled with it; functions that are not async block it.
    With a strategy, hypothesis itself runs in a worker thread meanwhile, and each example in the calling task.
    (While that thread thinks, Trio has nothing to do: an autojump clock jumps to the next deadline of *other* tasks.)
    """
    __tracebackhide__ = True
    comparing = Comparing.of(primary, shadow, config, operation, max_shown)
    if _is_strategy(requests):
        from ._property import check_property, settings_here  # noqa: PLC0415 - it imports hypothesis

        def compare(request: RequestT) -> NotEquivalentError | None:
            return trio.from_thread.run(comparing.compare, [request])

        identity = _identity(primary, shadow, operation)
        check = functools.partial(check_property, compare, requests, settings_here(settings), identity)
        error = await trio.to_thread.run_sync(check, limiter=trio.CapacityLimiter(1))  # Trio's own is for the backends
    else:
        error = await comparing.compare(_several(requests, settings))
    if error is not None:
        raise error


def _is_strategy(requests: object) -> TypeGuard[SearchStrategy[Any]]:
    # Who has a strategy has imported hypothesis.
    strategies = sys.modules.get("hypothesis.strategies")
    return strategies is not None and isinstance(requests, strategies.SearchStrategy)


def _several(requests: Any, settings: object) -> Iterable[Any]:
    if isinstance(requests, str | bytes) or not isinstance(requests, Iterable):
        wanted = "several requests, as in [request], or a hypothesis strategy"
        raise TypeError(f"requests must be {wanted}, not {type(requests).__name__}")
    if settings is not None:
        raise TypeError("settings are hypothesis's: they go with a strategy as requests")
    return requests


def _identity(primary: object, shadow: object, operation: str) -> str:
    def name(side: Any) -> str:
        named = side if hasattr(side, "__qualname__") else type(side)
        return f"{getattr(named, '__module__', '')}.{named.__qualname__}"

    return f"{operation} {name(primary)} {name(shadow)}"
