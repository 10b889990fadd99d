"""Files as they are published: the JSON of two versions of a package, compared as the bodies of two answers.

`nox -s bench` downloads the wheels, and names their directory in TRIOSHADOW_PAIRS; which versions they are is said in
`noxfile.py`. Time is set against decoding both. How many changes there are is part of the row: an array from which a
few elements went away has changed everywhere by index, and in a few places by key.

What these rows do not tell: whether the changes are right. `tests/compare/test_real.py` does, on the same files.
"""

from __future__ import annotations

import functools
import os
import zipfile
from pathlib import Path, PurePosixPath

from trioshadow import ShadowConfig
from trioshadow.compare import KeyedBy

from lib.table import Row, Section
from lib.timing import Effort, Rounds, timed_once
from lib.work import comparing, found, loading, record, row

_VARIABLE = "TRIOSHADOW_PAIRS"
#: The wheel, the file in it, and what its elements are told apart by.
_FILES = (
    ("pycountry", "pycountry/databases/iso3166-2.json", KeyedBy("$['3166-2']", "code")),
    ("pycountry", "pycountry/databases/iso639-3.json", KeyedBy("$['639-3']", "alpha_3")),
    ("pycountry", "pycountry/databases/iso4217.json", KeyedBy("$['4217']", "alpha_3")),
    ("license_expression", "license_expression/data/scancode-licensedb-index.json", KeyedBy("$", "license_key")),
)


def _read(wheel: Path, member: str) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(member)


def _version(wheel: Path) -> str:
    return wheel.name.split("-")[1]


def _rows(directory: Path, effort: Effort) -> list[Row]:
    rows: list[Row] = []
    for package, member, rule in _FILES:
        (ours,), (theirs,) = (directory.glob(f"{side}/{package}-*.whl") for side in ("primary", "shadow"))
        bodies = _read(ours, member), _read(theirs, member)
        primary, shadow = map(record, bodies)
        configs = {"index": ShadowConfig(), "key": ShadowConfig(ignore=[rule])}
        counts = {name: found(primary, shadow, config) for name, config in configs.items()}
        work = {name: comparing(primary, shadow, config, counts[name]) for name, config in configs.items()}
        work["loaded"] = loading(*bodies)
        rounds = Rounds(
            {name: functools.partial(timed_once, one) for name, one in work.items()}, max(1, effort.rounds // 3)
        )
        size = len(bodies[0]) // 1000
        what = f"{PurePosixPath(member).name} ({size} KB), {_version(ours)} and {_version(theirs)}"
        rows.append(
            row(rounds, f"{what}: {counts['index']:,} changes by index", "index", "loaded", "json.loads of both")
        )
        rows.append(
            row(
                rounds,
                f"  KeyedBy {rule.field}: {counts['key']:,} changes",
                "key",
                "loaded",
                "json.loads of both",
            )
        )
    return rows


def sections(effort: Effort) -> list[Section]:
    """Measure what is there."""
    title = "Files of two published versions"
    directory = os.environ.get(_VARIABLE)
    if not directory:
        return [Section(title, [], [f"not measured: {_VARIABLE} names no directory of wheels; `nox -s bench` sets it"])]
    return [Section(title, _rows(Path(directory), effort))]
