"""HttpBackend: sends an HttpRequest with an injected client, and answers with a ResponseRecord.

What goes where: headers about the connection stay behind, Host is the backend's, a shadow's copy is marked, and what
lets somebody in goes to another origin only if it is named. The client's cookie jar is neither read nor filled: shared
by many users' requests, it sent one user's session with another's request.

The client is httpx's or httpx2's; nothing here imports either, since their classes do not mix.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import trio

from trioshadow._accounts.notices import Notices
from trioshadow._model.checks import is_bool
from trioshadow._model.errors import BodyTooLarge
from trioshadow._model.record import ResponseRecord
from trioshadow._model.refusal import Lack
from trioshadow._service.marks import in_shadow, tell_lack
from trioshadow.compare import SENSITIVE

from ._answer import MAX_BODY_BYTES, checked_body_limit, record_of
from ._codings import IDENTITY, inflatable
from ._fields import MARK, RawHeaders, with_one_cookie, without_coding, without_hop_by_hop
from ._header_lists import HeaderLists, checked_names
from ._lack import Causes, lacking, refusal_by, remedy_in_code
from ._request import HttpRequest
from ._urls import checked_base_url, join, on_the_wire, origin_of, target_of

if TYPE_CHECKING:
    import httpx

_Buffer = TypeVar("_Buffer", bytes, bytearray)

#: Made anew for the backend, whatever the request says.
_OWN = frozenset((b"host", b"content-length", b"accept-encoding", b"expect"))
#: What a client has by default: its own name and habits, which are not the request's.
_CLIENTS = frozenset((*_OWN, b"accept", b"connection", b"user-agent"))
#: The leg's deadline is there, and httpx's would end a slow read before it: they are for each read, not for the whole.
_NO_TIMEOUTS = {"connect": None, "read": None, "write": None, "pool": None}


class HttpBackend:
    """Answers an HttpRequest over HTTP.

        async with httpx.AsyncClient() as client:
            backend = HttpBackend(client, "https://api.new")
            record = await backend.call(HttpRequest("GET", "/users/7"))

    `client` is an `httpx.AsyncClient` or an `httpx2.AsyncClient`, made and closed by you: once, outside the shadower,
    and another than the primary's, whose connections a slow shadow would use up. Give httpx's
    `limits=httpx.Limits(max_connections=None)`: with a limit, a request that is cancelled while it waits for a
    connection can take that away for good (httpcore 1.0.9), and `max_in_flight` is limit enough. Its own headers and
    `auth` go along, its cookies don't, and redirects are not followed, whatever it says. Within a shadow's leg the
    leg's deadline takes the place of its timeouts.

    - `base_url`: below which the request's target is asked for, such as `https://api.new` or `https://api.new/v2`.
      None: the request's own `route`, or its URL as it is.
    - `max_body_bytes`: of an answer, as sent and as inflated, in [0, 2**31 - 2]. Beyond it `BodyTooLarge` is raised:
      for a shadow `FailureKind.TOO_LARGE`, for a primary the caller's error, so give that room. Nothing more is read,
      and memory stays within twice the limit.
    - `credentials`: names of headers that let somebody in (Authorization, Cookie, Proxy-Authorization, X-Api-Key and
      their like) and that go to another origin than the request's own all the same. Where a request's `url` is a target
      it has no origin of its own: then it is the primary's where that is known (a `ReverseProxy` in a
      `ShadowMiddleware`, another HttpBackend with a `base_url`), and else every shadow is another. What is withheld is
      said in the log, by name; and where the answer to such a copy is a refusal, in the scorecard.
    - `allow_headers`: names, or patterns as in `x-b3-*`; of the request's headers only these go along. None: all. What
      lets somebody in must be in `credentials` too.
    - `drop_headers`: the same, of those that never go along: `idempotency-key` where both sides share a store,
      `traceparent` where the shadow's spans should not join the caller's trace. Neither list takes away Host,
      Content-Length, Accept-Encoding and the mark, nor what you set on the client.
    - `preserve_host`: send the request's own Host, for backends that make absolute URLs of it.

    Raises TypeError if `client` is no async client, TypeError and ValueError for other arguments of a wrong type and
    out of range.
    """

    #: Do all sides of a call, the primary too, go without the same headers?
    _of_all = False

    def __init__(
        self,
        client: httpx.AsyncClient | Any,
        base_url: str | None = None,
        *,
        max_body_bytes: int = MAX_BODY_BYTES,
        credentials: Iterable[str] = (),
        allow_headers: Iterable[str] | None = None,
        drop_headers: Iterable[str] = (),
        preserve_host: bool = False,
    ) -> None:
        if not inspect.iscoroutinefunction(getattr(client, "send", None)) or not hasattr(client, "build_request"):
            raise TypeError(f"client must be an httpx.AsyncClient (or httpx2's), not {type(client).__name__}")
        is_bool.check("preserve_host", preserve_host)
        self._client = client
        self._base_url = None if base_url is None else checked_base_url(base_url, "base_url")
        self._base_origin = None if self._base_url is None else origin_of(self._base_url)
        self._limit = checked_body_limit(max_body_bytes)
        named = checked_names(credentials, "credentials")
        self._credentials = frozenset(name.encode("latin-1") for name in SENSITIVE.difference(named))
        self._lists = HeaderLists(allow_headers, drop_headers)
        self._own = _OWN - {b"host"} if preserve_host else _OWN
        self._notices = Notices("")
        self._at_primary = False
        # The family's own Request, whichever it is: httpx's client can't send httpx2's.
        self._request_class: Callable[..., Any] = type(client.build_request("GET", "http://localhost/"))

    @property
    def origin(self) -> str | None:
        """Scheme, host and port of `base_url`, as `https://api.new`; None without one."""
        return self._base_origin

    async def call(self, request: HttpRequest, /) -> ResponseRecord:
        """Send it, and read the answer. A checkpoint; cancelling it closes the connection.

        Raises BodyTooLarge, ValueError if the request has no place to go to, and what the client raises
        (`httpx.ConnectError`, `httpx.ReadError`, `httpx.RemoteProtocolError`, ...).
        """
        # A copy, for the cookies alone: they are the client's only state that send() fills. It shares the transport.
        client = copy.copy(self._client)
        client.cookies = {}
        # It makes the request of a redirect though nobody follows it, and raises if it can't read where that leads.
        vars(client)["_build_redirect_request"] = _not_followed
        to_send = self._to_send(request)
        response = await client.send(to_send, stream=True, follow_redirects=False)
        try:
            # Told at once: its body may be too large, or never come.
            tell_lack(self._lack(request, to_send.headers, response))
            declared = response.headers.get("content-length", "")
            if request.method != "HEAD" and declared.isdecimal() and int(declared[:20]) > self._limit:
                raise BodyTooLarge(f"the body has {int(declared[:20]):,} bytes, the limit is {self._limit:,}")
            headers: RawHeaders = response.headers.raw
            if response.is_stream_consumed:  # a MockTransport's: there is no stream, and the client has inflated it
                headers, body = without_coding(headers), _within(response.content, self._limit)
            else:
                stream: Any = response.aiter_raw()
                async with contextlib.aclosing(stream) as parts:
                    body = await _read(parts, self._limit)
        finally:
            await response.aclose()
            del response.stream  # the two hold each other, and so 15 objects a call would be left to the collector
        return record_of(request.method, response.status_code, headers, body, self._limit)

    def _to_send(self, request: HttpRequest) -> Any:
        base_url, target = self._base_url or request.route, request.target
        if base_url is None:
            base_url = origin_of(request.url)
            if base_url is None:
                raise ValueError("a request whose url is a target needs a backend with a base_url")
        url = join(base_url, target)
        # The target byte for byte: an httpx.URL writes some escapes in another way, and knows no `*`.
        wire_target = on_the_wire(target_of(base_url).rstrip("/") + target if target.startswith("/") else target)
        extensions: dict[str, object] = {"target": wire_target}
        extensions["timeout"] = _NO_TIMEOUTS if in_shadow() else self._client.timeout.as_dict()
        headers = self._headers(request, elsewhere=self._is_elsewhere(request))
        return self._request_class(request.method, url, headers=headers, content=request.body, extensions=extensions)

    def _is_elsewhere(self, request: HttpRequest) -> bool:
        """Does it go to another origin than that which its credentials were given for?"""
        origin = request.origin
        if origin is None:
            # It was made for this backend by who calls it, or came from a client, with a leg.
            return in_shadow() and not self._at_primary
        return origin != (self._base_origin or origin_of(request.route or request.url))

    def __trioshadow_beside__(self, primary: object) -> HttpBackend:
        """This backend as one beside that primary: of the primary's own origin it is the same service."""
        if self.origin is None or getattr(primary, "origin", None) != self.origin:
            return self
        beside = copy.copy(self)
        beside._at_primary = True  # noqa: SLF001 - our own: given to another shadower, this one is beside another
        return beside

    def _headers(self, request: HttpRequest, *, elsewhere: bool) -> RawHeaders:
        pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers]
        sent: RawHeaders = []
        for name, value in self._lists.passing(without_hop_by_hop(with_one_cookie(pairs))):
            lower = name.lower()
            if lower in self._own:
                continue
            if elsewhere and lower in self._credentials:
                self._say_withheld(request, lower.decode("latin-1"))
                continue
            sent.append((name, value))
        names = {name.lower() for name, _ in sent}
        sent += [
            (name, value)
            for name, value in self._client.headers.raw
            if name.lower() not in names and name.lower() not in _CLIENTS
        ]
        sent.append((b"Accept-Encoding", _acceptable(request.header("accept-encoding")).encode("latin-1")))
        if in_shadow() and not request.marked:
            sent.append((MARK.encode(), b"1"))
        return sent

    def _say_withheld(self, request: HttpRequest, name: str) -> None:
        where = self._base_origin or origin_of(request.route or request.url)
        remedy = self._remedy(request, Causes((name,), (), ()))
        self._notices.say(
            f"withheld: {name}",
            f"the header {name} is not sent to {where}, another origin than that of the request or of the primary: "
            f"if it should be, {remedy}",
        )

    def _lack(self, request: HttpRequest, sent: Any, response: Any) -> Lack | None:
        """What the request had and what was sent had not, if the answer is a refusal that this may explain."""
        refusal = refusal_by(response.status_code, response.headers.raw)
        if not refusal or self._brings_its_own(request, sent):
            return None
        elsewhere = self._is_elsewhere(request)
        causes = Causes.of(
            lacking(request, sent, response.status_code),
            self._lists,
            lambda name: elsewhere and name.encode("latin-1") in self._credentials,
        )
        return Lack(causes.names, self._remedy(request, causes), refusal, self._of_all) if causes.names else None

    def _brings_its_own(self, request: HttpRequest, sent: Any) -> bool:
        """Did the client let itself in? Then the request's credentials are not what is missing."""
        own = sent.get("authorization")
        return getattr(self._client, "auth", None) is not None or own not in (None, request.header("authorization"))

    def _remedy(self, request: HttpRequest, causes: Causes) -> str:  # noqa: ARG002 - who overrides it asks that
        """What makes the request's headers go along."""
        return remedy_in_code("HttpBackend", causes)


def _not_followed(request: Any, _: Any) -> Any:
    return request


async def _read(chunks: AsyncIterator[bytes], limit: int) -> bytes:
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        _within(body, limit)
        await trio.lowlevel.checkpoint()  # what was received at once may hold very many chunks
    return bytes(body)


def _within(body: _Buffer, limit: int) -> _Buffer:
    if len(body) > limit:
        raise BodyTooLarge(f"the body has more than {limit:,} bytes")
    return body


def _acceptable(accept_encoding: str | None) -> str:
    """What the request accepts of what can be inflated here."""
    if accept_encoding is None:
        return IDENTITY
    known = {*inflatable(), IDENTITY}
    offers = [offer.strip() for offer in accept_encoding.split(",")]
    kept = [offer for offer in offers if offer.partition(";")[0].strip().lower() in known]
    return ", ".join(kept) or IDENTITY
