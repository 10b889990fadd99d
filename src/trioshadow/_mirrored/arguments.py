"""Arguments: the request of a mirrored function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import attrs

from trioshadow._model.record import hidden
from trioshadow._model.sampling import SamplingKey


@attrs.frozen
class Arguments:
    """The request of a mirrored function: what it was called with. Its key, view and copy functions see this."""

    args: tuple[Any, ...] = attrs.field(repr=hidden)
    kwargs: Mapping[str, Any] = attrs.field(repr=hidden)
    shares_self: bool = attrs.field(default=False, kw_only=True, eq=False, repr=False)
    """Is one of them the `self` of a method? It is shared with the shadow, and not copied."""

    def __trioshadow_parts__(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """What is shared with the shadow, and what is copied."""
        if not self.shares_self:
            return (), (*self.args, *self.kwargs.values())
        return self.args[:1] or (self.kwargs["self"],), (*self.args[1:], *self.kwargs.values())

    def __trioshadow_key__(self) -> SamplingKey:
        """The only argument; or a tuple of all: the positional ones, then a pair for each named one, sorted by name."""
        if len(self.args) == 1 and not self.kwargs:
            return cast("SamplingKey", self.args[0])
        return (*self.args, *sorted(self.kwargs.items()))
