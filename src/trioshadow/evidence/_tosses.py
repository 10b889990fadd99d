"""One toss a key: what the first pair of each key said in which a field differed. It knows nothing of keys but their
hashes.

Calls of one key depend on one another: a stale copy of one record differs in each call that asks for it. So a field is
judged by its calls *and* by its keys, of which each has one say, however often it is called. What is kept of a key is
what its first differing pair was: of the shadow only, of the secondary only, or of both.

Room for that is bounded, and what is kept must not depend on what was seen. So there are *levels*: at level i are the
keys with a hash below 2**(64-i). Each level is a sample of the keys that was drawn before anything was counted, with a
wealth of its own; what is bet is spread over the levels, `LEVEL_WEIGHTS`. When the room is full the lowest open level
is closed: its counts stay as they are, and its keys are forgotten but for those of the next one. (A sample that slides,
the keys with the lowest hashes so far, is no e-process: it drops tosses that were won.)

Two processes' tosses are added up key by key, where both have one the earlier stands: exactly what one process would
have kept, until a level is full in one of them. From then on that level is the mean over those that have closed it.
"""

from __future__ import annotations

import base64
import binascii
import math
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import attrs

from ._betting import Pairs
from ._bounds import log_sum
from ._distinct import DistinctKeys, little_endian
from ._plain import count_in, moment_in, text_in

#: Keys that are kept at once, of one field.
KEYS_OF_TOSSES = 2048

#: What the first differing pair of a key was. ALONE: a call without a secondary, in which the shadow differed; a pair
#: takes its place.
SHADOW_ONLY, SECONDARY_ONLY, BOTH, ALONE = range(4)

#: Of what is bet, so much at level 0, half of the rest at level 1, half of that at level 2, and so on; as logarithms.
_FIRST = 0.9
_LEVELS = 40

#: Moments are kept in milliseconds since 1970, and those that no clock gives at the nearest one.
_MOMENTS = 2**48


def _weight(level: int) -> float:
    return math.log(_FIRST if level == 0 else (1 - _FIRST) * 0.5**level)


LEVEL_WEIGHTS = tuple(_weight(level) for level in range(_LEVELS))


@attrs.frozen
class _Closed:
    """A level that was full: its counts when that happened."""

    level: int
    tosses: tuple[int, int, int, int]
    """By what the first differing pair was."""
    keys: float
    """All keys of the level that had been seen, about."""


