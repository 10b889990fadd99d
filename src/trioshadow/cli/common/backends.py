"""What commands that compare two services over HTTP are told of them, checked; and what follows from it: backends and
rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs
import httpx

from trioshadow import ShadowConfig
from trioshadow.compare import IgnoreHeader, IgnorePath, Rule
from trioshadow.http import MAX_BODY_BYTES, HttpBackend, allow_methods, key_header

from .checks import (
    WrongSettingError,
    boolean,
    byte_count,
    fraction,
    readable_file,
    rule_of,
    seconds,
    setting,
    several,
    text,
    token,
    url,
)
from .objective import ObjectiveSettings


@attrs.frozen(kw_only=True)
class BackendSettings(ObjectiveSettings):
    """The services, what they are sent, what of their answers is compared, and what is asked of them."""

    primary: str = setting(url)
    shadow: str = setting(url)
    secondary: str | None = setting(url, None)
    """Another copy of the primary."""
    noise_rate: float | None = setting(fraction("sends it one mirrored request in ten"), None)
    """The fraction of mirrored requests that go to the secondary; None: as the command has it."""
    candidate: str | None = setting(text, None)
    """Which version the shadow is."""
    timeout: float = setting(seconds, 2.0)
    """Seconds that the shadow has."""
    primary_timeout: float = setting(seconds, 60.0)
    """Seconds that the primary has."""
    ignore_header: tuple[str, ...] = setting(several(rule_of(IgnoreHeader)), ())
    ignore_path: tuple[str, ...] = setting(several(rule_of(IgnorePath)), ())
    allow_method: tuple[str, ...] = setting(several(token), ())
    key_header: str | None = setting(token, None)
    forward_credential: tuple[str, ...] = setting(several(token), ())
    allow_header: tuple[str, ...] = setting(several(token), ())
    """Headers of requests that alone go along, or patterns of them; empty: all."""
    drop_header: tuple[str, ...] = setting(several(token), ())
    """Those that do not."""
    max_body: int = setting(byte_count, MAX_BODY_BYTES)
    """Bytes of a body that are kept to be compared."""
    preserve_host: bool = setting(boolean, default=False)
    ca_file: Path | None = setting(readable_file, None)

    def __attrs_post_init__(self) -> None:
        if self.noise_rate is not None and self.secondary is None:
            raise WrongSettingError("noise_rate", "is of no use without a secondary")

    def backend(self, client: httpx.AsyncClient, url: str, *, withheld: Iterable[str] = ()) -> HttpBackend:
        """One that is sent what may go along. `withheld`: what the command itself lets nobody have."""
        return HttpBackend(
            client,
            url,
            max_body_bytes=self.max_body,
            credentials=self.forward_credential,
            allow_headers=self.allow_header or None,
            drop_headers=(*withheld, *self.drop_header),
            preserve_host=self.preserve_host,
        )

    def shadow_config(self, *, noise_rate: float, rules: Iterable[Rule] = (), **more: Any) -> ShadowConfig:
        """What of this is the shadower's. `noise_rate` is for who did not say one; `rules` and `more` are the
        command's own.
        """
        return ShadowConfig(
            candidate=self.candidate or "",
            noise_rate=noise_rate if self.noise_rate is None else self.noise_rate,
            shadow_timeout=self.timeout,
            ignore=[
                *rules,
                *map(IgnoreHeader, self.ignore_header),
                *map(IgnorePath, self.ignore_path),
            ],
            key=None if self.key_header is None else key_header(self.key_header),
            may_mirror=allow_methods(*map(str.upper, self.allow_method)) if self.allow_method else None,
            **more,
        )
