"""Other libraries that find the differences of two decoded documents: what they take, and what they say.

Each gets the same values, in the same rounds, out of the box: no options on either side, except where a note says so.
All count what they report; that a library writes what it found is not asked of it. They are installed by `nox -s bench`
(dependency group `bench`), and a row says which are missing.

What these rows do not tell: what these libraries do besides (patches, merging, options that change a verdict), and that
none of them knows bodies, content types or rules for places.
"""

from __future__ import annotations

import functools
import importlib
import json
import math
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from trioshadow import ResponseRecord, ShadowConfig
from trioshadow.compare import KeyedBy

from lib.documents import DIFFERENCES, ITEMS, MANY_ITEMS, changed, document, nested
from lib.table import Row, Section, brief
from lib.timing import FULL, Effort, Rounds, timed, timed_once
from lib.work import comparing, found

#: How many differences a library finds in two values.
Finder = Callable[[Any, Any], int]

_PLAIN = ShadowConfig.full_sample()
#: A library that would take longer for 5 MB is not run.
_PATIENCE_SECONDS = 10.0

_KEYED = [{"id": number, "name": f"name {number}", "price": number / 4} for number in range(1_000)]
_LONGER = [{"id": -1, "name": "new", "price": 0.5}, *_KEYED]


def _deepdiff(module: Any, primary: Any, shadow: Any) -> int:
    return sum(map(len, module.DeepDiff(primary, shadow).values()))


def _deepdiff_rs(module: Any, primary: Any, shadow: Any) -> int:
    return sum(map(len, module.DeepDiff(primary, shadow).to_dict().values()))


def _jsonpatch(module: Any, primary: Any, shadow: Any) -> int:
    return len(list(module.make_patch(primary, shadow)))


def _dictdiffer(module: Any, primary: Any, shadow: Any) -> int:
    # What is added to or removed from one container is one entry, with a list.
    return sum(1 if what == "change" else len(parts) for what, _, parts in module.diff(primary, shadow))


def _jsondiff(module: Any, primary: Any, shadow: Any) -> int:
    return _leaves(module.diff(primary, shadow, syntax="symmetric"))


def _leaves(difference: Any) -> int:
    return sum(map(_leaves, difference.values())) if isinstance(difference, dict) else 1


#: By the name of the distribution, whose module is spelled with _.
_LIBRARIES: dict[str, Callable[[Any, Any, Any], int]] = {
    "deepdiff": _deepdiff,
    "deepdiff-rs": _deepdiff_rs,
    "jsonpatch": _jsonpatch,
    "dictdiffer": _dictdiffer,
    "jsondiff": _jsondiff,
}
#: It takes so long that it is run once, and not where little is.
_SLOW = "jsondiff"

#: What decodes faster than we do, and says with `==` whether two documents differ, and nothing more: the limit.
_DECODERS = {"orjson": "loads", "msgspec.json": "decode"}


def _installed() -> dict[str, Finder]:
    finders: dict[str, Finder] = {}
    for name, finder in _LIBRARIES.items():
        try:
            module = importlib.import_module(name.replace("-", "_"))
        except ImportError:
            continue
        finders[name] = functools.partial(finder, module)
    return finders


def _finding(finder: Finder, primary: Any, shadow: Any) -> Callable[[], object]:
    def find() -> None:
        count = finder(primary, shadow)
        if count != DIFFERENCES:
            raise AssertionError(f"{count} differences were found, and there are {DIFFERENCES}")

    return find