class Tosses:
    """Of one field."""

    __slots__ = ("_closed", "_hashes", "_keyless", "_level", "_moments", "_says")

    def __init__(self) -> None:
        self._level = 0
        self._hashes = array("Q")  # sorted
        self._moments = array("Q")  # of each, when it was said
        self._says = bytearray()  # and what
        self._keyless = [0, 0, 0, 0]
        """Calls without a key: each is one of its own. They are counted at level 0, until that is closed."""
        self._closed: list[_Closed] = []

    def add(self, key_hash: int | None, says: int, at: float, keys: DistinctKeys) -> None:
        """A call of this key differed, at the wall-clock time `at`. `keys`: all keys that were seen."""
        if key_hash is None:
            if not self._level:
                self._keyless[says] += 1
            return
        if key_hash >> (64 - self._level):
            return
        hashes = self._hashes
        index = bisect_left(hashes, key_hash)
        if index < len(hashes) and hashes[index] == key_hash:
            if says != ALONE and self._says[index] == ALONE:
                self._says[index], self._moments[index] = says, _moment(at)
            return
        hashes.insert(index, key_hash)
        self._moments.insert(index, _moment(at))
        self._says.insert(index, says)
        if len(hashes) > KEYS_OF_TOSSES:
            self._close(keys)

    def _close(self, keys: DistinctKeys) -> None:
        keys_of_level = float(keys.at_level(self._level)[0])
        self._closed.append(_Closed(self._level, self._counts(self._level), keys_of_level))
        self._level += 1
        self._keep_open()

    def _keep_open(self) -> None:
        end = bisect_left(self._hashes, 1 << (64 - self._level))
        del self._hashes[end:], self._moments[end:], self._says[end:]

    def _counts(self, level: int) -> tuple[int, int, int, int]:
        end = bisect_left(self._hashes, 1 << (64 - level))
        counts = [self._says.count(says, 0, end) for says in range(4)]
        if not level:
            counts = [ours + keyless for ours, keyless in zip(counts, self._keyless, strict=True)]
        return counts[0], counts[1], counts[2], counts[3]

    def levels(self, keys: DistinctKeys, *, paired: bool, most: bool) -> list[tuple[float, Pairs]]:
        """Of each level what of all that is bet is on it, as a logarithm, and what its keys said.

        `keys`: all that were seen. `paired`: there is a secondary. `most`: take as many keys as there may be, and not
        as few.
        """
        found: list[tuple[float, Pairs]] = []
        for level in range(self._level + 1):
            closed = [one for one in self._closed if one.level == level]
            for one in closed:
                weight = LEVEL_WEIGHTS[level] - math.log(len(closed))
                found.append((weight, _pairs(one.tosses, one.keys, paired=paired)))
            if not closed and level == self._level:
                said = _pairs(self._counts(level), keys.at_level(level)[most], paired=paired)
                found.append((LEVEL_WEIGHTS[level], said))
        return found

    @property
    def worse(self) -> int:
        """Of so many keys it was seen that only the shadow differs, or that it does without a secondary. At least."""
        levels = [self._counts(self._level), *(one.tosses for one in self._closed)]
        return max(tosses[SHADOW_ONLY] + tosses[ALONE] for tosses in levels)

    def forget_alone(self) -> None:
        """There are pairs now, which know what is noise: calls without a secondary are no tosses beside them, and take
        none of the room.
        """
        if ALONE in self._says:
            kept = [one for one in self._said() if one[2] != ALONE]
            self._hashes, self._moments = (array("Q", [one[index] for one in kept]) for index in range(2))
            self._says = bytearray(says for *_, says in kept)
        self._keyless[ALONE] = 0
        self._closed = [attrs.evolve(one, tosses=_four((*one.tosses[:ALONE], 0))) for one in self._closed]

    def update(self, other: Tosses) -> None:
        """Add the tosses of another."""
        self._closed += other._closed
        self._closed.sort(key=lambda one: (one.level, one.tosses))
        self._keyless = [ours + theirs for ours, theirs in zip(self._keyless, other._keyless, strict=True)]
        self._level = max(self._level, other._level)
        if not other._hashes:
            self._keep_open()
            return
        said: dict[int, tuple[bool, int, int]] = {}
        for key_hash, moment, says in (*self._said(), *other._said()):
            one = says == ALONE, moment, says
            said[key_hash] = min(one, said.get(key_hash, one))
        self._hashes = array("Q", sorted(said))
        self._moments = array("Q", [said[key_hash][1] for key_hash in self._hashes])
        self._says = bytearray(said[key_hash][2] for key_hash in self._hashes)
        self._keep_open()

    def _said(self) -> Iterator[tuple[int, int, int]]:
        return zip(self._hashes, self._moments, self._says, strict=True)

    def to_dict(self) -> dict[str, object]:
        """Plain data: hashes and moments (milliseconds since 1970) as base64, 8 bytes each, little-endian; and what
        they say, a digit each.
        """
        return {
            "level": self._level,
            "hashes": base64.b64encode(little_endian(self._hashes).tobytes()).decode(),
            "moments": base64.b64encode(little_endian(self._moments).tobytes()).decode(),
            "says": "".join(map(str, self._says)),
            "keyless": self._keyless[:],
            "closed": [[one.level, *one.tosses, one.keys] for one in self._closed],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Tosses:
        """What `to_dict()` gave. ValueError, TypeError or KeyError if it can't have."""
        tosses = cls()
        tosses._level = count_in(data, "level")
        hashes, moments = (_numbers(text_in(data, name)) for name in ("hashes", "moments"))
        says = bytearray(map(int, text_in(data, "says")))
        if not len(hashes) == len(moments) == len(says) or any(one >= other for one, other in pairwise(hashes)):
            raise ValueError("the tosses of keys are hashes, sorted, each with a moment and what it says")
        if tosses._level >= _LEVELS or any(one > ALONE for one in says):
            raise ValueError("the tosses of keys have 40 levels, and say one of four things")
        tosses._hashes, tosses._moments, tosses._says = hashes, moments, says
        tosses._keyless = list(_four(data["keyless"]))
        tosses._closed = [
            _Closed(count_in({"level": level}, "level"), _four(tosses_of), moment_in({"keys": keys}, "keys"))
            for level, *tosses_of, keys in data["closed"]
        ]
        return tosses


def _numbers(text: str) -> array[int]:
    try:
        return little_endian(array("Q", base64.b64decode(text, validate=True)))
    except binascii.Error as exc:
        raise ValueError("the tosses of keys are base64") from exc


def _four(counts: Any) -> tuple[int, int, int, int]:
    shadow, secondary, both, alone = (count_in({"tosses": one}, "tosses") for one in counts)
    return shadow, secondary, both, alone


def _moment(at: float) -> int:
    moment = int(at * 1_000)
    return moment if 0 <= moment < _MOMENTS else 0


def _pairs(counts: tuple[int, int, int, int], keys: float, *, paired: bool) -> Pairs:
    shadow, secondary, both, alone = counts
    if not paired:
        worse = shadow + both + alone
        return Pairs(0, 0, 0, 0, worse, max(0.0, keys - worse))
    return Pairs(shadow, secondary, both, max(0.0, keys - shadow - secondary - both))


def over_levels(levels: Sequence[tuple[float, Pairs]], of: Callable[[Pairs], float]) -> float:
    """The log-wealth of all levels together, if `of(pairs)` is that of one."""
    weight, pairs = levels[0]
    wealth = weight + of(pairs)
    for weight, pairs in levels[1:]:
        wealth = log_sum(wealth, weight + of(pairs))
    return wealth
