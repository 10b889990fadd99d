"""Serves the proxy: sockets, TLS, clients, signals, the drain. What is served is put together here from the library's
parts, and everything that can be wrong is found out before anything listens.
"""

from __future__ import annotations

import contextlib
import functools
import signal
import socket
from collections.abc import Callable

import attrs
import trio

from trioshadow import ShadowStatistics, Sink
from trioshadow.archive import JsonlSink
from trioshadow.asgi import ForwardedHeaders, ReverseProxy, ShadowMiddleware
from trioshadow.cli.common.clients import make_client, trusted_by
from trioshadow.cli.common.errors import CliError
from trioshadow.cli.common.hypercorn import ServerConfig, serve
from trioshadow.cli.common.signals import obey
from trioshadow.evidence import Scorecard
from trioshadow.guard import Breaker

from .address import Address
from .admin import Admin
from .options import ProxyOptions


@attrs.frozen
class Seen:
    """What there is to report in the end."""

    statistics: ShadowStatistics
    scorecard: Scorecard


async def serve_proxy(options: ProxyOptions, announce: Callable[[str], None]) -> Seen:
    """Serve until SIGTERM or SIGINT, then drain. `announce` is told one line when it listens.

    Raises CliError for what can't be used. A second signal ends the process at once.
    """
    config = ServerConfig()
    config.graceful_timeout = options.drain
    _use_certificate(config, options)
    trusted = trusted_by(options.ca_file)
    addresses = {"--listen": options.listen}
    if options.admin is not None:
        addresses["--admin"] = options.admin
    listening, *admin_listening = _listen(addresses)
    config.bind = [listening]

    objective = options.objective()
    stop = trio.Event()
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with (
            make_client(trusted) as primary,
            make_client(trusted) as shadow,
            make_client(trusted) as secondary,
        ):
            middleware = ShadowMiddleware(
                ReverseProxy(
                    primary, options.primary, preserve_host=options.preserve_host, timeout=options.primary_timeout
                ),
                shadow=options.backend(shadow, options.shadow),
                secondary=None if options.secondary is None else options.backend(secondary, options.secondary),
                config=options.config(),
                sinks=() if options.archive is None else (Sink(JsonlSink(options.archive), name="archive"),),
                breaker=Breaker() if options.breaker else None,
                max_body_bytes=options.max_body,
                objective=objective,
            )
            app = ForwardedHeaders(middleware, trust=options.trust_forwarded)
            async with trio.open_nursery() as around:
                async with trio.open_nursery() as serving:
                    (url,) = await serving.start(functools.partial(serve, app, config, stop))
                    line = f"Listening on {url}, primary {options.primary}, shadow {options.shadow}"
                    if options.secondary is not None:
                        line += f", secondary {options.secondary}"
                    if admin_listening:
                        shadower = middleware.shadower
                        admin = Admin(shadower.statistics, shadower.scorecard, stop.is_set)
                        admin_config = ServerConfig()
                        admin_config.bind = admin_listening
                        (admin_url,) = await around.start(functools.partial(serve, admin, admin_config, trio.Event()))
                        line += f", admin {admin_url}"

                    def begin_to_stop(_: int) -> None:
                        stop.set()
                        around.start_soon(_cut_off, config)

                    around.start_soon(obey, signals, begin_to_stop)
                    announce(line)
                around.cancel_scope.cancel()
    return Seen(middleware.shadower.statistics(), middleware.shadower.scorecard())


async def _cut_off(config: ServerConfig) -> None:
    await trio.sleep(config.graceful_timeout)
    await config.close_connections()


def _use_certificate(config: ServerConfig, options: ProxyOptions) -> None:
    if options.tls_cert is None:
        return
    config.certfile = str(options.tls_cert)
    config.keyfile = str(options.tls_key or options.tls_cert)
    config.keyfile_password = ""  # or OpenSSL would ask the terminal for it
    try:
        config.create_ssl_context()
    except (OSError, ValueError) as exc:  # ssl.SSLError is an OSError
        files = " and ".join(dict.fromkeys([config.certfile, config.keyfile]))
        raise CliError(f"--tls-cert, --tls-key: no certificate with its key (unencrypted) in {files}: {exc}") from None


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
