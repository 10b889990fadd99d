"""Replace a service behind an httpx client: what an application asks the old one is mirrored to the new one."""

import contextlib
import functools
import random
from collections.abc import AsyncIterator

import httpx
import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from trioshadow import ShadowConfig, Shadower
from trioshadow.evidence import Objective
from trioshadow.http import HttpBackend, ShadowTransport, served_by_edge

#: In earnest: max_rate=0.001, and no fast_enough. A script takes no minutes: fifty calls in order are one event.
OBJECTIVE = Objective(max_rate=0.01, fast_enough=0.5, block_seconds=None, block_calls=50)


@contextlib.asynccontextmanager
async def service(seed: int) -> AsyncIterator[str]:
    async def product(request: Request) -> Response:
        number = int(request.path_params["number"])
        warehouse = random.Random(f"{seed} {number}").choice(["east", "west"])  # one of two, as load has it
        return JSONResponse({"cents": 99 + 7 * number, "warehouse": warehouse})

    async def order(_: Request) -> Response:
        return Response(status_code=201)

    app = Starlette(routes=[Route("/products/{number}", product), Route("/orders", order, methods=["POST"])])
    config, stop = Config.from_mapping(bind=["127.0.0.1:0"], errorlog=None), trio.Event()
    async with trio.open_nursery() as nursery:
        (url,) = await nursery.start(functools.partial(serve, app, config, shutdown_trigger=stop.wait))
        yield url
        stop.set()


async def application(api: httpx.AsyncClient) -> None:  # it knows nothing
    for number in range(1_200):
        (await api.get(f"/products/{number}")).raise_for_status()
        if number % 8 == 0:
            (await api.post("/orders", json={"product": number})).raise_for_status()


async def main() -> None:
    client = httpx.AsyncClient(limits=httpx.Limits(max_connections=None))  # max_in_flight is limit enough
    async with service(1) as old, service(2) as again, service(3) as new, client:
        config = ShadowConfig(noise_rate=1.0, candidate="2.0")  # pairs decide how soon something can be said
        shadower = Shadower(
            served_by_edge, HttpBackend(client), config, secondary=HttpBackend(client, again), objective=OBJECTIVE
        )
        transport = ShadowTransport(httpx.AsyncHTTPTransport(), shadower=shadower, routes={old: new})
        async with shadower, httpx.AsyncClient(transport=transport, base_url=old) as api:
            await application(api)
            await shadower.wait_idle()
            print(shadower.scorecard().explain())


trio.run(main)
