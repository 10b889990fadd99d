"""Which rules were these? A short text that is the same wherever the same rules were written. Pure.

Data counts by its value, and what runs by its name: a function by module and qualified name, a lambda by its code, any
other callable by its class; of either what it has closed over, and its defaults. Two versions of a function of one name
are not told apart, nor two instances of a class; that is what `ShadowConfig.candidate` is for.
"""

from __future__ import annotations

import enum
import functools
import hashlib
import types
from collections.abc import Iterable
from typing import Any

import attrs


def fingerprint(parts: Iterable[object]) -> str:
    """16 hexadecimal digits for these parts, in their order.

    >>> fingerprint([1.5, len]) == fingerprint([1.5, len]) != fingerprint([1.5, max])
    True
    """
    text = "\n".join(map(_described, parts))
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def epoch_id(candidate: str, rules: str) -> str:
    """The name of an epoch, as records have it: of one candidate, and the fingerprint of one set of rules."""
    return fingerprint((candidate, rules))


def _described(part: Any) -> str:
    kind: type[Any] = type(part)
    if part is None or kind in (bool, int, float, str, bytes):
        return repr(part)
    if isinstance(part, tuple | list):
        return f"[{', '.join(map(_described, part))}]"
    if isinstance(part, enum.Enum):
        return f"{kind.__qualname__}.{part.name}"
    if isinstance(part, functools.partial):
        arguments = [part.func, *part.args, *sorted(part.keywords.items())]
        return f"partial{_described(arguments)}"
    if isinstance(part, types.MethodType):
        return f"{_described(part.__func__)} of {_described(type(part.__self__))}"
    if isinstance(part, types.FunctionType):
        return _function(part)
    if attrs.has(kind):
        fields = [f"{field.name}={_described(getattr(part, field.name))}" for field in attrs.fields(kind) if field.init]
        return f"{kind.__qualname__}({', '.join(fields)})"
    named = part if hasattr(part, "__qualname__") else kind
    return f"{getattr(named, '__module__', '')}.{named.__qualname__}"


def _function(function: types.FunctionType) -> str:
    name = f"{function.__module__}.{function.__qualname__}"
    what = f"lambda {_code(function.__code__)}" if function.__name__ == "<lambda>" else name
    kept = [*(function.__defaults__ or ()), *sorted((function.__kwdefaults__ or {}).items())]
    kept += [cell.cell_contents for cell in function.__closure__ or () if _is_plain(cell)]
    return f"{what} {_described(kept)}" if kept else what


def _is_plain(cell: types.CellType) -> bool:
    try:
        return isinstance(cell.cell_contents, str | bytes | int | float | None)
    except ValueError:  # it is empty yet
        return False


def _code(code: types.CodeType) -> str:
    return f"{code.co_code.hex()} {code.co_names} {[*map(_constant, code.co_consts)]}"


def _constant(constant: object) -> str:
    if isinstance(constant, types.CodeType):
        return _code(constant)
    if isinstance(constant, frozenset):  # its order is another in each process
        return f"{{{', '.join(sorted(map(_constant, constant)))}}}"
    if isinstance(constant, tuple):
        return f"({', '.join(map(_constant, constant))})"
    return repr(constant)
