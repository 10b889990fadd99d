"""Exceptions: which pass, which are alike, and how one is described without being kept. Pure."""

from __future__ import annotations

import pytest

from trioshadow import ShadowerNotRunning, ShadowError, ShadowPending
from trioshadow._model.errors import consists_of, describe_error, first_other, passing_error


def test_errors_have_stdlib_parents():
    for kind in (ShadowPending, ShadowerNotRunning):
        assert issubclass(kind, ShadowError)
        assert issubclass(kind, RuntimeError)


def test_what_passes_and_what_a_group_consists_of():
    deep: BaseException = KeyboardInterrupt()
    for _ in range(3000):
        deep = BaseExceptionGroup("", [ValueError(), deep])
    assert isinstance(passing_error(deep), KeyboardInterrupt)
    assert isinstance(passing_error(GeneratorExit()), GeneratorExit)
    assert passing_error(SystemExit()) is None
    assert consists_of(ExceptionGroup("", [KeyError(), IndexError()]), LookupError)
    assert not consists_of(ExceptionGroup("", [KeyError(), OSError()]), LookupError)
    assert isinstance(first_other(ExceptionGroup("", [KeyError(), OSError()]), LookupError), OSError)


def test_exceptions_that_lie_are_seen_through():
    class Liar(Exception):
        @property
        def __class__(self):
            return KeyboardInterrupt

    class Mute(Exception):
        @property
        def __class__(self):
            raise ValueError

    class Circle(ExceptionGroup):
        @property
        def exceptions(self):
            return (self,)

    class OddText(str):
        def __getitem__(self, index):
            return self

        def __format__(self, spec):
            raise SystemExit

    class Odd(Exception):
        def __str__(self):
            return OddText("text")

    for lie in (Liar(), Mute(), Circle("", [ValueError()])):
        assert passing_error(lie) is None
        assert not consists_of(lie, KeyboardInterrupt)
    assert type(describe_error(Odd())[1]) is str


def test_a_group_that_holds_itself_many_times_over_is_looked_at_in_bounded_time():
    group: Exception = ValueError()
    for _ in range(60):
        group = ExceptionGroup("", [group, group])
    assert passing_error(group) is None
    assert consists_of(group, ValueError)


def test_a_description_survives_the_exception():
    assert describe_error(ValueError("x" * 9999)) == ("ValueError", "x" * 500)

    class Interrupts(Exception):
        def __str__(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        describe_error(Interrupts())


def test_an_exception_without_a_message_is_described_by_its_cause():
    def caused(*causes):
        exc = None
        for cause in reversed(causes):
            cause.__cause__ = exc
            exc = cause
        return exc

    assert describe_error(caused(ValueError(), OSError(), KeyError("far"))) == ("ValueError", "KeyError: 'far'")
    assert describe_error(caused(ValueError("near"), KeyError("far"))) == ("ValueError", "near")
    try:
        try:
            raise KeyError("first")
        except KeyError:
            raise ValueError  # noqa: B904
    except ValueError as exc:
        assert describe_error(exc) == ("ValueError", "KeyError: 'first'")
    circle = ValueError()
    circle.__cause__ = OSError()
    circle.__cause__.__cause__ = circle
    assert describe_error(circle) == ("ValueError", "")
    assert describe_error(caused(ValueError(), OSError("x" * 1000)))[1] == "OSError: " + "x" * 491
