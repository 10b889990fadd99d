"""Change a codec: sensors' messages are read and written by json, and are to be by msgspec, into records of a type."""

import contextlib
import json
import random

import msgspec
import trio

from trioshadow import ShadowConfig, Shadower
from trioshadow.compare import SameError
from trioshadow.evidence import Objective

#: In earnest: max_rate=0.001, and no fast_enough. A script takes no minutes: fifty calls in order are one event.
OBJECTIVE = Objective(max_rate=0.01, fast_enough=0.5, block_seconds=None, block_calls=50)


class Reading(msgspec.Struct):
    sensor: int
    celsius: float
    note: str = ""


to_reading = msgspec.json.Decoder(Reading).decode


async def old(message: bytes | dict) -> dict | bytes:
    return json.loads(message) if isinstance(message, bytes) else json.dumps(message).encode()


async def new(message: bytes | dict) -> Reading | bytes:
    return to_reading(message) if isinstance(message, bytes) else msgspec.json.encode(message)


async def main() -> None:
    rng = random.Random(1)
    refused = SameError(json.JSONDecodeError, msgspec.DecodeError)  # by both: that is agreement
    # No views: a record is compared as the object of its fields, and bytes as the JSON that is in them.
    config = ShadowConfig(ignore=[refused], candidate="msgspec")
    async with Shadower(old, new, config, objective=OBJECTIVE) as shadower:
        for number in range(2_000):
            reading = {"sensor": number, "celsius": round(rng.gauss(20, 5), 2), "note": "in the Küche"}
            if number % 50 == 0:
                reading["celsius"] = float("nan")  # broken. json writes NaN, which is no JSON, and reads it again
            elif number % 50 == 1:
                reading["note"] = "\ud83d"  # half an emoji, as is left where a text is cut to a length
            body = json.dumps(reading).encode()
            if number % 50 == 2:
                body = b"\xef\xbb\xbf" + body  # with a byte order mark
            elif number % 50 == 3:
                body = body[:-1]  # broken off
            for operation, message in [("write", reading), ("read", body)]:
                with contextlib.suppress(json.JSONDecodeError):  # the caller gets what it always got
                    await shadower.call(message, key=number, operation=operation)
                await shadower.wait_idle()
        for cause in sorted({record.failure.message for record in shadower.failures()}):
            print(cause)
        # A real objective says 0.001 and takes ten times the messages.
        print(shadower.scorecard().explain())


trio.run(main)