def _times(finders: dict[str, Finder], effort: Effort) -> list[Row]:
    work = {"": comparing(document(), changed(), _PLAIN, DIFFERENCES)}
    work |= {name: _finding(finder, document(), changed()) for name, finder in finders.items() if name != _SLOW}
    rounds = Rounds({name: functools.partial(timed, one, 1) for name, one in work.items()}, max(1, effort.rounds // 4))
    seconds = {name: rounds.median(lambda one, name=name: one[name]) for name in work}  # type: ignore[misc]
    rows = [
        Row(
            f"two decoded documents of {ITEMS} items, 10 differences: {name}",
            brief(seconds[""]),
            brief(seconds[name]) if name in finders else "not installed",
            rounds.median(lambda one, name=name: one[""] / one[name]) if name in finders else None,  # type: ignore[misc]
        )
        for name in _LIBRARIES
        if name != _SLOW
    ]
    if effort is FULL and _SLOW in finders:
        theirs = timed_once(_finding(finders[_SLOW], document(), changed()))
        seconds[_SLOW] = theirs
        what = f"two decoded documents of {ITEMS} items, 10 differences: {_SLOW}, once"
        rows.append(Row(what, brief(seconds[""]), brief(theirs), seconds[""] / theirs))
    rows = [row.hold_at_most(0.5) if "deepdiff-rs" in row.what and row.ratio else row for row in rows]
    return rows + _large_times(seconds) if effort is FULL else rows


def _limits(effort: Effort) -> list[Row]:
    """Of bodies of JSON."""
    primary, shadow = (json.dumps(one).encode() for one in (document(), changed()))
    kind = {"content-type": "application/json"}
    ours = comparing(ResponseRecord(primary, headers=kind), ResponseRecord(shadow, headers=kind), _PLAIN, DIFFERENCES)
    work: dict[str, Callable[[], object]] = {"": ours}
    for module, name in _DECODERS.items():
        try:
            decode: Callable[[bytes], object] = getattr(importlib.import_module(module), name)
        except ImportError:
            continue
        work[f"{module}.{name}"] = functools.partial(_equal, decode, primary, shadow)
    rounds = Rounds({name: functools.partial(timed, one, 1) for name, one in work.items()}, max(1, effort.rounds // 4))
    return [
        Row(
            f"two bodies of JSON of {ITEMS} items, against `==` of what {name} makes of them",
            brief(rounds.median(lambda one: one[""])),
            brief(rounds.median(lambda one, name=name: one[name])),  # type: ignore[misc]
            rounds.median(lambda one, name=name: one[""] / one[name]),  # type: ignore[misc]
        )
        for name in work
        if name
    ]


def _equal(decode: Callable[[bytes], object], primary: bytes, shadow: bytes) -> None:
    if decode(primary) == decode(shadow):
        raise AssertionError("they differ")


def _large_times(seconds: dict[str, float]) -> list[Row]:
    """One round: it takes as long as it takes."""
    primary, shadow = document(MANY_ITEMS), changed(MANY_ITEMS)
    ours = timed_once(comparing(primary, shadow, _PLAIN, DIFFERENCES))
    rows: list[Row] = []
    for name, finder in _installed().items():
        what = f"  of {MANY_ITEMS:,} items: {name}"
        expected = seconds[name] * MANY_ITEMS / ITEMS
        if expected > _PATIENCE_SECONDS:
            rows.append(Row(what, brief(ours), f"about {expected:.0f} s, not run"))
            continue
        theirs = timed_once(_finding(finder, primary, shadow))
        rows.append(Row(what, brief(ours), brief(theirs), ours / theirs))
    return rows


def _cases() -> dict[str, tuple[object, object, int]]:
    """By what is compared: the two values, and how many differences there are by JSON's types."""
    pairs: dict[str, tuple[object, object, int]] = {
        "1 against true": (1, True, 1),
        "1 against 1.0": (1, 1.0, 0),
        "NaN against NaN": (math.nan, float("nan"), 0),
        "2**70 against 2**70 + 1": (2**70, 2**70 + 1, 1),
        "a lone surrogate against another": ("\ud800", "\udfff", 1),
    }
    cases: dict[str, tuple[object, object, int]] = {
        name: ({"a": primary}, {"a": shadow}, count) for name, (primary, shadow, count) in pairs.items()
    }
    # Some say of an element what they do not say of a member: they look for equal elements with `==` first.
    cases["1 against true, in an array"] = ([1], [True], 1)
    cases["1 against 1.0, in an array"] = ([1], [1.0], 0)
    for depth in (900, 100_000):
        cases[f"{depth:,} levels deep"] = (nested(depth, 1), nested(depth, 2), 1)
    return cases


def _says(finder: Finder, primary: object, shadow: object) -> int | str:
    """Count the differences, or name what is raised."""
    try:
        return finder(primary, shadow)
    except Exception as error:
        return type(error).__name__


def _in_words(answer: int | str) -> str:
    return answer if isinstance(answer, str) else f"{answer:,} change{'' if answer == 1 else 's'}"


def _answers(finders: dict[str, Finder]) -> tuple[list[Row], dict[str, list[str]]]:
    """Rows of what we say, and by library what it says that is not so."""
    rows: list[Row] = []
    wrong: dict[str, list[str]] = {name: [] for name in finders}
    for case, (primary, shadow, expected) in _cases().items():
        ours = _says(lambda a, b: found(a, b, _PLAIN), primary, shadow)
        count = 0
        for name, finder in finders.items():
            answer = _says(finder, primary, shadow)
            if answer != expected:
                count += 1
                wrong[name].append(f"{case}: {_in_words(answer)}")
        against = f"{count} of {len(finders)} say otherwise" if finders else "no other installed"
        rows.append(Row(case, _in_words(ours), against, None, _in_words(expected), ours == expected))
    return rows, wrong


def _inserted(finders: dict[str, Finder]) -> tuple[Row, str]:
    """One more object in front of a thousand."""
    keyed = found(_KEYED, _LONGER, ShadowConfig(ignore=[KeyedBy("$", "id")]))
    what = f"one object in front of {len(_KEYED):,}"
    plain = found(_KEYED, _LONGER, _PLAIN)
    said = [f"{name} {_in_words(_says(finder, _KEYED, _LONGER))}" for name, finder in finders.items()]
    note = ", ".join([f"{what}: {_in_words(plain)} without KeyedBy", *said])
    return Row(f"{what}, KeyedBy", _in_words(keyed), "", None, _in_words(1), keyed == 1), note


def sections(effort: Effort) -> list[Section]:
    """Measure, and ask."""
    finders = _installed()
    rows, wrong = _answers(finders)
    row, note = _inserted(finders)
    notes = [note, *(f"{name} {version(name)}: {'; '.join(said) or 'all right'}" for name, said in wrong.items())]
    notes += [f"{name} is not installed: `nox -s bench` does" for name in _LIBRARIES if name not in finders]
    return [
        Section("Against other libraries, on decoded documents", [*_times(finders, effort), *_limits(effort)]),
        Section("What they say: changes in values that are easily confused, or deep", [*rows, row], notes),
    ]
