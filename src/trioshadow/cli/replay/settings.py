"""What the replay is told, checked before anything is read or asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

from trioshadow import ShadowConfig
from trioshadow.cli.common.backends import BackendSettings
from trioshadow.cli.common.checks import boolean, made_of_options, number, setting, writable_file
from trioshadow.compare import SENSITIVE, VOLATILE_HEADERS
from trioshadow.http import SAFE_METHODS

#: Records that may wait for the disk: far more than the workers leave before they wait for it.
_ROOM = 2_000
#: Seconds that a disk gets, at the end of each slice, for what waits for it.
_PATIENCE = 60.0


def _rate(value: object) -> float:
    allowed = "requests a second, above 0 and up to 1000000"
    found = number(value, allowed)
    if not 0 < found <= 1e6:
        raise ValueError(f"must be {allowed}, not {value!r}")
    return found


def _concurrency(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1000:
        raise ValueError(f"must be a number of requests from 1 to 1000, not {value!r}")
    return value


@attrs.frozen(kw_only=True)
class ReplaySettings(BackendSettings):
    """All that the replay is told, checked."""

    file: Path
    """Where the requests are."""
    archive: Path = setting(writable_file)
    """Where what is found goes."""
    rate: float | None = setting(_rate, None)
    """Requests a second, at the most."""
    concurrency: int = setting(_concurrency, 10)
    """Requests in flight, at the most."""
    resume: bool = setting(boolean, default=False)

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


def read_replay_settings(options: Mapping[str, object]) -> ReplaySettings:
    """From options, by the names of the fields, None for those that were not given. Raises CliError, of one line."""
    archive = Path(f"{Path(str(options['file'])).name or 'requests'}.replay.jsonl")
    said = {name: value for name, value in options.items() if value is not None}
    return made_of_options(ReplaySettings, {"archive": archive, **said})
