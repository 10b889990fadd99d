"""A hypothesis strategy as requests: 'old and new agree' as a property, and the smallest request for which they don't.

Imported only where there is a strategy, so that hypothesis is there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hypothesis
from hypothesis.strategies import SearchStrategy

from ._not_equivalent import NotEquivalentError


def settings_here(settings: hypothesis.settings | None) -> hypothesis.settings:
    """Those given, or the current profile's: asked in the caller's thread, since a worker thread that hypothesis has
    met before still has the profile of then.
    """
    return hypothesis.settings() if settings is None else settings


def check_property(
    compare: Callable[[Any], NotEquivalentError | None],
    strategy: SearchStrategy[Any],
    settings: hypothesis.settings,
    identity: str,
) -> NotEquivalentError | None:
    """Let hypothesis look for a request for which `compare` gives an error: that of the smallest, or None.

    What hypothesis raises itself is raised, such as the SkipTest of settings by which nothing is tried. `identity`
    tells this property from others in the database of failures.
    """

    def old_and_new_agree(request: Any) -> None:
        error = compare(request)
        if error is not None:
            raise error

    # Its database knows a property by its source, which all share, and its signature.
    old_and_new_agree.__annotations__["request"] = identity
    # No explanation: it would be the lines of this library that record a difference. No blob: the decorator that it is
    # for would have to stand on the function above.
    phases = set(settings.phases) - {hypothesis.Phase.explain}
    settings = hypothesis.settings(settings, phases=phases, print_blob=False)
    try:
        settings(hypothesis.given(request=strategy)(old_and_new_agree))()
    except NotEquivalentError as error:
        return error.with_traceback(None)
    return None
