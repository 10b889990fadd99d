"""Edge: what the transport and the middleware have in common: how a call at the edge becomes a leg, and how its answer,
which passes by in pieces, becomes what is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NoReturn, TypeAlias

import attrs

from trioshadow._accounts.notices import Notices
from trioshadow._caller.leg import IdleLeg, Leg
from trioshadow._model.checks import is_bool, is_function
from trioshadow._model.errors import passing_error, type_name
from trioshadow._model.fixing import Deferred
from trioshadow._model.verdict import HeldBack, Verdict
from trioshadow._settings.config import ShadowConfig
from trioshadow._shadower import Shadower, admission_of
from trioshadow.compare import VOLATILE_HEADERS

from ._answer import checked_body_limit, record_of
from ._fields import RawHeaders
from ._lack import refusal_by
from ._operations import OperationNames, template_path
from ._request import HttpRequest

AnyShadower: TypeAlias = Shadower[Any, Any, Any]
AnyLeg: TypeAlias = Leg[Any, Any]

_NO_LEG = IdleLeg(Verdict.HELD_BACK)


async def served_by_edge(_: HttpRequest, /) -> NoReturn:
    """`Shadower(served_by_edge, HttpBackend(...))`: for edges, which answer with what they stand before.

    Raises RuntimeError: `call()` of such a shadower has nobody to ask.
    """
    raise RuntimeError("this shadower's primary is served by an edge (ShadowTransport, ShadowMiddleware): call that")


class Edge:
    """The side of an edge that faces the shadower."""

    def __init__(
        self,
        *,
        name: str,
        max_body_bytes: int,
        ignore_volatile: bool,
        operation: Callable[[HttpRequest], str] | None,
    ) -> None:
        is_function.or_none.check("operation", operation)
        is_bool.check("ignore_volatile", ignore_volatile)
        self.limit = checked_body_limit(max_body_bytes)
        self.operations = OperationNames()
        self.notices = Notices(name)
        self._ignore_volatile = ignore_volatile
        self._operation = operation
        #: Requests of which a part may be copied, and which have no leg yet that would count.
        self.copying = 0
        self._configs: tuple[ShadowConfig, ShadowConfig] | None = None  # the shadower's, and ours made of it

    def start(
        self, shadower: AnyShadower, request: HttpRequest, refused: HeldBack | None = None, *, operation: str = ""
    ) -> AnyLeg:
        """The leg of a call, to be named when its name is known. A request that is a shadow's copy is held back."""
        if refused is None and request.marked:
            refused = HeldBack.MARKED
        config = self._config(shadower.config)
        return admission_of(shadower).admit_if_entered(request, operation=operation, config=config, refused=refused)

    def refusal(self, shadower: AnyShadower, request: HttpRequest) -> HeldBack | None:
        """Why a request will not be mirrored, as far as its head tells; None if it may be."""
        if request.marked:
            return HeldBack.MARKED
        return None if admission_of(shadower).may_mirror(request) else HeldBack.NOT_ALLOWED

    def has_room(self, shadower: AnyShadower) -> bool:
        """May one more request be copied as it comes? As many as there may be legs, since each may hold as much: who
        sends bodies that never end must not fill the memory.
        """
        if self.copying < shadower.config.max_in_flight:
            return True
        self.notices.say("copying", "as many requests as max_in_flight are on their way: others are not copied")
        return False

    @property
    def named_by_user(self) -> bool:
        """Is there a function of the user's, which must see the whole request?"""
        return self._operation is not None

    def name(self, request: HttpRequest, template: str | None = None) -> str:
        """What the request is called: by the user's function, by a router's template, or by its path."""
        if self._operation is not None:
            try:
                return self._operation(request)
            except BaseException as exc:  # user code
                if passing_error(exc) is not None:
                    raise
                self.notices.say("operation", f"operation= raised {type_name(type(exc))}")
        return self.name_by_head(request.method, request.path, template)

    def name_by_head(self, method: str, path: str, template: str | None = None) -> str:
        """What it is called where no function of the user's names it."""
        return self.operations.name(method, template or template_path(path))

    def _config(self, config: ShadowConfig) -> ShadowConfig:
        if self._configs is None or self._configs[0] is not config:
            ignore = (*VOLATILE_HEADERS, *config.ignore) if self._ignore_volatile else config.ignore
            # An HttpRequest is frozen, and so is all that an edge puts into it: no leg need look for that.
            copy_request = config.copy_request or _itself
            self._configs = config, attrs.evolve(config, ignore=ignore, copy_request=copy_request)
        return self._configs[1]


