"""ShadowMiddleware: an ASGI app's incoming requests, mirrored.

What the app and the client see is what they would see without it: messages pass through one by one, untouched, with the
server's backpressure, and nothing is waited for. On the way, request and answer are copied, up to a limit:

    server ── receive ──► request body, copied ──► app        complete: the leg starts
    server ◄── send ───── answer, copied ◄──────── app        complete: the leg is told

The service nursery lives in the lifespan scope: it is opened before the app starts up, and drained when the server says
`lifespan.shutdown`, before the app hears of it, since servers cancel that task as soon as the app has answered.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterable
from typing import Any, Unpack, cast

import attrs
import trio

from trioshadow._model.backend import BackendLike
from trioshadow._model.checks import several
from trioshadow._model.errors import consists_of, passing_error
from trioshadow._model.record import ResponseRecord
from trioshadow._model.sampling import encode_key
from trioshadow._model.verdict import HeldBack
from trioshadow._settings.config import ShadowConfig
from trioshadow._shadower import Shadower, ShadowerOptions, admission_of
from trioshadow.http import MAX_BODY_BYTES, AnyLeg, AnyShadower, Edge, Exchange, HttpRequest, served_by_edge

from ._backend import AsgiBackend
from ._call import Call, Surroundings, operation_of
from ._lifespan import run_with_stand_in
from ._request import AsgiHead, AsgiRequest, body_length, request_of
from ._reverse_proxy import ReverseProxy
from ._types import App, Message, Receive, Scope, Send


class _AppBackend(AsgiBackend):
    """Of the middleware's own making: its lists are arguments of that."""

    _in_code = "ShadowMiddleware"


@attrs.frozen
class _NotMirrored:
    """A call of which nothing is left to do but to count it by name."""

    leg: AnyLeg
    request: AsgiHead | AsgiRequest


