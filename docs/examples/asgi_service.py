"""Replace an ASGI service: a Starlette app answers, and a FastAPI app in the same process is to take its place."""

import functools
from datetime import UTC, datetime
from typing import Annotated

import httpx
import trio
from fastapi import FastAPI, Request
from hypercorn.config import Config
from hypercorn.trio import serve
from pydantic import BaseModel, BeforeValidator
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from trioshadow import ShadowConfig
from trioshadow.asgi import ShadowMiddleware
from trioshadow.compare import Accept, Normalize
from trioshadow.evidence import Objective

#: In earnest: max_rate=0.001, and no fast_enough. A script takes no minutes: fifty calls in order are one event.
OBJECTIVE = Objective(max_rate=0.01, fast_enough=0.5, block_seconds=None, block_calls=50)

UNTIL = datetime(2026, 1, 1, tzinfo=UTC)


class Price(BaseModel):
    cents: int
    until: datetime


async def old_price(request: Request) -> JSONResponse:
    try:
        cents = 99 * int(request.query_params["count"])
    except ValueError:
        return JSONResponse({"error": "count must be a number"}, 400)
    return JSONResponse({"cents": cents, "until": UNTIL.isoformat()})


async def new_price(count: Annotated[int, BeforeValidator(int)]) -> Price:  # pydantic's int takes "2.0" too
    return Price(cents=99 * count, until=UNTIL)


async def main() -> None:
    old, new = Starlette(routes=[Route("/prices/{sku}", old_price)]), FastAPI()
    new.get("/prices/{sku}")(new_price)
    refused = Accept(lambda old, new: (old.status, new.status) == (400, 422))  # each in its own words
    rules = [refused, Normalize("$.until", datetime.fromisoformat)]  # +00:00, and Z
    app = ShadowMiddleware(old, shadow=new, config=ShadowConfig(ignore=rules, candidate="fastapi"), objective=OBJECTIVE)
    hypercorn, stop = Config.from_mapping(bind=["127.0.0.1:0"], errorlog=None), trio.Event()
    async with trio.open_nursery() as nursery:
        (url,) = await nursery.start(functools.partial(serve, app, hypercorn, shutdown_trigger=stop.wait))
        async with httpx.AsyncClient(base_url=url) as browser:
            for number in range(1_500):
                count = {7: "many", 9: "2.0"}.get(number % 100, number % 10)
                await browser.get(f"/prices/lamp-{number}", params={"count": count})
        stop.set()  # the server shuts down, and the legs are drained
    print(app.shadower.scorecard().explain())


trio.run(main)
