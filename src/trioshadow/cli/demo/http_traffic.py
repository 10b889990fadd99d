"""The client of `demo --http`: which texts are sent, and how they are asked about."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from urllib.parse import quote

import httpx
import trio

from trioshadow.cli.common.errors import CliError

from .blocks import Block
from .http_services import PATH

CALLERS = 8

#: Carries the number of the text, which is the sampling key, and so leads from a record back to the text.
NUMBER = "x-block"

#: Characters. One that is longer keeps the processor, which all share here, for too long: it is left out.
LONGEST = 50_000

#: Characters. Longer ones are posted, as people do: a URL of so many is common, and nine times that still fits.
FOR_A_URL = 1_000


def choose(blocks: Sequence[Block], count: int) -> list[Block]:
    """At most so many of the blocks that are not too long, evenly spread. CliError if there are none."""
    short = [block for block in blocks if len(block.text) <= LONGEST]
    if not short:
        raise CliError(f"there is no block of text of at most {LONGEST:,} characters")
    if len(short) <= count:
        return short
    return [short[number * len(short) // count] for number in range(count)]


def request_about(text: str, number: int, url: str) -> httpx.Request:
    """A GET with the text in the query, or a POST with it in a JSON body."""
    headers = {NUMBER: str(number)}
    if len(text) <= FOR_A_URL:
        return httpx.Request("GET", f"{url}{PATH}?text={quote(text, safe='', errors='surrogatepass')}", headers=headers)
    headers["content-type"] = "application/json"
    return httpx.Request("POST", f"{url}{PATH}", headers=headers, content=json.dumps({"text": text}).encode())


async def ask_all(client: httpx.AsyncClient, url: str, blocks: Iterable[tuple[int, Block]]) -> None:
    """Ask about all of them, by their numbers, a few at a time. What is answered is nobody's concern."""
    todo = iter(blocks)

    async def caller() -> None:
        for number, block in todo:
            await client.send(request_about(block.text, number, url))

    async with trio.open_nursery() as callers:
        for _ in range(CALLERS):
            callers.start_soon(caller)


async def time_one(client: httpx.AsyncClient, url: str, block: Block) -> float:
    """Seconds until the client has the whole answer."""
    request = request_about(block.text, 0, url)
    started = time.perf_counter()
    await client.send(request)
    return time.perf_counter() - started