class ShadowMiddleware:
    """Serves with `app`, and mirrors sampled requests to a shadow.

        app = ShadowMiddleware(app, shadow=new_app, config=ShadowConfig(sample_rate=0.1))
        app = ShadowMiddleware(app, shadow=HttpBackend(client, "https://api.new"))

    Put it outermost: what stands before it is not compared. On a server that runs on Trio (hypercorn's
    `worker_class="trio"`); on another, and while no shadower runs, the app is served alone, which is said once in the
    log.

    - `shadow`: an ASGI app in this process, whose lifespan is run beside the app's, or a backend of HttpRequests that
      answers with ResponseRecords (an `AsgiBackend` too, which is then yours to enter). The shadower is then made and
      run by the middleware, with `config`, and the `options` `name`, `log`, `sinks`, `slo`, `breaker` and `comparer`
      as of `Shadower`.
    - `secondary`: a backend of another copy of the app, whose differences from it are noise; see `Shadower`.
    - `shadower`: one that the application enters itself, in place of all these; its primary is never called
      (`served_by_edge`).
    - `max_body_bytes`: of a request and of its answer, in [0, 2**31 - 2]. A request whose body is larger is not
      mirrored (`held_back`, `incomplete`), nor is one with a body while the bodies of `config.max_in_flight` others are
      on their way; the leg of an answer that is larger is abandoned.
    - `allow_headers` and `drop_headers`: which of the request's headers go to an app in this process, as of
      `AsgiBackend`; a backend is given its own.
    - `ignore_volatile`: ignore `VOLATILE_HEADERS`, beside what the configuration ignores.
    - `operation`: from a request to its name in the records. By default method and route template, where the framework
      gives one (Starlette, FastAPI, Quart), else method and path with ids as `{id}`; at most 500 names.

    Only safe methods are mirrored unless `config.may_mirror` says more. A leg starts when the request's body is
    complete, and both sides' seconds count from there; it is told of the answer when that is complete. An app that
    knows better, such as one that could not serve the request itself, calls `scope["trioshadow"].abandon()` if that key
    is there.

    Raises TypeError unless exactly one of `shadow` and `shadower` is given.
    """

    def __init__(
        self,
        app: App,
        *,
        shadow: App | BackendLike[HttpRequest, ResponseRecord] | None = None,
        secondary: BackendLike[HttpRequest, ResponseRecord] | None = None,
        config: ShadowConfig | None = None,
        shadower: Shadower[Any, Any, Any] | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
        ignore_volatile: bool = True,
        operation: Callable[[HttpRequest], str] | None = None,
        allow_headers: Iterable[str] | None = None,
        drop_headers: Iterable[str] = (),
        **options: Unpack[ShadowerOptions],
    ) -> None:
        if (shadow is None) == (shadower is None):
            raise TypeError("give either shadow= (an ASGI app or a backend) or shadower= (one that you enter yourself)")
        its_own = [
            *options,
            *(name for name, given in (("secondary", secondary), ("config", config)) if given is not None),
        ]
        if shadower is not None and its_own:
            raise TypeError(f"give {' and '.join(its_own)} to the shadower that you enter yourself")
        options["sinks"] = several("sinks", options.get("sinks", ()), "sinks, as in [sink]")  # every shadower gets them
        self.app = app
        # Of a proxy it is known which service the credentials of its clients are for.
        self._origin = app.origin if isinstance(app, ReverseProxy) else None
        self._edge = Edge(
            name=options.get("name", "") or getattr(shadower, "name", ""),
            max_body_bytes=max_body_bytes,
            ignore_volatile=ignore_volatile,
            operation=operation,
        )
        backend: Any = shadow
        self._app_backend: AsgiBackend | None = None  # of our own making, and so ours to run
        if _is_app(shadow):
            backend = self._app_backend = _AppBackend(
                cast("App", shadow),
                max_body_bytes=max_body_bytes,
                allow_headers=allow_headers,
                drop_headers=drop_headers,
            )
        elif allow_headers is not None or drop_headers:  # silently ignored, they would let through what they name
            raise TypeError("allow_headers and drop_headers are for an app in this process: give them to the backend")
        self._own: Callable[[], AnyShadower] | None = None
        if shadower is None:
            own_config = config or ShadowConfig()
            self._own = lambda: Shadower(served_by_edge, backend, own_config, secondary=secondary, **options)
            shadower = self._own()
        self._shadower = shadower
        # What wraps a backend, for spans say, raises what that raises.
        self._raises_alike = isinstance(getattr(shadower.shadow, "wrapped", shadower.shadow), AsgiBackend)
        self._serving = False

    @property
    def shadower(self) -> AnyShadower:
        """The current shadower, or the last: for statistics, divergences, `pause()` and all the rest."""
        return self._shadower

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan" and self._own is not None and not self._serving and _on_trio():
            await self._live(self._own, scope, receive, send)
        else:
            await self.app(scope, receive, send)

    # ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            call = self._start(scope)
        except Exception as exc:  # a scope that is not as ASGI says is no reason not to serve
            self._edge.notices.say("scope", f"a request could not be looked at ({type(exc).__name__}): not mirrored")
            call = None
        if call is None:
            await self.app(scope, receive, send)
        elif isinstance(call, Call):
            await call.run(receive, send)
        else:
            try:
                await self.app(scope, receive, send)
            finally:  # by now the route is known
                call.leg.name_operation(operation_of(self._edge, self.app, scope, call.request))

    def _start(self, scope: Scope) -> Call | _NotMirrored | None:
        """The call, if there is anything to do for it."""
        edge, shadower = self._edge, self._shadower
        if shadower.config.sample_rate <= 0 and shadower.config.key is None:
            # Switched off, the middleware should cost next to nothing: nobody asks what the request is.
            admission_of(shadower).admit_if_entered(None, key=b"")
            return None
        length = body_length(scope)
        if (left_out := self._left_out(scope, length)) is not None:
            return left_out
        request = request_of(scope, self._origin)
        leg: AnyLeg | None = None
        if self._own is not None and not admission_of(shadower).entered:
            why = "the server ran no lifespan" if _on_trio() else "the server does not run on Trio"
            edge.notices.say("no lifespan", f"requests are served and not mirrored: {why}", once=True)
        if length == 0 or shadower.config.sample_rate <= 0 or not shadower.running:
            leg = edge.start(shadower, request)
            if not leg.mirrored:
                return _NotMirrored(leg, request)
        else:
            refused = edge.refusal(shadower, request)
            too_long = length is not None and length > edge.limit
            if refused is None and (too_long or not edge.has_room(shadower)):
                refused = HeldBack.INCOMPLETE
            if refused is not None:
                return _NotMirrored(edge.start(shadower, request, refused), request)
        around = Surroundings(self.app, edge, shadower, self._raises_alike)
        return Call(around, scope, request, length, Exchange(edge, request.method, leg))

    def _left_out(self, scope: Scope, length: int | None) -> _NotMirrored | None:
        """The call, if the sampler leaves it out by its head alone: where few are sampled that is most of them, and no
        request is made for it. None: look closer.
        """
        shadower = self._shadower
        config = shadower.config
        if length != 0 or config.key is not None or config.sample_rate >= 1 or self._edge.named_by_user:
            return None
        if not shadower.running:
            return None
        head = AsgiHead(scope)
        key = encode_key(head)
        return (
            None
            if config.should_shadow(key)
            else _NotMirrored(admission_of(shadower).admit_if_entered(None, key=key), head)
        )

    # ── the lifespan ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _live(self, make_shadower: Callable[[], AnyShadower], scope: Scope, receive: Receive, send: Send) -> None:
        if admission_of(self._shadower).entered:  # the application is started again, as tests do
            self._shadower = make_shadower()
        stop, drained = trio.Event(), trio.Event()

        async def service(task_status: trio.TaskStatus[None]) -> None:
            async with contextlib.AsyncExitStack() as stack:
                if self._app_backend is not None:
                    await stack.enter_async_context(self._app_backend)
                await stack.enter_async_context(self._shadower)
                task_status.started()
                await stop.wait()
            drained.set()

        async def receive_drained() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                stop.set()
                await drained.wait()
            return message

        error: BaseException | None = None
        self._serving = True
        try:
            async with trio.open_nursery() as nursery:
                try:
                    await nursery.start(service, name="trioshadow service")
                    raised = await run_with_stand_in(self.app, scope, receive_drained, send)
                except BaseException as exc:
                    error = exc  # leaves as itself, and not in the nursery's group
                    nursery.cancel_scope.cancel()  # at once: there is nothing to drain for
                else:
                    if raised is not None:
                        self._edge.notices.say("lifespan", f"the app has no lifespan of its own ({raised})", once=True)
                stop.set()
        except BaseException as exc:
            # What must pass has cancelled the app. Anything else that is not the app's would be a bug of ours.
            error = passing_error(exc) or error or exc
        finally:
            self._serving = False
        if error is not None:
            if consists_of(error, trio.Cancelled):
                await trio.lowlevel.checkpoint_if_cancelled()  # raises it alone, and not in groups of our nurseries
            raise error


def _is_app(shadow: object) -> bool:
    """Is it an ASGI app, of three arguments, and not a backend, of one?"""
    if shadow is None or hasattr(shadow, "call") or not callable(shadow):
        return False
    try:
        inspect.signature(shadow).bind(None, None, None)
    except (TypeError, ValueError):
        return False
    return True


def _on_trio() -> bool:
    return trio.lowlevel.in_trio_task()
