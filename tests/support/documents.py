"""Random small documents, edited copies of them, and rules about them: for brute force over what is the same."""

from __future__ import annotations

import random
from typing import Any

import attrs
import msgspec

from trioshadow.compare import (
    Accept,
    Default,
    IgnoreName,
    IgnorePath,
    KeyedBy,
    Normalize,
    Only,
    SameNumber,
    SameText,
    SameTime,
    Subset,
    Tolerance,
    Unordered,
)

#: Few paths and few values, so that rules meet at one place and take away what differs.
PATHS = ["$", "$..*", "$.a", "$[*]", "$[*].id", "$[*].a", "$[0]", "$[0].a", "$.a[*]", "$..[1]"]
SCALARS = [0, 1, 1.4, 1.6, "a", "A ", "1", None]
FUNCTIONS = [str, round, len, sorted, lambda value: value, lambda value: value[0], lambda value: value["a"]]
#: Without the one that makes an array of the only character in an array, again and again, at `$..*`.
ENDING = [function for function in FUNCTIONS if function is not sorted]
PREDICATES = [lambda a, b: True, lambda a, b: a == 1, lambda a, b: b is None, lambda a, b: a < b]


class Zeros(msgspec.Struct, rename={"a": "A"}, omit_defaults=True):
    """Written as mappings of other names, of which some may be absent."""

    id: Any = 0
    a: Any = 0


@attrs.frozen
class Texts:
    """Compared by a key, and not by the id."""

    id: Any = attrs.field(default=0, eq=False)
    a: Any = attrs.field(default=0, eq=str)


Zeros.__module__, Texts.__module__ = "zeros", "texts"  # of one package they would be two kinds


class Documents:
    """Random documents, edited copies of them, and rules."""

    def __init__(self, seed, functions=FUNCTIONS):
        self.random = random.Random(seed)
        self.functions = functions

    def scalar(self):
        return self.random.choice(SCALARS)

    def document(self, depth=2):
        kind = self.random.random()
        if depth == 0 or kind < 0.1:
            return self.scalar()
        if kind < 0.75:
            return [self.document(depth - 1) for _ in range(self.random.randint(2, 3))]
        return {name: self.document(depth - 1) for name in self.random.sample(["id", "a"], 2)}

    def edited(self, value):
        if isinstance(value, list):
            value = [self.edited(one) for one in value]
            if self.random.random() < 0.6:
                self.random.shuffle(value)
            return value
        if isinstance(value, dict):
            return {name: self.edited(one) for name, one in value.items()}
        return self.scalar() if self.random.random() < 0.3 else value

    def with_records(self, value):
        if isinstance(value, list):
            return [self.with_records(one) for one in value]
        if not isinstance(value, dict):
            return value
        found = {name: self.with_records(one) for name, one in value.items()}
        if self.random.random() < 0.2:
            found = {name.replace("a", "A"): one for name, one in found.items()}
            return found if self.random.random() < 0.5 else {name: one for name, one in found.items() if one != 0}
        return self.random.choice([Zeros, Texts])(**found)

    def rule(self):
        choice, path = self.random.choice, self.random.choice(PATHS)
        make = choice(
            [
                lambda: IgnorePath(path),
                lambda: IgnoreName(choice(["a", "i*", "x"])),
                lambda: Tolerance(path, abs=0.5),
                lambda: SameText(path, ignore_case=True, ignore_blanks=True),
                lambda: SameNumber(path),
                lambda: SameTime(path, within=1),
                lambda: Default(path, choice([None, 0, []])),
                lambda: Unordered(path),
                lambda: KeyedBy(path, choice(["id", "a", ("id", "a"), "@.a.id"])),
                lambda: Subset(path),
                lambda: Only((path, choice(PATHS))),
                lambda: Normalize(path, choice(self.functions)),
                lambda: Accept(choice(PREDICATES), path),
            ]
        )
        return make()
