"""JSON against protobuf: a catalogue answers JSON, and is to answer the same in protobuf."""

import json
import random

import trio
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

from trioshadow import ResponseRecord, ShadowConfig, Shadower
from trioshadow.compare import IgnoreHeader, Normalize, Tolerance
from trioshadow.evidence import Objective

#: In earnest: max_rate=0.001, and no fast_enough. A script takes no minutes: fifty calls in order are one event.
OBJECTIVE = Objective(max_rate=0.01, fast_enough=0.5, block_seconds=None, block_calls=50)

# In place of what protoc makes of your .proto file.
file = descriptor_pb2.FileDescriptorProto(name="shop.proto", package="shop", syntax="proto3")
fields = file.message_type.add(name="Product").field
kinds = {"sku": "STRING", "unit_price": "DOUBLE", "grams": "FLOAT", "stock": "INT64", "tags": "STRING"}
for number, (name, kind) in enumerate(kinds.items(), 1):
    label = "LABEL_REPEATED" if name == "tags" else "LABEL_OPTIONAL"
    fields.add(name=name, number=number, type=f"TYPE_{kind}", label=label)
pool = descriptor_pool.DescriptorPool()
pool.Add(file)
Product = message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Product"))


def product(number: int) -> dict[str, object]:
    rng = random.Random(number)
    price, grams = round(rng.uniform(1, 900), 2), round(rng.uniform(1, 90_000), 3)
    tags = rng.choice([[], ["oak"], ["oak", "new"]])
    return {"sku": f"lamp {number}", "unit_price": price, "grams": grams, "stock": rng.choice([0, 7]), "tags": tags}


async def old(number: int) -> ResponseRecord:
    return ResponseRecord(json.dumps(product(number)).encode(), headers={"Content-Type": "application/json"})


async def new(number: int) -> ResponseRecord:
    body = Product(**product(number)).SerializeToString()
    return ResponseRecord(body, headers={"Content-Type": "application/x-protobuf"})


def from_protobuf(body: bytes) -> dict[str, object]:
    message = Product.FromString(body)
    # unitPrice would be the name, and a stock of 0 or no tags would be left out.
    options = {"preserving_proto_field_name": True, "always_print_fields_with_no_presence": True}
    return json_format.MessageToDict(message, **options)


async def main() -> None:
    rules = [IgnoreHeader("content-type"), Normalize("$.stock", int), Tolerance("$.grams", rel=1e-6)]
    config = ShadowConfig(decoders={"application/x-protobuf": from_protobuf}, ignore=rules, candidate="protobuf")
    async with Shadower(old, new, config, objective=OBJECTIVE) as shadower:
        for number in range(2_000):
            await shadower.call(number, operation="product")
            await shadower.wait_idle()
        # A real objective says 0.001 and takes ten times the calls.
        print(shadower.scorecard().explain())


trio.run(main)
