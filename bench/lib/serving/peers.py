"""What stands behind a proxy, and hostile shadows: servers of a few lines, in threads of this process.

They answer with bytes made beforehand, for some 20 µs of CPU: the proxy must be what is slow.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator

_CHUNK = bytes(1 << 18)


def bodies() -> dict[str, bytes]:
    """What is asked for by `/<key>`."""
    return {"4k": bytes(4_096), "100k": bytes(102_400)}


def head(length: int) -> list[tuple[bytes, bytes]]:
    """Headers of an answer, as many servers send them."""
    return [
        (b"content-type", b"application/octet-stream"),
        (b"content-length", b"%d" % length),
        (b"cache-control", b"private, max-age=60"),
        (b"etag", b'"5e7c1e4a8e9d0e3b"'),
        (b"vary", b"accept-encoding, authorization"),
        (b"x-content-type-options", b"nosniff"),
    ]


def _wire(length: int) -> bytes:
    lines = [b"HTTP/1.1 200 OK", *(b": ".join(pair) for pair in head(length))]
    return b"\r\n".join([*lines, b"", b""])


def _requests(peer: socket.socket) -> Iterator[str]:
    """The path of each request, all of which have no body."""
    received = b""
    while chunk := peer.recv(1 << 16):
        received += chunk
        while b"\r\n\r\n" in received:
            one, _, received = received.partition(b"\r\n\r\n")
            yield one.split(b" ", 2)[1].decode()


def _answer(peer: socket.socket) -> None:
    known = {f"/{name}": _wire(len(body)) + body for name, body in bodies().items()}
    for path in _requests(peer):
        if path in known:
            peer.sendall(known[path])
            continue
        size = int(path.removeprefix("/stream/"))
        peer.sendall(_wire(size))
        while size:
            size -= peer.send(_CHUNK[:size])


def _hang(peer: socket.socket) -> None:
    for _ in _requests(peer):
        pass


def _reset(peer: socket.socket) -> None:
    for _ in _requests(peer):
        peer.sendall(_wire(4_096) + bytes(100))
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close() resets
        return


#: How each behaves on one connection.
_KINDS: dict[str, Callable[[socket.socket], None]] = {"primary": _answer, "hung": _hang, "reset": _reset}


@contextlib.contextmanager
def peers() -> Iterator[dict[str, int]]:
    """The ports of all kinds, and of `refused`, where nobody listens."""
    with contextlib.ExitStack() as stack:
        ports = {}
        for kind, behave in _KINDS.items():
            listener = socket.create_server(("127.0.0.1", 0), backlog=256)
            stack.callback(_stop, listener)
            ports[kind] = listener.getsockname()[1]
            threading.Thread(target=_accept, args=(listener, behave), daemon=True).start()
        unused = stack.enter_context(socket.socket())
        unused.bind(("127.0.0.1", 0))  # held, and not listening: nobody else gets it
        ports["refused"] = unused.getsockname()[1]
        yield ports


def _stop(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)  # wakes accept(); close() would not
    listener.close()


def _accept(listener: socket.socket, behave: Callable[[socket.socket], None]) -> None:
    with contextlib.suppress(OSError):  # closed
        while True:
            peer, _ = listener.accept()
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_serve, args=(peer, behave), daemon=True).start()


def _serve(peer: socket.socket, behave: Callable[[socket.socket], None]) -> None:
    with peer, contextlib.suppress(OSError):  # the other side may go when it likes
        behave(peer)
