"""Two answers and what of a configuration is about comparing them, into how they differ: status, headers, body, or the
exceptions in place of answers.

Pure. What comes out is frozen and free of the answers themselves, so that it can be kept and streamed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol

import attrs

from trioshadow._model.checks import integer, is_bool
from trioshadow._model.kinds import is_a
from trioshadow._model.record import Headers, ResponseRecord

from ._bodies import BodyRules, Findings, Side, compare_bodies
from ._decode import Decoder, reader_of
from ._diffs import BodyDiff, ErrorDiff, HeaderDiff
from ._error_values import ErrorValues
from ._errors import ErrorRules, compare_errors
from ._explain import explain, summary
from ._header_plan import HeaderPlan
from ._header_rules import HeaderRule
from ._headers import NAMES_KEPT, VALUES_KEPT, HeaderChange, compare_headers, cut_name
from ._keep import first_difference
from ._kinds import kinds_of
from ._met import RuleUse, use_of
from ._plan import PathPlan
from ._raised import ErrorFields, ErrorReader, Raised
from ._rules import Accept, IgnoreField, PlacedRule, Rule, SameError
from ._shapes import plain

_is_width = integer("a count of characters in [20, inf)", lambda width: width >= 20)


@attrs.frozen
class Divergence:
    """How the shadow's answer differs from the primary's: at least one part is not None.

    `str()` of it is one line, without any value of an answer in it, for a log.
    """

    status: tuple[int, int] | None = None
    """The primary's and the shadow's."""
    headers: HeaderDiff | None = None
    body: BodyDiff | None = None
    error: ErrorDiff | None = None

    def __str__(self) -> str:
        return summary(self)

    def explain(self, *, color: bool = False, width: int | None = None) -> str:
        """What differs, for a person: some lines, old above new, without a line end at the end.

        `color`: with a terminal's colours, from where old and new differ; nothing else in it is obeyed by a terminal.
        `width`: lines are cut to so many characters, in [20, inf), around where old and new differ.
        """
        is_bool.check("color", color)
        _is_width.or_none.check("width", width)
        return explain(self, color=color, width=width)

    @classmethod
    def compare(cls, primary: object, shadow: object, config: Configured) -> Divergence | None:
        """The differences between two answers, None if there are none that `config` leaves. Pure.

        An answer that is no ResponseRecord is a value: status 0, no headers, the value as body. Raised are the errors
        of `config.compare`, of an `Accept` without a path, and of the `__eq__` of objects of which nothing else is
        known, if such are the whole body; `trioshadow.compare.Undecided` if they can't be compared within the bounds of
        a comparison, and nothing else in them differs.
        """
        return config.comparison.divergence_of(primary, shadow)


@attrs.frozen(kw_only=True)
class Comparison:
    """What is compared, and how. ShadowConfig makes it, of its own attributes of these names, and what compares asks
    nothing else. Pickled are its settings, all there are; the rest is compiled of them again.
    """

    ignore: tuple[IgnoreField | Rule, ...]
    compare: Callable[[Any, Any], Any] | None
    strict: bool
    strict_errors: bool
    error_fields: ErrorFields
    max_changes: int
    decode: bool
    decoders: tuple[tuple[str, Decoder], ...]
    exact_decimals: bool

    status: bool = attrs.field(init=False, eq=False, repr=False)
    """Is it compared?"""
    headers: bool = attrs.field(init=False, eq=False, repr=False)
    body: bool = attrs.field(init=False, eq=False, repr=False)
    accepts: tuple[Callable[[Any, Any], bool], ...] = attrs.field(init=False, eq=False, repr=False)
    header_rules: HeaderPlan = attrs.field(init=False, eq=False, repr=False)
    bodies: BodyRules = attrs.field(init=False, eq=False, repr=False)
    errors: ErrorRules = attrs.field(init=False, eq=False, repr=False)
    use: RuleUse | None = attrs.field(init=False, eq=False, repr=False)
    """Which rules have met something; None without any that can be looked for."""

    def __attrs_post_init__(self) -> None:
        rules = self.ignore
        use, reader = use_of(rules), ErrorReader(self.error_fields)
        values = ErrorValues(
            reader, tuple(rule for rule in rules if isinstance(rule, SameError)), strict=self.strict_errors
        )
        kinds = kinds_of(rules, values)
        plan = PathPlan(
            rule
            for rule in rules
            if isinstance(rule, PlacedRule) and (type(rule) is not Accept or rule.path is not None)
        )
        self._derive(
            status=IgnoreField.STATUS not in rules,
            headers=IgnoreField.HEADERS not in rules,
            body=IgnoreField.BODY not in rules,
            accepts=tuple(rule.predicate for rule in rules if isinstance(rule, Accept) and rule.path is None),
            header_rules=HeaderPlan(rule for rule in rules if isinstance(rule, HeaderRule)),
            bodies=BodyRules(
                root=plan.root,
                converts=plan.converts,
                strict=self.strict,
                limit=self.max_changes,
                decodes=self.decode,
                decoders={name: reader_of(decoder) for name, decoder in self.decoders},
                exact_decimals=self.exact_decimals,
                use=use,
                kinds=kinds,
            ),
            errors=ErrorRules(
                reader=reader,
                root=plan.root,
                strict=self.strict,
                strict_errors=self.strict_errors,
                limit=self.max_changes,
                use=use,
                kinds=kinds,
            ),
            use=use,
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

    def raised(self, exc: BaseException) -> Raised:
        """All that is kept of an exception. Raises nothing but what `passing_error` names."""
        return self.errors.reader.read(exc)

    def divergence_of_errors(self, primary: Raised, shadow: Raised | None) -> Divergence | None:
        """The same for what the primary raised, and the shadow; None for a shadow that answered."""
        error = compare_errors(primary, shadow, self.errors)
        return None if error is None else Divergence(error=error)

    def divergence_of(self, primary: object, shadow: object, prefix: int | None = None) -> Divergence | None:
        """`Divergence.compare`, for who has not the whole configuration: it decides nothing else. `prefix`: what
        `shared_prefix()` has said of the two, so that nobody looks for it again.
        """
        if self.compare is not None:
            return _checked(self.compare(primary, shadow))
        divergence = _compare(primary, shadow, self, shared_prefix(primary, shadow) if prefix is None else prefix)
        if divergence is not None and self.accepted(primary, shadow):
            return None
        return divergence


class Configured(Protocol):
    """A ShadowConfig: of all that it says, what is about comparing."""

    @property
    def comparison(self) -> Comparison:
        """That, compiled."""
        ...  # pragma: no cover - a protocol has no body


def _checked(answer: object) -> Divergence | None:
    answer = plain(answer)  # NumPy has a bool of its own
    if answer is None or answer is True:
        return None
    if answer is False:
        return Divergence(body=BodyDiff(None, None, None, forms=("value", "value")))
    if isinstance(answer, Divergence):
        return answer
    raise TypeError(f"compare must return a Divergence, None, or a bool, not {type(answer).__name__}")


def _compare(primary: object, shadow: object, rules: Comparison, prefix: int | None) -> Divergence | None:
    primary_status, primary_headers, primary_body = _parts(primary)
    shadow_status, shadow_headers, shadow_body = _parts(shadow)
    status = headers = body = None
    if primary_status != shadow_status and rules.status:
        status = (primary_status, shadow_status)
    if rules.body and not _is_same(primary_body, shadow_body, prefix):
        findings = compare_bodies(
            Side(primary_body, _content_type(primary_headers)),
            Side(shadow_body, _content_type(shadow_headers)),
            rules.bodies,
            prefix,
        )
        if findings is not None:
            body = _body_diff(primary_body, shadow_body, findings)
    if primary_headers != shadow_headers and rules.headers:
        if rules.use is not None and rules.use.headers_open:
            rules.use.look_at_headers(primary_headers, shadow_headers)
        # Content-Length says once more that the bodies differ, or that they are written differently.
        redundant = body is not None or _value_len(primary_body) != _value_len(shadow_body)
        changes = compare_headers(primary_headers, shadow_headers, rules.header_rules, content_length=not redundant)
        if changes:
            headers = _header_diff(primary_headers, shadow_headers, changes)
    if status is None and headers is None and body is None:
        return None
    return Divergence(status=status, headers=headers, body=body)


#: If both values are of the same of these types, `==` says that they are the same. (Not whether: NaN.)
_PLAIN = frozenset((bytes, str, int, float, bool, type(None)))


#: Bytes from here on are read once, to find out where they differ, and not first to find out whether.
_LONG = 65_536


def same_at_once(primary: object, shadow: object) -> bool:
    """Are they plainly the same, as values, so that no rule can make a difference of it? False of long bytes that are
    two objects: who knows.
    """
    if primary is shadow:
        return True
    kind = type(primary)
    if kind is not type(shadow) or kind not in _PLAIN:
        return False
    if kind is bytes and len(primary) >= _LONG:  # type: ignore[arg-type] # bytes
        return False
    return primary == shadow


def shared_prefix(primary: object, shadow: object) -> int | None:
    """How many bytes two long bodies have in common at the start; None if they are no long bytes, both of them."""
    ours, theirs = _parts(primary)[2], _parts(shadow)[2]
    if type(ours) is not bytes or type(theirs) is not bytes or min(len(ours), len(theirs)) < _LONG:
        return None
    return len(ours) if ours is theirs else first_difference(ours, theirs)


def same_body(primary: object, shadow: object, prefix: int | None) -> bool:
    """Is it plain that the bodies are the same, whatever the rules are? `prefix`: what `shared_prefix()` says."""
    return _is_same(_parts(primary)[2], _parts(shadow)[2], prefix)


def _is_same(primary: Any, shadow: Any, prefix: int | None) -> bool:
    return same_at_once(primary, shadow) if prefix is None else prefix == len(primary) == len(shadow)


def _parts(answer: object) -> tuple[int, Headers, object]:
    if is_a(answer, ResponseRecord):
        return answer.status, answer.headers, answer.body
    return 0, (), answer


def _content_type(headers: Headers) -> str | None:
    for name, value in headers:
        if name == "content-type":
            return value
    return None


def _header_diff(primary: Headers, shadow: Headers, changes: list[HeaderChange]) -> HeaderDiff:
    changes = changes[:NAMES_KEPT]
    names = dict.fromkeys(change.name for change in changes)  # sorted, as the changes are
    ours, theirs = {cut_name(name) for name, _ in primary}, {cut_name(name) for name, _ in shadow}
    return HeaderDiff(
        added=tuple(name for name in names if name not in ours),
        removed=tuple(name for name in names if name not in theirs),
        changed=tuple(name for name in names if name in ours and name in theirs),
        changes=tuple(changes[:VALUES_KEPT]),
    )


def _body_diff(primary: object, shadow: object, findings: Findings) -> BodyDiff:
    return BodyDiff(
        _value_len(primary),
        _value_len(shadow),
        findings.prefix,
        changes=findings.changes,
        change_count=findings.count,
        forms=findings.forms,
        notes=findings.notes,
        excerpts=findings.excerpts,
    )


_SIZED: tuple[Any, ...] = (bytes, bytearray, memoryview, str, list, tuple, dict, set, frozenset)


def _value_len(value: object) -> int | None:
    # Not everything with a __len__: that would be user code, and a cursor's len() runs a query.
    for kind in _SIZED:
        if is_a(value, kind):
            try:
                return int(kind.__len__(value))
            except ValueError:  # a memoryview that was released
                return None
    return None
