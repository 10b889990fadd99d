"""Options that several commands have, by one name and with one text: as annotations for cyclopts.

None in a signature tells what was not said; the help shows what that means.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

from cyclopts import Parameter


def option(help_text: str, default: str = "") -> Parameter:
    """An option of one value each time that it is given. `default`: what its absence means."""

    def shown(_: object) -> str:
        return default

    return Parameter(help=help_text, show_default=shown if default else False, negative="", consume_multiple=False)


Primary: TypeAlias = Annotated[
    str | None,
    option(
        "URL of the service that answers, such as http://127.0.0.1:8000. A path in it is put before that of each "
        "request. Required."
    ),
]
Shadow: TypeAlias = Annotated[str | None, option("URL of the service that is tried out. Required.")]
Secondary: TypeAlias = Annotated[
    str | None,
    option(
        "URL of another copy of the primary, or of the primary itself if asking twice does no harm. What differs "
        "between the two is noise, and not held against the shadow."
    ),
]
Candidate: TypeAlias = Annotated[str | None, option("Which version the shadow is, for the report, such as 'shop 2.1'.")]
AllowMethod: TypeAlias = Annotated[
    tuple[str, ...] | None,
    option("Method that is mirrored too, such as POST: if its effects may happen twice. Repeatable."),
]
Timeout: TypeAlias = Annotated[
    float | None, option("Seconds that the shadow has for a request; what takes longer counts as timed out.", "2")
]
IgnoreHeader: TypeAlias = Annotated[
    tuple[str, ...] | None,
    option(
        "Header of answers that may differ, such as X-Request-Id; * stands for any characters. Date, Server and "
        "other volatile ones are ignored anyway. Repeatable."
    ),
]
IgnorePath: TypeAlias = Annotated[
    tuple[str, ...] | None,
    option("JSONPath of what may differ in bodies, such as $.items[*].id or $..generated_at. Repeatable."),
]
MaxBody: TypeAlias = Annotated[
    int | None, option("Bytes of a body that are kept to compare; larger ones are not compared.", "1048576")
]
PreserveHost: TypeAlias = Annotated[
    bool | None, option("Send all services the Host header of the request, and not that of their URLs.", "no")
]
CaFile: TypeAlias = Annotated[
    Path | None,
    option("PEM file with certificates to trust in, beside the usual ones, for https:// services."),
]
