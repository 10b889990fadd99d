"""The documents that are compared: made here, so that each module measures the same. What is done with them is told
where it is measured.
"""

from __future__ import annotations

import json
from typing import Any

#: Items that make 100 KB of JSON, and 5 MB; multiples of DIFFERENCES.
ITEMS, MANY_ITEMS = 780, 37_000
#: Items of which one member differs.
DIFFERENCES = 10


def document(items: int = ITEMS) -> dict[str, Any]:
    """Make a new one; no two share a mutable value."""
    return {
        "items": [
            {
                "id": number,
                "name": f"item number {number}",
                "price": number * 1.25,
                "tags": ["red", "green", f"tag-{number}"],
                "stock": {"here": number % 7, "there": None, "known": True},
            }
            for number in range(items)
        ]
    }


def changed(items: int = ITEMS) -> dict[str, Any]:
    """Make one that differs in ten prices, from the first item to near the last."""
    made = document(items)
    for number in range(0, items, items // DIFFERENCES):
        made["items"][number]["price"] += 1
    return made


def written(value: object) -> bytes:
    """Write it as a service would: compact JSON."""
    return json.dumps(value, separators=(",", ":")).encode()


def nested(depth: int, leaf: object) -> object:
    """Make a list in a list, and so on, down to a leaf."""
    value = leaf
    for _ in range(depth):
        value = [value]
    return value


#: For rows that only read it.
DOCUMENT = document(700)