class Exchange:
    """One call at an edge: its leg, as soon as there is one, and the copy of the primary's answer, made as it passes
    by.

    However it goes on, the leg is ended once: by `done`, `raised` or `abandon`, whichever comes first, and if the
    exchange is dropped without any of them. The leg may come after the answer has begun, or when it is complete. Once
    the leg is ended nothing is held, since an application may keep what holds the exchange.
    """

    __slots__ = (
        *("_body", "_complete", "_edge", "_headers", "_leg", "_method", "_status", "_unnamed"),
        *("begun", "ended"),
    )

    def __init__(self, edge: Edge, method: str, leg: AnyLeg | None = None) -> None:
        self._edge = edge
        self._method = method
        self._status = 0
        self._headers: RawHeaders = []
        self._body = bytearray()  # a copy of its own: parts may be many and small, or written to again
        self._complete = False
        self._leg: AnyLeg | None = None
        self._unnamed: AnyLeg | None = None
        self.begun = False
        """Is the request complete, so that there is a leg, or will never be one?"""
        self.ended = False
        """Is there nothing more to be told to the leg?"""
        edge.copying += 1
        if leg is not None:
            self.begin(leg)

    def begin(self, leg: AnyLeg) -> None:
        """The request is complete: this is its leg. Once."""
        self.begun = True
        self._edge.copying -= 1
        self._unnamed = leg
        if not leg.mirrored:
            self._end()
            return
        if self.ended:
            leg.abandon()
            return
        self._leg = leg
        if self._complete:
            self.done()

    @property
    def wants_name(self) -> bool:
        """Is there a leg that was not told yet what is called? One that is not mirrored is counted by name too."""
        return self._unnamed is not None

    def name(self, operation: str) -> None:
        """What is called, if there is a leg to be told."""
        if self._unnamed is not None:
            self._unnamed.name_operation(operation)
            self._unnamed = None

    def head(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """The answer begins."""
        self._status = status
        self._headers = [(bytes(name), bytes(value)) for name, value in headers]
        for name, value in self._headers:
            if name.lower() == b"content-type" and value.lower().startswith(b"text/event-stream"):
                self.abandon("an answer is a stream of events, which has no end")
                return

    def add(self, part: bytes) -> None:
        """A part of the answer's body."""
        if self.ended:
            return
        if len(self._body) + len(part) > self._edge.limit:
            self.abandon(f"an answer of the primary is larger than {self._edge.limit:,} bytes (max_body_bytes)")
        else:
            self._body += part

    def done(self) -> None:
        """The answer is complete."""
        self._complete = True
        if self.begun and not self.ended:
            # The record is made where it is compared: inflating a body is no work for the caller's time.
            answer = Deferred(
                *(_finish, self._method, self._status, self._headers, self._body, self._edge.limit),
                refusal=refusal_by(self._status, self._headers),
            )
            self._end().primary_done(answer)

    def raised(self, exc: BaseException) -> None:
        """The primary raised before its answer was complete."""
        if not self.ended:
            self._end().primary_raised(exc)

    def abandon(self, why: str = "") -> None:
        """There is nothing to compare with. `why` is said in the log."""
        if not self.ended:
            if why:
                self._edge.notices.say(why, f"{why}: such calls are abandoned")
            self._end().abandon()

    def _end(self) -> AnyLeg:
        """Let go of everything; returns the leg, or one that there is nothing to tell."""
        leg, self._leg = self._leg, None
        self.ended = True
        self._headers, self._body = [], bytearray()
        return _NO_LEG if leg is None else leg

    def __del__(self) -> None:
        # A response that was neither read nor closed: its leg is lost with it, and abandons itself.
        if not self.begun:
            self._edge.copying -= 1


def _itself(request: HttpRequest) -> HttpRequest:
    return request


def _finish(method: str, status: int, headers: RawHeaders, body: bytearray, limit: int) -> object:
    return record_of(method, status, headers, bytes(body), limit)
