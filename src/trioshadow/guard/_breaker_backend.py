"""BreakerBackend: a breaker around any Backend, for calls that are no shadow's. A shadower takes the breaker itself."""

from __future__ import annotations

import math
from typing import Generic

import trio
from trio.lowlevel import enable_ki_protection

from trioshadow._backend import BackendLike, RequestT, ResponseT, as_callable
from trioshadow._errors import ShadowError
from trioshadow._verdict import Verdict

from ._breaker import Breaker


class BreakerOpen(ShadowError):
    """The breaker is open, or half-open with all its probes on their way: the backend was not called.

    The backend's fault, that has failed too often. Answer without it, or try again later.
    """


class BreakerBackend(Generic[RequestT, ResponseT]):
    """Calls a Backend while its breaker lets it.

        rates = BreakerBackend(fetch_rates, Breaker(failures=5), timeout=2.0)

    An answer is a success, an Exception and a timeout are failures, and that the caller went away is neither. A
    deadline around the call looks like the caller's going away: give `timeout`, in seconds, in (0, inf], so that what
    is too slow counts. As a shadow's backend it is the wrong place, for that reason: `Shadower(breaker=...)` knows.

    Raises TypeError if `backend` is none, or `breaker` no Breaker; ValueError for a timeout out of range.
    """

    def __init__(
        self, backend: BackendLike[RequestT, ResponseT], breaker: Breaker, *, timeout: float = math.inf
    ) -> None:
        self._call = as_callable(backend, "backend")
        if not isinstance(breaker, Breaker):
            raise TypeError(f"breaker must be a Breaker, not {type(breaker).__name__}")
        if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not timeout > 0:
            raise ValueError(f"timeout must be seconds in (0, inf], not {timeout!r}")
        self.breaker = breaker
        self._timeout = timeout

    @enable_ki_protection  # a permit that is not given back is lost
    async def call(self, request: RequestT, /) -> ResponseT:
        """The backend's answer. Raises what it raises, `trio.TooSlowError` after `timeout`, BreakerOpen."""
        permit = self.breaker.admit(trio.current_time())
        if permit is None:
            raise BreakerOpen(f"the breaker is {self.breaker.state.value}: {self.breaker.reason}")
        verdict = Verdict.ABANDONED
        try:
            with trio.fail_after(self._timeout):
                answer = await self._called(request)
                verdict = Verdict.MATCHED
                return answer
        except trio.TooSlowError:
            verdict = Verdict.TIMED_OUT
            raise
        except Exception:
            verdict = Verdict.FAILED
            raise
        finally:
            self.breaker.release(permit, verdict, trio.current_time())

    @trio.lowlevel.disable_ki_protection
    async def _called(self, request: RequestT) -> ResponseT:
        return await self._call(request)
