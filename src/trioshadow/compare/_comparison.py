"""All that decides a comparison, compiled once, so that no call pays for it: one object, which travels whole."""

from __future__ import annotations

import fnmatch
import functools
import re
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from ._bodies import BodyRules
from ._decode import Decoder
from ._plan import PathPlan
from ._rules import Accept, IgnoreField, IgnoreHeader, Rule, SameError


@attrs.frozen(kw_only=True)
class Comparison:
    """What is compared, and how. ShadowConfig makes it, of its own attributes of these names, and what compares asks
    nothing else. Pickled are its settings, all there are; the rest is compiled of them again.
    """

    ignore: tuple[IgnoreField | Rule, ...]
    compare: Callable[[Any, Any], Any] | None
    strict: bool
    strict_errors: bool
    max_changes: int
    decode: bool
    decoders: tuple[tuple[str, Decoder], ...]

    status: bool = attrs.field(init=False, eq=False, repr=False)
    """Is it compared?"""
    headers: bool = attrs.field(init=False, eq=False, repr=False)
    body: bool = attrs.field(init=False, eq=False, repr=False)
    same_errors: tuple[SameError, ...] = attrs.field(init=False, eq=False, repr=False)
    accepts: tuple[Callable[[Any, Any], bool], ...] = attrs.field(init=False, eq=False, repr=False)
    ignored_header: Callable[[str], Any] | None = attrs.field(init=False, eq=False, repr=False)
    bodies: BodyRules = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        rules = self.ignore
        paths = [rule for rule in rules if not isinstance(rule, IgnoreField | IgnoreHeader | SameError)]
        plan = PathPlan([rule for rule in paths if not isinstance(rule, Accept) or rule.path is not None])
        self._derive(
            status=IgnoreField.STATUS not in rules,
            headers=IgnoreField.HEADERS not in rules,
            body=IgnoreField.BODY not in rules,
            same_errors=tuple(rule for rule in rules if isinstance(rule, SameError)),
            accepts=tuple(rule.predicate for rule in rules if isinstance(rule, Accept) and rule.path is None),
            ignored_header=_any_of(rule.name for rule in rules if isinstance(rule, IgnoreHeader)),
            bodies=BodyRules(
                plan.root, plan.normalizes, self.strict, self.max_changes, self.decode, dict(self.decoders)
            ),
        )

    def _derive(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def settings(self) -> dict[str, Any]:
        """What it was made of."""
        return {field.name: getattr(self, field.name) for field in attrs.fields(Comparison) if field.init}

    def __reduce__(self) -> tuple[Callable[..., Comparison], tuple[()]]:
        return functools.partial(Comparison, **self.settings), ()

    def accepted(self, primary: object, shadow: object) -> bool:
        """Does an `Accept` without a path say that these answers may differ?"""
        return any(predicate(primary, shadow) for predicate in self.accepts)

    def same_error(self, primary: type[BaseException], shadow: type[BaseException]) -> bool:
        """Are exceptions of these types the same?"""
        return primary is shadow or any(
            issubclass(primary, rule.primary) and issubclass(shadow, rule.shadow) for rule in self.same_errors
        )


def _any_of(names: Iterable[str]) -> Callable[[str], Any] | None:
    """What tells whether a header's name is one of these, in which * and ? stand for others."""
    patterns = [fnmatch.translate(name) for name in names]
    return re.compile("|".join(patterns)).match if patterns else None
