"""Comparing: bodies are decoded, walked place by place, and judged by rules. Pure: no Trio, no I/O, no clock.

The rules go into `ShadowConfig(ignore=[...])`; what differs is found in `BodyDiff.changes`.
"""

from __future__ import annotations

from trioshadow._model.words import visible as visible

from ._cut import Cut as Cut
from ._decode import Decoder as Decoder
from ._decode import checked_decoders as checked_decoders
from ._diffs import BodyDiff as BodyDiff
from ._diffs import Change
from ._diffs import ChangeKind as ChangeKind
from ._diffs import ErrorDiff as ErrorDiff
from ._diffs import HeaderDiff as HeaderDiff
from ._divergence import Comparison as Comparison
from ._divergence import Divergence as Divergence
from ._divergence import same_at_once as same_at_once
from ._divergence import same_body as same_body
from ._divergence import shared_prefix as shared_prefix
from ._explain import ERROR as ERROR
from ._explain import tell as tell
from ._header_rules import VOLATILE_HEADERS, HeaderAs, IgnoreCookie, IgnoreHeader
from ._header_rules import HeaderKind as HeaderKind
from ._headers import SENSITIVE as SENSITIVE
from ._headers import HeaderChange as HeaderChange
from ._headers import masked as masked
from ._keep import around as around
from ._keep import both_around as both_around
from ._keep import first_difference as first_difference
from ._met import Counts as Counts
from ._met import RuleUse as RuleUse
from ._met import added_up as added_up
from ._paths import parse_path as parse_path
from ._paths import shown_path as shown_path
from ._paths import without_middle as without_middle
from ._paths import write_path as write_path
from ._plan import PathPlan as PathPlan
from ._plan import State as State
from ._raised import ErrorFields as ErrorFields
from ._raised import Raised as Raised
from ._raised import checked_error_fields as checked_error_fields
from ._rules import RULES as RULES
from ._rules import (
    Accept,
    CompareWith,
    Default,
    IgnoreName,
    IgnorePath,
    KeyedBy,
    Normalize,
    Only,
    SameError,
    SameNumber,
    SameText,
    SameTime,
    SameType,
    Subset,
    Tolerance,
    Unordered,
)
from ._rules import IgnoreField as IgnoreField
from ._rules import Rule as Rule
from ._undecided import Undecided
from ._words import words_of_change as words_of_change
from ._words import words_of_error as words_of_error
from ._words import words_of_header as words_of_header
from ._write import Excerpt as Excerpt
from ._write import class_name as class_name
from ._write import written as written

# The names that are not in this list are for the other rooms of the package. Excerpt, HeaderChange, and ChangeKind and
# HeaderKind, whose members are strs, are in the reference all the same: one meets them, and need not import them.
__all__ = [
    "VOLATILE_HEADERS",
    "Accept",
    "Change",
    "CompareWith",
    "Default",
    "HeaderAs",
    "IgnoreCookie",
    "IgnoreHeader",
    "IgnoreName",
    "IgnorePath",
    "KeyedBy",
    "Normalize",
    "Only",
    "SameError",
    "SameNumber",
    "SameText",
    "SameTime",
    "SameType",
    "Subset",
    "Tolerance",
    "Undecided",
    "Unordered",
]

for _thing in [ChangeKind, Excerpt, HeaderChange, HeaderKind, *(globals()[_name] for _name in __all__)]:
    if isinstance(_thing, type):
        _thing.__module__ = "trioshadow.compare"
