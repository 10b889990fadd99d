"""What mirroring costs the client of `demo --http`: the same requests to the proxy alone, and to proxies that mirror.

One request at a time, and each to all proxies in turn, so that all meet the machine as it is just then. Nothing of one
is left when the next begins, and before each there is a pause: a busy machine favours who has just slept, and that must
not be one of them alone. So this is what a call costs, and not how many fit into a second.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

import attrs
import trio

from trioshadow.asgi import ForwardedHeaders, ReverseProxy
from trioshadow.cli.common.ctrl_c import CtrlC

from .blocks import Block
from .http import CONFIG, NOISE, Proxy, new_client, running_proxy, served
from .http_services import hung_service
from .http_traffic import FOR_A_URL, choose, time_one
from .timing import Timing

#: Calls to each proxy.
TIMED = 100

#: Those before them, which are not counted: connections are made, code runs for the first time.
_WARM_UP = 5

#: Seconds before each.
_PAUSE = 0.005

#: Seconds that the hung service gets. So long each of its calls is waited for here, by nobody else.
HUNG_TIMEOUT = 0.02


@attrs.frozen
class Cost:
    """How long a client waits for the answer of one proxy."""

    what: str
    timing: Timing


@attrs.frozen
class _Way:
    what: str
    url: str
    settle: Callable[[], Awaitable[None]]
    """Waits until nothing of a call is left."""
    seconds: list[float] = attrs.field(factory=list[float])


async def measure(
    primary: str,
    shadow: str,
    blocks: Sequence[Block],
    *,
    name: str,
    ctrl_c: CtrlC,
    progress: Callable[[int], None],
) -> list[Cost]:
    """Of the proxy alone, mirroring to `shadow`, which is called `name`, and mirroring to a service that never answers.

    `progress` is told how many of `TIMED` calls are done.
    """
    short = [block for block in blocks if len(block.text) <= FOR_A_URL]
    texts = choose(short or blocks, TIMED)  # long ones would make of the p99 how long a text is
    async with _ways(primary, shadow, name) as ways, new_client() as client, ctrl_c.obeyed():
        orders = list(itertools.permutations(ways))
        for number in range(-_WARM_UP, TIMED):
            for way in orders[number % len(orders)]:
                await trio.sleep(_PAUSE)
                seconds = await time_one(client, way.url, texts[number % len(texts)])
                await way.settle()
                if number >= 0:
                    way.seconds.append(seconds)
            progress(max(0, number + 1))
        return [Cost(way.what, Timing.of(way.seconds)) for way in ways]


@contextlib.asynccontextmanager
async def _ways(primary: str, shadow: str, name: str) -> AsyncGenerator[list[_Way], None]:
    config = attrs.evolve(CONFIG, ignore=NOISE)
    impatient = attrs.evolve(CONFIG, shadow_timeout=HUNG_TIMEOUT)
    async with contextlib.AsyncExitStack() as stack:
        client = await stack.enter_async_context(new_client())
        alone = await stack.enter_async_context(served(ForwardedHeaders(ReverseProxy(client, primary))))
        hung = await stack.enter_async_context(served(hung_service))
        mirroring = await stack.enter_async_context(running_proxy(primary, shadow, config))
        hanging = await stack.enter_async_context(running_proxy(primary, hung, impatient))
        yield [
            _Way("the proxy alone", alone, trio.lowlevel.checkpoint),
            _way(f"mirroring to {name}", mirroring),
            _way("mirroring to one that hangs", hanging),
        ]


def _way(what: str, proxy: Proxy) -> _Way:
    return _Way(what, proxy.url, proxy.middleware.shadower.wait_idle)
