"""Words for people that several rooms share. Pure; not for what a room says alone."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """A number with its noun, whose plural ends in s.

    >>> counted(1, "call"), counted(3_000, "call")
    ('1 call', '3,000 calls')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
