"""Load over HTTP/1.1: plain sockets that send a request made beforehand, and read responses by their Content-Length.

It stands in another process than the server, so that the server has a core to itself, and it costs some 30 µs a
request where hypercorn takes 500 and more: what is measured is the server. A client of comfort (httpx: 400 µs) would
wait for itself, and hide in its own time what a middleware adds. One thread, `select()`, no parsing beyond what has to
be known: that the status is 200, and where the response ends.

Each run opens its own connections and has one response from each before its clock starts.
"""

from __future__ import annotations

import contextlib
import heapq
import random
import re
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterator

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEADERS = (
    ("user-agent", "mobile-app/7.12 (bench)"),
    ("accept", "application/json"),
    ("accept-encoding", "gzip, deflate"),
    ("authorization", "Bearer 5c1e8a0f9d3b4a7f8e2d6c5b4a39281706f5e4d3c2b1a090"),
    ("cookie", "session=0123456789abcdef0123456789abcdef; theme=dark"),
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ("x-request-id", "6f1c0f5e-7c1e-4a8e-9d0e-3b1f0a2c4d5e"),
)


def headers(host: str) -> list[tuple[str, str]]:
    """Headers as many clients send them."""
    return [("host", host), *_HEADERS]


def request(path: str) -> bytes:
    """A GET, as it goes over the wire."""
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers("api.example"))]
    return "\r\n".join([*lines, "", ""]).encode()


def _end_of_head(received: bytearray) -> tuple[int, int] | None:
    """Where the head ends, and the body's length; None if the head is not there yet. Raises if it is not a 200."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(received[:end])
    length = _LENGTH.search(head)
    if not head.startswith(b"HTTP/1.1 200") or length is None:
        raise AssertionError(f"an answer that was not expected: {head!r}")
    return end + 4, int(length[1])


class _Connection:
    """A keep-alive connection that sends the same request again and again."""

    def __init__(self, port: int, sent: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sent = sent
        self._received = bytearray()
        self._whole: int | None = None
        self.started = 0.0

    def send(self, started: float) -> None:
        self.started = started
        self.socket.sendall(self._sent)

    def receive(self) -> bool:
        """Take what is there. True if that makes the response whole."""
        chunk = self.socket.recv(1 << 18)
        if not chunk:
            raise AssertionError("the server closed the connection")
        self._received += chunk
        if self._whole is None:
            head = _end_of_head(self._received)
            if head is None:
                return False
            self._whole = sum(head)
        if len(self._received) < self._whole:
            return False
        if len(self._received) > self._whole:
            raise AssertionError("more came than the response")
        self._received.clear()
        self._whole = None
        return True

    def once(self) -> None:
        self.send(0)
        while not self.receive():
            pass


@contextlib.contextmanager
def _connected(port: int, sent: bytes, count: int) -> Iterator[tuple[selectors.BaseSelector, list[_Connection]]]:
    # select(), since epoll() sleeps in whole milliseconds.
    with contextlib.ExitStack() as stack:
        selector = stack.enter_context(selectors.SelectSelector())
        connections = []
        for _ in range(count):
            connection = _Connection(port, sent)
            stack.enter_context(connection.socket)
            connection.once()
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connections.append(connection)
        yield selector, connections


def closed_loop(port: int, sent: bytes, seconds: float, connections: int) -> tuple[float, int]:
    """Responses per second while each connection asks again as soon as it has its answer, and how many requests there
    were in all.
    """
    now = time.perf_counter
    with _connected(port, sent, connections) as (selector, all_of_them):
        start = now()
        for connection in all_of_them:
            connection.send(start)
        open_requests, asked, done = connections, 2 * connections, 0
        first = last = start
        while open_requests:
            for key, _ in selector.select():
                connection = key.data
                if not connection.receive():
                    continue
                open_requests -= 1
                moment = now()
                if moment - start < seconds or done < connections:
                    # From one completion to another, so that neither the first wait nor the last is in it.
                    first = first if done else moment
                    last = moment
                    done += 1
                    connection.send(moment)
                    open_requests += 1
                    asked += 1
        return (done - 1) / (last - first), asked


def open_loop(port: int, sent: bytes, seconds: float, rate: float, seed: int) -> tuple[list[float], int]:
    """Seconds from each request to its whole response, of requests that come at random moments (`rate` a second,
    exponential gaps, the same for the same seed) whether or not those before them are answered; and how many requests
    there were in all.

    A request that finds no idle connection waits for one, and that is part of its time.
    """
    connections = 24
    now = time.perf_counter
    gaps = random.Random(seed)
    latencies: list[float] = []
    with _connected(port, sent, connections) as (selector, all_of_them):
        idle, waiting = deque(all_of_them), deque[float]()
        start = now()
        due: list[float] = []
        moment = start
        while (moment := moment + gaps.expovariate(rate)) < start + seconds or len(due) < 2:
            heapq.heappush(due, moment)
        asked = len(due)
        while due or waiting or len(idle) < connections:
            timeout = max(0.0, due[0] - now()) if due else None
            for key, _ in selector.select(timeout):
                connection = key.data
                if connection.receive():
                    latencies.append(now() - connection.started)
                    idle.append(connection)
            moment = now()
            while due and due[0] <= moment:
                heapq.heappop(due)
                waiting.append(moment)  # and not when it was due: that this process was late is not the server's doing
            while waiting and idle:
                idle.popleft().send(waiting.popleft())
    return latencies, asked + connections


def ask(port: int, path: str) -> bytes:
    """The body of one response."""
    with contextlib.closing(_Connection(port, request(path)).socket) as one:
        one.sendall(request(path))
        received = bytearray()
        while (head := _end_of_head(received)) is None or len(received) < sum(head):
            chunk = one.recv(1 << 16)
            if not chunk:
                raise AssertionError("the server closed the connection")
            received += chunk
        return bytes(received[head[0] :])


def read_stream(port: int, path: str, size: int, pause: float) -> None:
    """Read a response of `size` bytes and throw it away, as fast as it comes; but in its midst take nothing for some
    seconds.
    """
    with contextlib.closing(_Connection(port, request(path)).socket) as one:
        one.sendall(request(path))
        received = bytearray()
        while (head := _end_of_head(received)) is None:
            received += one.recv(1 << 16)
        if head[1] != size:
            raise AssertionError(f"{head[1]:,} bytes were announced, and not {size:,}")
        left = size - (len(received) - head[0])
        buffer = bytearray(1 << 18)
        while left:
            paused_at = left <= size // 2 and pause
            if paused_at:
                time.sleep(pause)
                pause = 0
            count = one.recv_into(buffer)
            if not count:
                raise AssertionError("the server broke off")
            left -= count
        if left < 0:
            raise AssertionError("more came than the response")
