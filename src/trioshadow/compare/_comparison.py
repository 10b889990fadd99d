"""All that a configuration says about comparing, compiled once, so that no call pays for it."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable
from typing import Any

from ._bodies import BodyRules
from ._decode import Decoder
from ._plan import PathPlan
from ._rules import Accept, IgnoreField, IgnoreHeader, Rule, SameError


class Comparison:
    """What is compared, and how. Made by ShadowConfig, used by Divergence."""

    def __init__(
        self,
        ignore: Iterable[IgnoreField | Rule],
        *,
        strict: bool,
        strict_errors: bool,
        max_changes: int,
        decode: bool,
        decoders: Iterable[tuple[str, Decoder]],
    ) -> None:
        rules = tuple(ignore)
        self.status = IgnoreField.STATUS not in rules
        """Is it compared?"""
        self.headers = IgnoreField.HEADERS not in rules
        self.body = IgnoreField.BODY not in rules
        self.strict_errors = strict_errors
        self.same_errors = tuple(rule for rule in rules if isinstance(rule, SameError))
        self.accepts = tuple(rule.predicate for rule in rules if isinstance(rule, Accept) and rule.path is None)
        names = [fnmatch.translate(rule.name) for rule in rules if isinstance(rule, IgnoreHeader)]
        self.ignored_header: Callable[[str], Any] | None = re.compile("|".join(names)).match if names else None
        paths = [rule for rule in rules if not isinstance(rule, IgnoreField | IgnoreHeader | SameError)]
        plan = PathPlan([rule for rule in paths if not isinstance(rule, Accept) or rule.path is not None])
        self.bodies = BodyRules(plan.root, plan.normalizes, strict, max_changes, decode, dict(decoders))

    def accepted(self, primary: object, shadow: object) -> bool:
        """Does an `Accept` without a path say that these answers may differ?"""
        return any(predicate(primary, shadow) for predicate in self.accepts)

    def same_error(self, primary: type[BaseException], shadow: type[BaseException]) -> bool:
        """Are exceptions of these types the same?"""
        return primary is shadow or any(
            issubclass(primary, rule.primary) and issubclass(shadow, rule.shadow) for rule in self.same_errors
        )
