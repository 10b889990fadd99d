"""The options of the plan."""

from __future__ import annotations

import math

import attrs

from trioshadow.cli.common.checks import fraction, number_in
from trioshadow.cli.common.objective import ObjectiveOptions, named_number
from trioshadow.cli.common.options import FLAG, Kind, Panel, option, several

_flow = number_in("calls per second above 0", lambda found: 0 < found < math.inf)
_part = number_in("a fraction above 0 and up to 1", lambda found: 0 < found <= 1)


def _share(said: object) -> tuple[str, float]:
    name, share = named_number(said)
    if share is None:
        raise ValueError(f"must be an operation and its fraction of the calls ('GET /x=0.9'), not {said!r}")
    return name, _part(share)


@attrs.frozen(kw_only=True)
class PlanOptions(ObjectiveOptions):
    """All that the plan takes."""

    rate: float = option(
        Kind(float, "COUNT", _flow), 1.0, panel=Panel.SAMPLING, about="Calls per second, of all operations together."
    )
    sample: float = option(
        Kind(float, "FRACTION", _part), 1.0, panel=Panel.SAMPLING, about="Fraction of the calls that will be mirrored."
    )
    operation: tuple[tuple[str, float], ...] = option(
        several(Kind(str, "NAME=SHARE", _share)),
        (),
        panel=Panel.SAMPLING,
        about="Operation and its fraction of all calls, such as 'GET /users/{id}=0.9'.",
        shown="all calls are of one",
    )
    noise_rate: float = option(
        Kind(float, "FRACTION", fraction("sends it one mirrored request in ten")),
        0.1,
        panel=Panel.SAMPLING,
        about="Fraction of the mirrored calls that also go to a secondary; 0 if there is none.",
    )
    noise: float = option(
        Kind(float, "FRACTION", fraction("is one call in ten")),
        0.0,
        panel=Panel.COMPARING,
        about="How often the primary differs from itself, in the noisiest field.",
    )
    excess: float = option(
        Kind(float, "FRACTION", _part),
        0.01,
        panel=Panel.COMPARING,
        about="How much more often a bad candidate would differ, for the time until it is found out.",
    )
    json: bool = option(FLAG, default=False, short="-j", panel=Panel.OUTPUT, about="Print JSON and nothing else.")
