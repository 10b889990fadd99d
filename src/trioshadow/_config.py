"""ShadowConfig: what is mirrored, for how long, and what is compared. Validated once, at construction; pure."""

from __future__ import annotations

import enum
import numbers
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import attrs
import mmh3

from ._sampling import SamplingKey

_2_32 = 2**32

View: TypeAlias = Callable[[Any], Any]


class IgnoreField(enum.Enum):
    """A whole part of the answer that is not compared."""

    STATUS = "status"
    HEADERS = "headers"
    BODY = "body"


def _out_of_range(parameter: str, value: object, allowed: str) -> ValueError:
    return ValueError(f"{parameter} must be {allowed}, not {value!r}")


def _number(value: Any, attribute: attrs.Attribute[Any]) -> None:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{attribute.name} must be a number, not {type(value).__name__}")
    try:
        float(value)
    except OverflowError:
        raise _out_of_range(attribute.name, value, "a number that a float can hold") from None


def _integer(value: Any, attribute: attrs.Attribute[Any]) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{attribute.name} must be an int, not {type(value).__name__}")


def _is_fraction(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    _number(value, attribute)
    if not 0 <= value <= 1:  # written so that NaN fails too
        raise _out_of_range(attribute.name, value, "a fraction in [0, 1] (0.1 mirrors one key in ten)")


def _is_timeout(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    _number(value, attribute)
    if not value > 0:
        raise _out_of_range(attribute.name, value, "seconds in (0, inf]")


def _is_duration(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    _number(value, attribute)
    if not value >= 0:
        raise _out_of_range(attribute.name, value, "seconds in [0, inf]")


def is_count(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Validate an attribute that counts something, in [1, inf)."""
    _integer(value, attribute)
    if value < 1:
        raise _out_of_range(attribute.name, value, "a count in [1, inf)")


def _is_seed(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
    _integer(value, attribute)
    if not 0 <= value < _2_32:
        raise _out_of_range(attribute.name, value, "an int in [0, 2**32)")


def _checked_ignore(fields: Any) -> tuple[IgnoreField, ...]:
    if isinstance(fields, str) or not isinstance(fields, Iterable):
        raise TypeError(f"ignore takes several IgnoreField members, as in [IgnoreField.BODY], not {fields!r}")
    for field in (checked := tuple(fields)):
        if not isinstance(field, IgnoreField):
            raise TypeError(f"ignore takes IgnoreField members, not {type(field).__name__}")
    return checked


def _is_optional_callable(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not None and not callable(value):
        raise TypeError(f"{attribute.name} must be a function, not {type(value).__name__}")


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

    sample_rate: float = attrs.field(default=1.0, validator=_is_fraction)
    """The fraction of sampling keys that are mirrored, in [0, 1]. The default mirrors all: production uses less."""
    shadow_timeout: float = attrs.field(default=2.0, validator=_is_timeout)
    """Seconds, in (0, inf], that the shadow has from the moment its task starts. It never concerns the primary."""
    ignore: tuple[IgnoreField, ...] = attrs.field(default=(), converter=_checked_ignore)
    """Parts of the answer that are not compared."""
    max_in_flight: int = attrs.field(default=256, validator=is_count)
    """Legs in flight and records waiting, together, in [1, inf). A call that would pass this is served and counted
    `shed`."""
    drain_timeout: float = attrs.field(default=5.0, validator=_is_duration)
    """Seconds, in [0, inf], that running legs get when the shadower is left; and once more for log and sinks to catch
    up."""
    seed: int = attrs.field(default=0, validator=_is_seed)
    """Of the sampling hash, in [0, 2**32). Two shadowers with different seeds pick their keys independently."""
    key: Callable[[Any], SamplingKey] | None = attrs.field(default=None, validator=_is_optional_callable)
    """From a request to its sampling key. None: the request itself is the key."""
    view: View | tuple[View | None, View | None] | None = attrs.field(default=None, validator=_is_view)
    """From an answer to what is compared; or a pair, for the primary's answer and for the shadow's. The primary's runs
    in the caller, before it gets its answer: keep it cheap."""
    copy_request: Callable[[Any], Any] | None = attrs.field(default=None, validator=_is_optional_callable)
    """From the request to the shadow's own copy; runs in the caller, before the primary. None: the request itself if it
    is immutable, else a copy by pickle or deepcopy."""

    primary_view: View | None = attrs.field(init=False, eq=False, repr=False)
    """The primary's half of `view`; None where the answer is compared as it is."""
    shadow_view: View | None = attrs.field(init=False, eq=False, repr=False)
    """The shadow's half of `view`."""
    threshold: float = attrs.field(init=False, eq=False, repr=False)
    """`sample_rate * 2**32`: keys whose hash is below it are mirrored."""

    def __attrs_post_init__(self) -> None:
        # After the validators: a str for the rate, times 2**32, would be a str of 12 GB.
        primary_view, shadow_view = self.view if isinstance(self.view, tuple) else (self.view, self.view)
        object.__setattr__(self, "primary_view", primary_view)
        object.__setattr__(self, "shadow_view", shadow_view)
        for name in ("sample_rate", "shadow_timeout", "drain_timeout"):  # a Fraction is a number, but no deadline
            object.__setattr__(self, name, float(getattr(self, name)))
        object.__setattr__(self, "threshold", self.sample_rate * _2_32)

    @classmethod
    def full_sample(cls) -> ShadowConfig:
        """The defaults: every call is mirrored."""
        return cls()

    def should_shadow(self, key: bytes) -> bool:
        """Is this key mirrored? `mmh3.hash(key, seed, signed=False) < sample_rate * 2**32`, so the same everywhere.

        Only bytes: `encode_key` says how other keys become bytes. TypeError for the rest, since
        mmh3 itself would take a str, and die of some.
        """
        if not issubclass(type(key), bytes):  # isinstance() would believe what the key says of itself
            raise TypeError(f"should_shadow takes the bytes of a key, not {type(key).__name__}")
        return mmh3.hash(key, self.seed, False) < self.threshold  # noqa: FBT003 - by name it costs a third more
