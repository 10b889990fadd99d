"""The options of the replay."""

from __future__ import annotations

from pathlib import Path

import attrs

from trioshadow import ShadowConfig
from trioshadow.cli.common.checks import any_path, number_in
from trioshadow.cli.common.objective import block_seconds_option
from trioshadow.cli.common.options import FLAG, OUTPUT_FILE, Kind, Panel, argument, option
from trioshadow.cli.common.services import ServiceOptions, key_header_option, noise_rate_option
from trioshadow.compare import SENSITIVE, VOLATILE_HEADERS
from trioshadow.evidence import Objective
from trioshadow.http import SAFE_METHODS

NOTES = {Panel.FORWARDING: "To all services, the primary too."}

#: Records that may wait for the disk: far more than the workers leave before they wait for it.
_ROOM = 2_000
#: Calls that are one event, at least.
_EVENT = 10
#: Seconds that a disk gets, at the end of each slice, for what waits for it.
_PATIENCE = 60.0


_rate = number_in("requests a second, above 0 and up to 1000000", lambda found: 0 < found <= 1e6)


def _concurrency(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1000:
        raise ValueError(f"must be a number of requests from 1 to 1000, not {value!r}")
    return value


def _beside(options: ReplayOptions) -> Path:
    """Where what is found goes if nothing else is said."""
    return Path(f"{options.file.name or 'requests'}.replay.jsonl")


@attrs.frozen(kw_only=True)
class ReplayOptions(ServiceOptions):
    """All that the replay takes."""

    file: Path = argument(
        Kind(Path, "FILE", any_path),
        about=(
            "The requests to send: an archive of trioshadow, or a file with one JSON object per line, which has method "
            "and url, and may have headers and body."
        ),
    )
    noise_rate: float | None = noise_rate_option("1")
    key_header: str | None = key_header_option("method, path, query and body")
    block_seconds: float | None = block_seconds_option("none")
    rate: float | None = option(
        Kind(float, "COUNT", _rate),
        None,
        panel=Panel.LIMITS,
        about="Requests per second, at most.",
        shown="as many as the concurrency allows",
    )
    concurrency: int = option(
        Kind(int, "COUNT", _concurrency),
        10,
        panel=Panel.LIMITS,
        about="Requests in flight, at most.",
    )
    archive: Path = option(
        OUTPUT_FILE,
        attrs.Factory(_beside, takes_self=True),
        short="-a",
        panel=Panel.OUTPUT,
        about="Write differences and counts to this file, and the progress to a file beside it.",
        shown="FILE's name with .replay.jsonl, here",
    )
    resume: bool = option(
        FLAG,
        default=False,
        short="-r",
        panel=Panel.OUTPUT,
        about="Continue where a run with the same archive stopped.",
    )

    def objective(self, base: Objective | None = None) -> Objective:
        """As always; but how long a replay takes says nothing of the requests, so that blocks go by their order: what
        is in flight at once is one event.
        """
        calls = max(_EVENT, self.concurrency)
        return super().objective(Objective(block_seconds=None, block_calls=calls) if base is None else base)

    @property
    def methods(self) -> frozenset[str]:
        """Those that are sent."""
        return SAFE_METHODS.union(map(str.upper, self.allow_method))

    @property
    def withheld(self) -> frozenset[str]:
        """Headers that let somebody in and go to no side, in lower case."""
        return SENSITIVE.difference(map(str.lower, self.forward_credential))

    @property
    def needed(self) -> frozenset[str]:
        """Headers without whose values a request says nothing, in lower case."""
        return frozenset(map(str.lower, (*self.forward_credential, *filter(None, [self.key_header]))))

    @property
    def told(self) -> dict[str, str]:
        """Who is asked, and with what, by option: what else is told can change from run to run, or is in the epoch."""
        told: dict[str, str | None] = {
            "primary": self.primary,
            "shadow": self.shadow,
            "secondary": self.secondary,
            "key-header": self.key_header,
            **{
                name.replace("_", "-"): ", ".join(sorted(set(map(str.lower, getattr(self, name)))))
                for name in ("forward_credential", "allow_header", "drop_header")
            },
        }
        return {option: text or "" for option, text in told.items()}

    def config(self) -> ShadowConfig:
        """What of this is the shadower's."""
        # No caller is hurt by a secondary here: each pair tells more.
        return self.shadow_config(
            noise_rate=1.0,
            rules=VOLATILE_HEADERS,
            max_in_flight=self.concurrency + _ROOM,
            drain_timeout=_PATIENCE,
        )
