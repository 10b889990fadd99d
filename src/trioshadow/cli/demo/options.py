"""The options of the demo."""

from __future__ import annotations

from pathlib import Path

import attrs

from trioshadow.cli.common.checks import any_path
from trioshadow.cli.common.options import FLAG, Kind, Panel, argument, option, several


@attrs.frozen(kw_only=True)
class DemoOptions:
    """All that the demo takes."""

    paths: tuple[Path, ...] = argument(
        several(Kind(Path, "PATH", any_path)),
        (),
        about="Markdown files, or folders of them. By default, the descriptions of all installed packages.",
    )
    http: bool = option(
        FLAG,
        default=False,
        panel=Panel.SERVICES,
        about="Do it over HTTP: local services behind a mirroring proxy, with rules for noise in their answers.",
    )
