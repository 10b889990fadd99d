"""`in_shadow()`: does this code run for a shadow? A context variable, tied to the run and not only to the context."""

from __future__ import annotations

import contextvars
from collections.abc import Callable

from trioshadow._accounts.instruments import Settled
from trioshadow._model.refusal import Lack


class ShadowMark:
    """Marks a context as not to be mirrored while `running`. An object of its own: contexts outlive runs, and must not
    keep them.
    """

    __slots__ = ("lack", "of_shadow", "running", "watchers")

    def __init__(self, *, of_shadow: bool = True) -> None:
        """Not `of_shadow`: a sink's. What it calls is not mirrored, or it would feed itself; its writes are meant."""
        self.running = True
        self.of_shadow = of_shadow
        #: Who is told its verdict, which is known after the shadow's end; let go of then, since contexts outlive runs.
        self.watchers: tuple[Callable[[Settled], object], ...] = ()
        #: What a run's backend says that the copy of the request lacked: here it stays, whatever is made of the answer.
        self.lack: Lack | None = None


class RunMark(ShadowMark):
    """Marks the context of one run."""

    __slots__ = ()


shadow_mark: contextvars.ContextVar[ShadowMark | None] = contextvars.ContextVar("trioshadow.shadow_mark", default=None)


def in_shadow() -> bool:
    """True in code that a shadow leg runs, in its task, its child tasks and its threads.

    For the write deep in the stack that must happen once: `if not in_shadow(): send_mail()`. It turns False when the
    leg's shadow ends, also in tasks that the shadow started elsewhere and that still have its context.
    """
    mark = shadow_mark.get()
    return mark is not None and mark.running and mark.of_shadow


def tell_when_settled(watcher: Callable[[Settled], object]) -> bool:
    """In a run: `watcher` is called once, on the event loop, when it has its verdict. False elsewhere."""
    mark = shadow_mark.get()
    if not isinstance(mark, RunMark) or not mark.running:
        return False
    mark.watchers = (*mark.watchers, watcher)
    return True


def tell_lack(lack: Lack | None) -> None:
    """In a run: the answer to its copy of the request is a refusal, and these credentials were missing; None: it is
    none, or nothing was. The last answer counts, where a backend asks several times. Elsewhere nobody is told.
    """
    mark = shadow_mark.get()
    if isinstance(mark, RunMark) and mark.running:
        mark.lack = lack


def unmirrored_context(*, of_shadow: bool) -> contextvars.Context:
    """A copy of the current context in which calls are held back."""
    context = contextvars.copy_context()
    context.run(shadow_mark.set, ShadowMark(of_shadow=of_shadow))
    return context
