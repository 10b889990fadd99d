"""What a ThreadBackend or a ProcessBackend raises itself, and which of a candidate's exceptions may cross over to the
callers' loop.
"""

from __future__ import annotations

import trio

from trioshadow._model.errors import PASSING, ShadowError, first_of, type_name


class BackendNotRunning(ShadowError, RuntimeError):
    """A call to a backend that is not there: never entered, left already, entered in another `trio.run`, or its thread
    has ended.

    In the first three cases the caller's fault: wrap the program in `async with backend:`. In the last the candidate's,
    and the log has said so. Beside a Shadower each such call is counted `failed`.
    """


class BackendFull(ShadowError, RuntimeError):
    """`max_in_flight` calls are with the candidate already, those included that it goes on with although nobody waits.

    The candidate is too slow for its share of the calls, or hangs: sample fewer, or mend it.
    """


class CandidateError(ShadowError, RuntimeError):
    """The candidate raised what can't cross over as itself: this is what it was, in words.

    A KeyboardInterrupt there is nobody's Ctrl-C here, and a Cancelled there cancels nothing here. Out of a process come
    only exceptions whose class can be imported.
    """


def crossing_error(exc: BaseException, others: tuple[type[BaseException], ...] = ()) -> BaseException:
    """`exc` itself, unless it is, or holds, what would mean something else on the callers' loop, such as one of
    `others`: then a CandidateError that names it.
    """
    stopped = first_of(exc, (*PASSING, trio.Cancelled, *others))
    return exc if stopped is None else CandidateError(f"the candidate raised {type_name(type(stopped))}")
