"""TracedBackend: a span for each call of a shadow, in the caller's trace. The core knows nothing of OpenTelemetry.

A leg runs in a copy of its caller's context, so its span is a child of the caller's current one without anything being
passed on. It ends when the shadow does, which may be long after its parent has: a parent is where a span comes from,
and need not last longer. The verdict is known later still, so the span is closed when the leg has one, with the time at
which the shadow ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, Generic, TypeVar

from trioshadow._accounts.instruments import Settled
from trioshadow._accounts.notices import Notices
from trioshadow._model.backend import BackendLike, RequestT, ResponseT, as_callable
from trioshadow._model.checks import is_text
from trioshadow._model.errors import type_name
from trioshadow._service.marks import tell_when_settled

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Status, TracerProvider

T = TypeVar("T")


class TracedBackend(Generic[RequestT, ResponseT]):
    """Wraps a shadow (or a secondary) so that each of its calls is a span, a child of the caller's current one.

        Shadower(old, TracedBackend(new), config, secondary=TracedBackend(old, side="secondary"))

    The span's name is `trioshadow <side>`, and its attributes are `trioshadow.shadow` (always true: what was done in it
    was done for a mirrored call), `trioshadow.side`, and when the leg has its verdict `trioshadow.verdict`,
    `trioshadow.operation`, `trioshadow.candidate` and `error.type`. Its status is an error if the shadow failed or
    timed out. No message of an exception, no key and no answer is in it.

    It ends when the shadow does, and is exported when the leg has its verdict: on the event loop, so the provider's
    processors should be quick (`BatchSpanProcessor`). An error of theirs is logged and is no verdict on the shadow.
    Called outside of a leg, it makes a span without a verdict.

    `tracer_provider` is by default the program's. ImportError without opentelemetry-api.
    """

    def __init__(
        self,
        backend: BackendLike[RequestT, ResponseT],
        *,
        side: str = "shadow",
        tracer_provider: TracerProvider | None = None,
    ) -> None:
        try:
            from opentelemetry import context, trace  # noqa: PLC0415 - it belongs to an extra
        except ImportError as exc:
            raise ImportError("TracedBackend needs opentelemetry-api: pip install 'trioshadow[otel]'") from exc
        self._call = as_callable(backend, "backend")
        is_text.check("side", side)
        self._wrapped = backend
        self._side = side
        self._trace = trace
        self._context = context
        self._tracer = trace.get_tracer("trioshadow", version("trioshadow"), tracer_provider)
        self._notices = Notices("")

    @property
    def wrapped(self) -> BackendLike[RequestT, ResponseT]:
        """The backend, as given."""
        return self._wrapped

    async def call(self, request: RequestT, /) -> ResponseT:
        """What the backend does, in a span."""
        span = self._start()
        if span is None:
            return await self._call(request)
        ending = _Ending(span, self._trace.Status(self._trace.StatusCode.ERROR))
        in_leg = tell_when_settled(ending.settled)
        token = self._context.attach(self._trace.set_span_in_context(span))
        try:
            return await self._call(request)
        finally:
            self._context.detach(token)
            ending.at = time.time_ns()
            if not in_leg:
                self._contained(ending.end)

    def _start(self) -> Span | None:
        return self._contained(
            lambda: self._tracer.start_span(
                f"trioshadow {self._side}", attributes={"trioshadow.shadow": True, "trioshadow.side": self._side}
            )
        )

    def _contained(self, function: Callable[[], T]) -> T | None:
        try:
            return function()
        except Exception as exc:  # a sampler or a processor of the program's own
            self._notices.say("span", f"a shadow's span was lost: {type_name(type(exc))}")
            return None


class _Ending:
    """How a span ends: at the shadow's end, with what is known when the leg has its verdict."""

    def __init__(self, span: Span, error: Status) -> None:
        self._span = span
        self._error = error
        self.at: int | None = None
        """When the shadow ended, in nanoseconds since the epoch."""

    def settled(self, leg: Settled) -> None:
        """The leg has its verdict."""
        self._span.set_attribute("trioshadow.verdict", leg.verdict.value)
        self._span.set_attribute("trioshadow.operation", leg.operation)
        self._span.set_attribute("trioshadow.candidate", leg.candidate)
        if leg.failure is not None:
            self._span.set_attribute("error.type", leg.failure.type_name)
            self._span.set_status(self._error)
        self.end()

    def end(self) -> None:
        """No more is known."""
        self._span.end(self.at)
