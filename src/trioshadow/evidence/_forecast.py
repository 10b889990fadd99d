"""How much longer it takes, in words: calls, and hours at the present rate. Pure."""

from __future__ import annotations

import math

import attrs

from trioshadow._model.words import counted

from ._betting import Allowed, Pairs, regressed_wealth
from ._bounds import factor_needed, rate_wealth, weight_of
from ._few_keys import OFTEN
from ._scores import BLOCKS_OF_FEW_KEYS, FieldScore, OperationScore

#: Seconds. What went on for less is no rate: it is the noise of a start.
_RATE = 60.0


@attrs.frozen
class Forecast:
    """Of one operation, of which so many calls were compared in so many seconds."""

    compared: int
    seconds: float
    rate: str = "the present rate"

    def calls(self, number: float, *, what: str = "more calls") -> str:
        """`about 4,200 more calls (1.2 hours at the present rate)`; without the hours where no rate is known."""
        about = rounded(number)
        told = f"about {about:,} {what.removesuffix('s') if about == 1 else what}"
        if self.seconds < _RATE or not self.compared:
            return told
        return f"{told} ({lasting(number * self.seconds / self.compared)} at {self.rate})"

    def of_operation(self, operation: OperationScore) -> str:
        """What it takes until it is clean."""
        needed = operation.keys_needed
        if operation.few_keys and operation.blocks < BLOCKS_OF_FEW_KEYS:
            return f"calls over about {BLOCKS_OF_FEW_KEYS - operation.blocks} more blocks of time"
        if operation.few_keys and needed is not None:
            return f"about {rounded(needed * operation.compared / operation.keys):,} more calls"
        if operation.seldom_keys:
            keys = counted(operation.seldom_keys, "key")
            return f"more calls of {keys} that came fewer than {OFTEN} times, or calls of thousands of others"
        if needed is None:
            return "more calls, that differ less than those so far"
        if operation.keys < operation.compared / 2:
            return f"calls of about {rounded(needed):,} other keys"
        return self.calls(needed * operation.compared / operation.keys)

    def of_difference(self, field: FieldScore, allowed: Allowed, error_level: float, min_keys: float) -> str:
        """What becomes of a field that merely differs, if it stays so. If it is the first that does; it takes a few
        calls more for each that came before.
        """
        if field.noise is None:
            pairs = Pairs(0, 0, 0, 0, field.calls, max(0, self.compared - field.calls))
        else:
            pairs = Pairs(field.shadow_only, field.secondary_only, field.both, field.neither)
        needed = -math.log(error_level)
        worse = pairs.alone + pairs.shadow_only

        def is_regressed(factor: float) -> bool:
            if worse * factor < min_keys:
                return False
            if field.noise is None:  # the bet begins after the first
                wealth = rate_wealth(worse * factor - 1, self.compared * factor - 1, allowed.rate)
            else:
                many = pairs.times(factor)
                wealth = regressed_wealth(many._replace(shadow_only=max(0.0, many.shadow_only - 1)), allowed)
            return wealth >= needed - weight_of(0)

        factor = factor_needed(is_regressed)
        regressed = math.inf if factor is None else max(1.0, (factor - 1) * self.compared)
        clean = math.inf if field.calls_needed is None else field.calls_needed
        if regressed <= clean and regressed < math.inf:
            return f"if it stays so, it counts as regressed after {self.calls(regressed)}"
        if clean < math.inf:
            return f"if it stays so, it is clean after {self.calls(clean)}"
        return "if it stays so, no number of calls will decide it"


def lasting(seconds: float) -> str:
    """`40 seconds`, `12 minutes`, `1.5 hours`, `3 days`: to two digits."""
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 1.5 * size:
            number = seconds / size
            return f"{number:.1f} {unit}" if number < 10 else f"{rounded(number):,} {unit}"
    whole = max(1, rounded(seconds))
    return f"{whole:,} second{'s' if whole > 1 else ''}"


def rounded(number: float) -> int:
    """To two digits, upwards."""
    digits = max(0, math.floor(math.log10(max(1.0, number))) - 1)
    return int(math.ceil(number / 10**digits) * 10**digits)
