"""Fakes for tests of code that shadows: backends that do what a script says, on whatever clock the test runs."""

from __future__ import annotations

from ._scripted import Answer, Fail, Hang, ScriptedBackend, Step

__all__ = ["Answer", "Fail", "Hang", "ScriptedBackend", "Step"]
