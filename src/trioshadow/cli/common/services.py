"""The options of commands that compare two services over HTTP, and what follows from them: backends and rules."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import attrs
import httpx

from trioshadow import ShadowConfig
from trioshadow.compare import Decoder, IgnoreHeader, IgnorePath, Rule
from trioshadow.http import MAX_BODY_BYTES, Causes, HttpBackend, HttpRequest, allow_methods, key_header

from .checks import fraction, rule_of
from .named import name_of
from .objective import ObjectiveOptions
from .options import (
    BYTES,
    FLAG,
    HEADER,
    METHOD,
    NAME,
    READABLE_FILE,
    SECONDS,
    URL,
    Kind,
    Panel,
    WrongOptionError,
    option,
    several,
)
from .rules import AnyRule, read_decoders, rule_option, rule_text


def noise_rate_option(shown: str) -> Any:
    """`--noise-rate`, of a command for which its absence means `shown`."""
    return option(
        Kind(float, "FRACTION", fraction("sends it one mirrored request in ten")),
        None,
        panel=Panel.SERVICES,
        about="Fraction of the requests sent to the shadow that also go to the secondary, from 0 to 1.",
        shown=shown,
    )


def key_header_option(shown: str) -> Any:
    """`--key-header`, of a command for which its absence means `shown`."""
    return option(
        HEADER,
        None,
        panel=Panel.SAMPLING,
        about="Request header whose value is the sampling key, such as X-User-Id.",
        shown=shown,
    )


@attrs.frozen(kw_only=True)
class ServiceOptions(ObjectiveOptions):
    """The services, what they are sent, what of their answers is compared, and what is asked of them."""

    primary: str = option(
        URL,
        short="-p",
        panel=Panel.SERVICES,
        about=("The old service, such as http://127.0.0.1:8000. A path in the URL precedes that of each request."),
    )
    shadow: str = option(URL, short="-s", panel=Panel.SERVICES, about="The new service.")
    secondary: str | None = option(
        URL,
        None,
        panel=Panel.SERVICES,
        about=(
            "Another copy of the primary, or the primary itself if asking it twice does no harm. Differences between "
            "the two are noise and are not held against the shadow."
        ),
    )
    noise_rate: float | None = noise_rate_option(f"{ShadowConfig().noise_rate:g}")
    candidate: str | None = option(
        NAME,
        None,
        panel=Panel.SERVICES,
        about="The version of the shadow, for the report, such as 'shop 2.1'.",
    )
    ca_file: Path | None = option(
        READABLE_FILE,
        None,
        panel=Panel.SERVICES,
        about="PEM file with certificates to trust for https:// services, in addition to the usual ones.",
    )
    key_header: str | None = key_header_option("method, path and query")
    allow_method: tuple[str, ...] = option(
        several(METHOD),
        (),
        panel=Panel.FORWARDING,
        about="Forward requests with this method too, such as POST. Only if their effects may happen twice.",
    )
    forward_credential: tuple[str, ...] = option(
        several(HEADER),
        (),
        panel=Panel.FORWARDING,
        about=(
            "Forward this header although it carries credentials, such as Authorization or Cookie. Without this option "
            "it is left out."
        ),
    )
    allow_header: tuple[str, ...] = option(
        several(HEADER),
        (),
        panel=Panel.FORWARDING,
        about="Forward no other headers than this, such as Accept or X-User-*.",
        shown="all but credentials",
    )
    drop_header: tuple[str, ...] = option(
        several(HEADER),
        (),
        panel=Panel.FORWARDING,
        about="Do not forward this header, such as Idempotency-Key or X-B3-*.",
    )
    preserve_host: bool = option(
        FLAG,
        default=False,
        panel=Panel.FORWARDING,
        about="Send every service the Host header of the request instead of the host in its URL.",
    )
    ignore_header: tuple[str, ...] = option(
        several(Kind(str, "HEADER", rule_of(IgnoreHeader))),
        (),
        panel=Panel.COMPARING,
        about=(
            "Response header that may differ, such as X-Request-Id; * matches any characters. Date, Server and other "
            "volatile headers are ignored anyway."
        ),
    )
    ignore_path: tuple[str, ...] = option(
        several(Kind(str, "JSONPATH", rule_of(IgnorePath))),
        (),
        panel=Panel.COMPARING,
        about="Part of a body that may differ, such as $.items[*].id or $..generated_at.",
    )
    rule: tuple[AnyRule, ...] = rule_option(
        "Any rule of trioshadow.compare, such as 'tolerance $.total abs=0.01', 'keyed-by $.items id', "
        "'unordered $.tags' or 'normalize $.name str.casefold'. A function is named module:function."
    )
    decode: tuple[tuple[str, Decoder], ...] = option(
        Kind(str, "TYPE=FUNCTION", read_decoders, many=True),
        (),
        panel=Panel.COMPARING,
        about=(
            "Read bodies of this content type with a function, such as application/x-protobuf=mypkg.bodies:read or "
            "application/xml=trioshadow.compare.readings:xml."
        ),
    )
    strict: bool = option(
        FLAG,
        default=False,
        panel=Panel.COMPARING,
        about="Tell values apart by their types too: 1 is not 1.0 then.",
    )
    strict_errors: bool = option(
        FLAG,
        default=False,
        panel=Panel.COMPARING,
        about="Compare the messages of exceptions too.",
    )
    exact_decimals: bool = option(
        FLAG,
        default=False,
        panel=Panel.COMPARING,
        about="Read the numbers of JSON digit by digit, and not as floats.",
    )
    max_body: int = option(
        BYTES,
        MAX_BODY_BYTES,
        panel=Panel.COMPARING,
        about="Largest body to compare; a larger one counts as not compared.",
    )
    timeout: float = option(
        SECONDS,
        2.0,
        panel=Panel.LIMITS,
        about="How long the shadow may take for a request; if it takes longer, it counts as timed out.",
    )
    primary_timeout: float = option(
        SECONDS,
        60.0,
        panel=Panel.LIMITS,
        about="How long the primary may take to answer.",
    )

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.noise_rate is not None and self.secondary is None:
            raise WrongOptionError("noise_rate", "is of no use without a secondary")

    @property
    def told_rules(self) -> dict[str, str]:
        """What of the epoch is said by options, in words: by option."""
        several = {
            "allow-method": sorted(set(map(str.upper, self.allow_method))),
            "ignore-header": self.ignore_header,
            "ignore-path": self.ignore_path,
            "rule": map(rule_text, self.rule),
            "decode": (f"{content_type}={name_of(decoder)}" for content_type, decoder in self.decode),
        }
        return {
            "candidate": self.candidate or "",
            "timeout": f"{self.timeout:g}",
            "key-header": self.key_header or "",
            **{option: ", ".join(told) for option, told in several.items()},
            "strict": "true" if self.strict else "",
            "strict-errors": "true" if self.strict_errors else "",
            "exact-decimals": "true" if self.exact_decimals else "",
        }

    def backend(self, client: httpx.AsyncClient, url: str) -> HttpBackend:
        """One that is sent what may go along."""
        return OptionsBackend(self, client, url)

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
                *self.rule,
            ],
            decoders=self.decode,
            strict=self.strict,
            strict_errors=self.strict_errors,
            exact_decimals=self.exact_decimals,
            key=None if self.key_header is None else key_header(self.key_header),
            may_mirror=allow_methods(*map(str.upper, self.allow_method)) if self.allow_method else None,
            **more,
        )


class OptionsBackend(HttpBackend):
    """Sends a service what the options let go along, and says by which of them more would. `withheld`: what the command
    lets nobody have.
    """

    def __init__(
        self, options: ServiceOptions, client: httpx.AsyncClient, url: str, *, withheld: Iterable[str] = ()
    ) -> None:
        super().__init__(
            client,
            url,
            max_body_bytes=options.max_body,
            credentials=options.forward_credential,
            allow_headers=options.allow_header or None,
            drop_headers=(*withheld, *options.drop_header),
            preserve_host=options.preserve_host,
        )

    def _remedy(self, request: HttpRequest, causes: Causes) -> str:  # noqa: ARG002 - as of the base
        told = [f"--forward-credential {name}" for name in causes.unnamed]
        told += [f"--allow-header {name}" for name in causes.not_allowed]
        told += [f"no --drop-header for {name}" for name in causes.dropped]
        return " ".join(told)
