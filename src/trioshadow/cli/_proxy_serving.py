"""Serves the proxy: sockets, TLS, clients, signals, the drain. What is served is put together here from the library's
parts, and everything that can be wrong is found out before anything listens.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import attrs
import httpx
import trio

from trioshadow import ShadowStatistics
from trioshadow.asgi import ForwardedHeaders, ReverseProxy, ShadowMiddleware
from trioshadow.evidence import Scorecard
from trioshadow.http import HttpBackend

from ._errors import CliError
from ._hypercorn import ServerConfig, serve
from ._proxy_admin import Admin
from ._proxy_settings import Address, Settings

#: Seconds for which an idle connection to either side is kept: less than servers do (some 2, most 5 and more), since a
#: request on one that is just being closed fails.
KEPT_IDLE = 1.5


@attrs.frozen
class Seen:
    """What there is to report in the end."""

    statistics: ShadowStatistics
    scorecard: Scorecard


async def serve_proxy(settings: Settings, announce: Callable[[str], None]) -> Seen:
    """Serve until SIGTERM or SIGINT, then drain. `announce` is told one line when it listens.

    Raises CliError for what can't be used. A second signal ends the process at once.
    """
    config = ServerConfig()
    config.graceful_timeout = settings.drain
    _use_certificate(config, settings)
    trusted = _trusted(settings.ca_file)
    addresses = {"--listen": settings.listen}
    if settings.admin is not None:
        addresses["--admin"] = settings.admin
    listening, *admin_listening = _listen(addresses)
    config.bind = [listening]

    objective = settings.objective()
    stop = trio.Event()
    # As many connections as there are requests: no client should wait for another's. Shadow and secondary have
    # their own, so that they take none away, however slow they are.
    limits = httpx.Limits(max_connections=None, keepalive_expiry=KEPT_IDLE)
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with (
            _client(trusted, limits) as primary,
            _client(trusted, limits) as shadow,
            _client(trusted, limits) as secondary,
        ):
            backend_of = functools.partial(
                HttpBackend,
                max_body_bytes=settings.max_body,
                credentials=settings.forward_credential,
                preserve_host=settings.preserve_host,
            )
            middleware = ShadowMiddleware(
                ReverseProxy(
                    primary, settings.primary, preserve_host=settings.preserve_host, timeout=settings.primary_timeout
                ),
                shadow=backend_of(shadow, settings.shadow),
                secondary=None if settings.secondary is None else backend_of(secondary, settings.secondary),
                config=settings.config(),
                max_body_bytes=settings.max_body,
            )
            app = ForwardedHeaders(middleware, trust=settings.trust_forwarded)
            async with trio.open_nursery() as around:
                async with trio.open_nursery() as serving:
                    (url,) = await serving.start(functools.partial(serve, app, config, stop))
                    line = f"Listening on {url}, primary {settings.primary}, shadow {settings.shadow}"
                    if settings.secondary is not None:
                        line += f", secondary {settings.secondary}"
                    if admin_listening:
                        shadower = middleware.shadower
                        admin = Admin(shadower.statistics, lambda: shadower.scorecard(objective), stop.is_set)
                        admin_config = ServerConfig()
                        admin_config.bind = admin_listening
                        (admin_url,) = await around.start(functools.partial(serve, admin, admin_config, trio.Event()))
                        line += f", admin {admin_url}"
                    around.start_soon(_obey, signals, stop, config)
                    announce(line)
                around.cancel_scope.cancel()
    return Seen(middleware.shadower.statistics(), middleware.shadower.scorecard(objective))


async def _obey(signals: AsyncIterator[int], stop: trio.Event, config: ServerConfig) -> None:
    async with trio.open_nursery() as nursery:
        async for number in signals:
            if stop.is_set():
                # Not by an exception: what holds up the drain would hold up that too.
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(128 + number)
            stop.set()
            nursery.start_soon(_cut_off, config)


async def _cut_off(config: ServerConfig) -> None:
    await trio.sleep(config.graceful_timeout)
    await config.close_connections()


def _use_certificate(config: ServerConfig, settings: Settings) -> None:
    if settings.tls_cert is None:
        return
    config.certfile = str(settings.tls_cert)
    config.keyfile = str(settings.tls_key or settings.tls_cert)
    config.keyfile_password = ""  # or OpenSSL would ask the terminal for it
    try:
        config.create_ssl_context()
    except (OSError, ValueError) as exc:  # ssl.SSLError is an OSError
        files = " and ".join(dict.fromkeys([config.certfile, config.keyfile]))
        raise CliError(f"--tls-cert, --tls-key: no certificate with its key (unencrypted) in {files}: {exc}") from None


def _trusted(ca_file: Path | None) -> ssl.SSLContext:
    context = httpx.create_ssl_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ValueError) as exc:
            raise CliError(f"--ca-file: no certificates in {ca_file}: {exc}") from None
    return context


def _client(trusted: ssl.SSLContext, limits: httpx.Limits) -> httpx.AsyncClient:
    # Without the proxies of the environment: both sides are named, and are reached directly.
    transport = httpx.AsyncHTTPTransport(verify=trusted, trust_env=False, limits=limits)
    return httpx.AsyncClient(transport=transport, trust_env=False)


def _listen(addresses: dict[str, Address]) -> list[str]:
    """Sockets that listen at all of these, as hypercorn takes them, in the same order."""
    with contextlib.ExitStack() as stack:
        sockets: list[socket.socket] = []
        for option, address in addresses.items():
            try:
                family, kind, protocol, _, place = socket.getaddrinfo(
                    address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
                )[0]
                sockets.append(stack.enter_context(socket.socket(family, kind, protocol)))
                sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sockets[-1].bind(place)
                sockets[-1].listen(1024)
            except OSError as exc:
                raise CliError(f"{option} {address}: {exc.strerror or exc}") from None
        return [f"fd://{each.detach()}" for each in sockets]
