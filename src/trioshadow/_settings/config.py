"""ShadowConfig: what is mirrored, for how long, and what is compared. Validated once, at construction; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import attrs
import mmh3

from trioshadow._model.checks import (
    instance_of,
    integer,
    is_bool,
    is_count,
    is_function,
    is_patience,
    is_text,
    is_timeout,
    number,
    several,
)
from trioshadow._model.kinds import is_a
from trioshadow._model.packing import COPIED_BYTES
from trioshadow._model.sampling import SamplingKey
from trioshadow.compare import (
    RULES,
    Comparison,
    Decoder,
    ErrorFields,
    IgnoreField,
    Rule,
    checked_decoders,
    checked_error_fields,
)

from .capture import Capture
from .fingerprint import epoch_id, fingerprint

_2_32 = 2**32

_is_rate = number("a fraction in [0, 1] (0.1 mirrors one key in ten)", lambda rate: 0 <= rate <= 1)
_is_seed = integer("an int in [0, 2**32)", lambda seed: 0 <= seed < _2_32)
_is_capture = instance_of(Capture, "a Capture, as in Capture(max_bytes=1_000)").or_none

View: TypeAlias = Callable[[Any], Any]


def _checked_ignore(rules: Any) -> tuple[IgnoreField | Rule, ...]:
    checked = several("ignore", rules, "rules, as in [IgnoreField.STATUS, IgnorePath('$.id')]")
    for rule in checked:
        if isinstance(rule, tuple | list):
            raise TypeError("ignore takes rules, not collections of them: write [*VOLATILE_HEADERS, ...]")
        if not isinstance(rule, (IgnoreField, *RULES)):
            raise TypeError(
                f"ignore takes IgnoreField members and rules of trioshadow.compare, not {type(rule).__name__}"
            )
    return checked


def _is_view(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    halves = value if isinstance(value, tuple) else (value, value)
    if len(halves) != 2 or not all(half is None or callable(half) for half in halves):
        raise TypeError(
            f"{attribute.name} must be a function, or a pair of them (for the primary's answer, the shadow's), "
            f"not {value!r}"
        )


@attrs.frozen(kw_only=True)
class ShadowConfig:
    """How a Shadower samples, waits and compares. Frozen: change a running one with `Shadower.reconfigure()`.

    Out of range is a ValueError that names the parameter, the value and the range; a wrong type is a TypeError.
    """

    sample_rate: float = attrs.field(default=1.0, validator=_is_rate)
    """The fraction of sampling keys that are mirrored, in [0, 1]. The default mirrors all: production uses less."""
    shadow_timeout: float = attrs.field(default=2.0, validator=is_timeout)
    """Seconds, in (0, inf], that the shadow has from the moment its task starts. It never concerns the primary."""
    ignore: tuple[IgnoreField | Rule, ...] = attrs.field(default=(), converter=_checked_ignore)
    """What of a difference does not matter: parts of the answer that are not compared, and the rules of
    `trioshadow.compare`. They are applied after the views."""
    compare: Callable[[Any, Any], Any] | None = attrs.field(default=None, validator=is_function.or_none)
    """In place of the library's own comparison, rules included: from the two answers, after their views, to a
    `Divergence`, None or True if they match, False if they do not. Exceptions are not passed to it, but what
    `error_view` puts in their place is."""
    ignore_if: Callable[[Any, Any, Any], bool] | None = attrs.field(default=None, validator=is_function.or_none)
    """From the request, the primary's answer and the shadow's to whether this call does not count: for differences that
    are expected of some requests. Asked in the leg, of calls that diverged and of no others; True: the call is counted
    `ignored`, apart from those that match, leaves no record, and is no evidence. The request is the one that the shadow
    was given, and may have changed; the answers are as they were compared, after their views, and None for a side that
    raised. Calls of the secondary are asked about too, with its answer as the last: or else noise that is ignored in
    the shadow would still make up for regressions."""
    strict: bool = attrs.field(default=False, validator=is_bool)
    """False: values are told apart as JSON does: 1 is 1.0 (and True is not 1), a tuple is a list, a record is an object
    of its fields, an enum member is its value. True: the types must be the same too."""
    strict_errors: bool = attrs.field(default=False, validator=is_bool)
    """True: exceptions are the same only if their messages are (of the first 500 characters), those in groups too."""
    error_fields: ErrorFields = attrs.field(default=(), converter=checked_error_fields)
    """Which members of exceptions are compared, besides the well-known ones such as `errno` and a response's status: a
    mapping (or pairs) from exception class, subclasses included, to paths such as `code`, `detail.reason`, `args[0]`.
    Attributes are read as `getattr` does, mappings and sequences by key and index. No paths, `()`: exceptions of this
    class are compared by their type alone."""
    max_changes: int = attrs.field(default=100, validator=is_count)
    """Changes that a `BodyDiff` keeps, in [1, inf); all are counted."""
    decode: bool = attrs.field(default=True, validator=is_bool)
    """False: bodies of bytes are compared byte by byte, whatever their content type."""
    decoders: tuple[tuple[str, Decoder], ...] = attrs.field(default=(), converter=checked_decoders)
    """Your own decoders, before the library's: a mapping (or pairs) from content type, such as `application/x-protobuf`
    or `+cbor`, to a function from the body's bytes to a value. A function whose second argument has no default, or is
    named `content_type`, gets that too. What it raises means that the body is no such thing."""
    exact_decimals: bool = attrs.field(default=False, validator=is_bool)
    """True: numbers with a fraction or an exponent in JSON are read as `Decimal`, digit by digit: 0.10 is 0.1, and
    100000000000000000.01 is not 100000000000000000.02. False: as floats, as nearly all readers of JSON do."""
    max_step: float = attrs.field(default=0.1, validator=is_timeout)
    """Seconds, in (0, inf], that the shadow may compute or block between two checkpoints, while all others on the event
    loop wait. A longer step is counted (`statistics().stalls`), said in the log with the line of code, and trips the
    breaker. Of backends that are coroutine functions, or return coroutines; inf: steps are not timed."""
    max_in_flight: int = attrs.field(default=256, validator=is_count)
    """Legs in flight and records waiting, together, in [1, inf). A call that would pass this is served and counted
    `shed`."""
    max_in_flight_bytes: int = attrs.field(default=268_435_456, validator=is_count)
    """Bytes that the legs in flight may hold, in [1, inf): requests, answers to be compared, serialised copies, as far
    as their sizes are known (bytes, texts, bodies, what was copied by pickle). At this limit calls are `shed`, and a
    leg whose answer would pass it gives way and is `abandoned`. The default is 256 MiB."""
    max_copied_bytes: int = attrs.field(default=COPIED_BYTES, validator=is_count)
    """Bytes of a request, or of an answer, that are copied in the caller's time, in [1, inf), as pickle writes them. An
    object of a class counts as 100 bytes more, and of a text or a buffer above 128 KiB one byte in 16. A call with a
    larger request is `held_back`, a leg whose primary's answer is larger is `abandoned`. The default is 512 KiB, which
    takes 2 to 6 ms."""
    large_body: int = attrs.field(default=524_288, validator=is_count)
    """Two bodies of together so many bytes or characters, in [1, inf), that differ and are to be decoded, are compared
    in a worker and not on the event loop: see `Shadower(comparer=...)`. The default is 512 KiB."""
    drain_timeout: float = attrs.field(default=5.0, validator=is_patience)
    """Seconds, in [0, inf], that running legs get when the shadower is left; and once more for log and sinks to catch
    up."""
    seed: int = attrs.field(default=0, validator=_is_seed)
    """Of the sampling hash, in [0, 2**32). Two shadowers with different seeds pick their keys independently."""
    context: Callable[[Any], Mapping[str, object]] | None = attrs.field(default=None, validator=is_function.or_none)
    """From the request to the context of its record, for calls that bring none (see `Shadower.call()`); by default
    they have none. It is asked where the call is made, so that it may look at the caller's context variables, and of
    calls that are mirrored only. What it raises is said in the log."""
    key: Callable[[Any], SamplingKey] | None = attrs.field(default=None, validator=is_function.or_none)
    """From a request to its sampling key. None: the request itself is the key."""
    view: View | tuple[View | None, View | None] | None = attrs.field(default=None, validator=_is_view)
    """From an answer to what is compared; or a pair, for the primary's answer and for the shadow's. The primary's runs
    in the caller, before it gets its answer: keep it cheap. It is shown a copy of the answer's containers and plain
    records, other objects as they are, and nothing that can be read once, as an iterator can."""
    error_view: View | tuple[View | None, View | None] | None = attrs.field(default=None, validator=_is_view)
    """From an exception to what is compared in its place, as an answer, with all rules and `compare`; or a pair, as
    `view` has it. An exception that it returns, the same or another, is compared as exceptions are. The primary's half
    runs in the caller, before that gets its own exception, the shadow's at once where the exception was caught. It must
    not keep the exception. `BodyTooLarge` is not passed to it, nor an exception of the primary's that can be read once,
    or has an argument or an attribute that can."""
    copy_request: Callable[[Any], Any] | None = attrs.field(default=None, validator=is_function.or_none)
    """From the request to the shadow's own copy; runs in the caller, before the primary. None: the request itself if it
    is immutable, else a copy; a call whose request is too large for one, or holds what owns something or can be read
    once, is `held_back`. The `self` of a mirrored method is shared."""

    may_mirror: Callable[[Any], bool] | None = attrs.field(default=None, validator=is_function.or_none)
    """From a request to whether it may be mirrored: False for calls whose effects must happen once. They are served and
    counted `held_back`. Asked of sampled calls only. The edges for HTTP ask it before a request's body has been read,
    and once more after: it must not look at that.
    None: what the method `__trioshadow_may_mirror__()` of the request's type says; where it has none, all may."""

    threads: bool = attrs.field(default=False, validator=is_bool)
    """Which calls from other threads than the shadower's are mirrored. False: those from threads that carry a caller's
    context, as those of `trio.to_thread.run_sync` and of anyio do: sync code in a Trio program. True: from any thread.
    Then a shadow must not call the primary's mirrored form in an executor of its own: that has no context, so that the
    call is taken for one of the program's, and mirrored again."""

    noise_rate: float = attrs.field(default=0.1, validator=_is_rate)
    """The fraction of mirrored calls, in [0, 1], that go to the secondary too, if there is one."""
    candidate: str = attrs.field(default="", validator=is_text)
    """Which version of the new backend this is. What is counted of one candidate is never added to what is counted of
    another: change it when the candidate changes."""
    capture: Capture | None = attrs.field(default=None, validator=_is_capture)
    """What records keep of requests and answers. None: nothing."""

    primary_view: View | None = attrs.field(init=False, eq=False, repr=False)
    """The primary's half of `view`; None where the answer is compared as it is."""
    shadow_view: View | None = attrs.field(init=False, eq=False, repr=False)
    """The shadow's half of `view`."""
    primary_error_view: View | None = attrs.field(init=False, eq=False, repr=False)
    """The primary's half of `error_view`; None where exceptions are compared as such."""
    shadow_error_view: View | None = attrs.field(init=False, eq=False, repr=False)
    """The shadow's half of `error_view`."""
    plain: bool = attrs.field(init=False, eq=False, repr=False)
    """No code of yours has a say in what is compared: no view, no `compare`."""
    threshold: float = attrs.field(init=False, eq=False, repr=False)
    """`sample_rate * 2**32`: keys whose hash is below it are mirrored."""
    comparison: Comparison = attrs.field(init=False, eq=False, repr=False)
    """What is said about comparing, compiled."""

    fingerprint: str = attrs.field(init=False, eq=False, repr=False)
    """Of the rules: of all that decides whether two answers are the same, how long a shadow has, and which calls are
    mirrored but for the rate. 16 hexadecimal digits, the same in every process that has the same rules; functions count
    by their names."""
    epoch_id: str = attrs.field(init=False, eq=False, repr=False)
    """Of `candidate` and `fingerprint` together."""

    def __attrs_post_init__(self) -> None:
        # After the validators: a str for the rate, times 2**32, would be a str of 12 GB.
        for name, of_both in (("view", self.view), ("error_view", self.error_view)):
            halves = of_both if isinstance(of_both, tuple) else (of_both, of_both)
            object.__setattr__(self, f"primary_{name}", halves[0])
            object.__setattr__(self, f"shadow_{name}", halves[1])
        # A Fraction is a number, but no deadline.
        for name in ("sample_rate", "shadow_timeout", "max_step", "drain_timeout", "noise_rate"):
            object.__setattr__(self, name, float(getattr(self, name)))
        plain = self.primary_view is None and self.shadow_view is None and self.compare is None
        object.__setattr__(self, "plain", plain)
        object.__setattr__(self, "threshold", self.sample_rate * _2_32)
        names = (field.name for field in attrs.fields(Comparison) if field.init)
        comparison = Comparison(**{name: getattr(self, name) for name in names})
        object.__setattr__(self, "comparison", comparison)
        rules = (*comparison.settings.values(), self.view, self.shadow_timeout)
        rules += (self.key, self.seed, self.may_mirror, self.error_view, self.ignore_if)
        object.__setattr__(self, "fingerprint", fingerprint(rules))
        object.__setattr__(self, "epoch_id", epoch_id(self.candidate, self.fingerprint))

    @classmethod
    def full_sample(cls) -> ShadowConfig:
        """The defaults: every call is mirrored."""
        return cls()

    def should_shadow(self, key: bytes) -> bool:
        """Is this key mirrored? `mmh3.hash(key, seed, signed=False) < sample_rate * 2**32`, so the same everywhere.

        Only bytes: `encode_key` says how other keys become bytes. TypeError for the rest, since
        mmh3 itself would take a str, and die of some.
        """
        if type(key) is not bytes and not is_a(key, bytes):  # the first is nearly always so, and costs no call
            raise TypeError(f"should_shadow takes the bytes of a key, not {type(key).__name__}")
        if 0 < self.sample_rate < 1:  # at the ends there is nothing to hash for
            return mmh3.hash(key, self.seed, False) < self.threshold  # noqa: FBT003 - by name it costs a third more
        return self.sample_rate >= 1
