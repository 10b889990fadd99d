"""The course of a replay: what was done before, a look at all requests, the slices, and how far it came."""

from __future__ import annotations

import contextlib
import logging
import signal
from collections.abc import AsyncGenerator, Callable, Mapping
from functools import partial

import attrs
import trio

from trioshadow import ShadowConfig
from trioshadow.cli.common.clients import make_client, trusted_by
from trioshadow.cli.common.errors import CliError
from trioshadow.cli.common.progress import Stages
from trioshadow.cli.common.signals import obey
from trioshadow.evidence import Evidence
from trioshadow.http import HttpRequest, OperationNames, template_path

from .archive import SliceSink, evidence_in, is_there
from .backend import ReplayBackend
from .input import Requests
from .lines import Sendable
from .options import ReplayOptions
from .progress import Progress, progress_path, read_progress
from .run import Replay, Sides
from .source import Digest, Source
from .survey import Survey, survey

logger = logging.getLogger("trioshadow.replay")

#: Seconds after which nothing more is begun until all is done and noted: what a process that is killed loses.
SLICE = 15.0


@attrs.frozen(kw_only=True)
class Seen:
    """What there is to report in the end."""

    survey: Survey
    evidence: Evidence
    """Of all runs."""
    progress: Progress
    before: int
    """Requests that were done by runs before."""
    otherwise: list[str]
    """What the last of these was told otherwise."""
    trouble: CliError | None
    """What ended it early, and must be seen to."""


class _Told:
    """By a signal, to stop."""

    number = 0
    replay: Replay | None = None

    def stop(self, number: int) -> None:
        self.number = number
        if self.replay is not None:
            self.replay.stop()


async def conduct(options: ReplayOptions) -> tuple[Seen | None, int]:
    """Replay. What was seen, None if nothing was sent; and the signal that ended it early, 0 if none did.

    Raises CliError for what can't be used. SIGINT and SIGTERM end it in order, a second one at once.
    """
    if options.archive.resolve() == options.file.resolve():
        raise CliError(f"--archive {options.archive} is the file that is to be replayed: take another")
    told = _Told()
    failed: CliError | None = None
    seen: Seen | None = None
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals, Stages() as stages:
        async with trio.open_nursery() as around:
            around.start_soon(obey, signals, told.stop)
            try:
                seen = await _conduct(options, told, stages)
            except CliError as exc:  # out of the nursery it would be in a group
                failed = exc
            around.cancel_scope.cancel()
    if failed is not None:
        raise failed
    return seen, told.number


async def _conduct(options: ReplayOptions, told: _Told, stages: Stages) -> Seen | None:
    config = options.config()
    trusted = trusted_by(options.ca_file)
    noted, done = await trio.to_thread.run_sync(_before, options, config)
    otherwise = _told_otherwise(options, noted) if done else []
    for each in otherwise:
        logger.warning("%s", each)
    noted = attrs.evolve(noted, told=options.told)
    requests = Requests(options.file, Sendable(options.methods), options.needed)
    there = await survey(
        requests,
        options,
        noted,
        stopping=lambda: bool(told.number),
        advance=stages.start(f"reading {options.file.name}", None),
    )
    if there is None:
        return None
    if there.total < done:
        raise CliError(f"{options.file} has fewer requests than were replayed into {options.archive}")
    trouble = None
    if done < there.total:
        course = _Course(options, config, noted, done, there.total)
        await course.go_to(Source(requests))
        async with contextlib.AsyncExitStack() as clients:
            sides = [await clients.enter_async_context(make_client(trusted)) for _ in range(3)]
            backend = partial(ReplayBackend, options)
            secondary = options.secondary
            trouble = await course.run(
                Sides(
                    primary=backend(sides[0], options.primary).call,
                    shadow=backend(sides[1], options.shadow).call,
                    secondary=None if secondary is None else backend(sides[2], secondary).call,
                    primary_timeout=options.primary_timeout,
                ),
                told,
                stages.start(f"replaying {options.file.name}", there.total),
            )
        noted = course.noted
    evidence = await trio.to_thread.run_sync(evidence_in, options.archive, config)
    return Seen(survey=there, evidence=evidence, progress=noted, before=done, otherwise=otherwise, trouble=trouble)


def _before(options: ReplayOptions, config: ShadowConfig) -> tuple[Progress, int]:
    """What runs before have noted, and how many requests they have done: none, if there were none. Blocking."""
    archive = options.archive
    path = progress_path(archive)
    noted, archived = read_progress(path), is_there(archive)
    fresh = Progress(digest=str(Digest()), epoch=config.epoch_id, rules=options.told_rules)
    if noted is None and not archived:
        return fresh, 0
    if noted is None:
        raise CliError(
            f"{archive} is there, and is no archive of a replay ({path.name} is not beside it): take another --archive"
        )
    if noted.requests == 0 and noted.epoch != config.epoch_id:
        noted = fresh
    if noted.epoch != config.epoch_id:
        if not options.resume:
            raise _already_there(options)
        changed = "; ".join(_changes(noted.rules, options.told_rules)) or "they are not known any more"
        raise CliError(
            f"{archive} is of other rules or of another candidate ({changed}): say the same as before, or begin anew "
            "with another --archive"
        )
    evidence = evidence_in(archive, config)
    done = sum(evidence.totals())
    if done < noted.requests:
        raise CliError(
            f"{archive} has the counts of {done:,} of the {noted.requests:,} requests that were replayed: a part of it "
            "is missing; begin anew with another --archive"
        )
    if done and not options.resume:
        raise _already_there(options)
    return noted, done


def _told_otherwise(options: ReplayOptions, noted: Progress) -> list[str]:
    """In words. It may be meant: a service has another port each time. Raises CliError for what can't be."""
    key = noted.told.get("key-header", options.told["key-header"])
    if key != options.told["key-header"]:
        raise CliError(
            f"{options.archive} has other keys: say --key-header as before ({key or 'none'}), or begin anew with "
            "another --archive"
        )
    return _changes(noted.told, options.told)


def _changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Options that were said otherwise, in words."""
    return [
        f"--{option} was {before[option] or 'not said'} before: now it is {told or 'not said'}"
        for option, told in now.items()
        if before.get(option, told) != told
    ]


def _already_there(options: ReplayOptions) -> CliError:
    archive = options.archive
    return CliError(
        f"{archive} is there already: go on with it (--resume), take another (--archive PATH), or remove it and "
        f"{progress_path(archive).name}"
    )


class _Course:
    """The slices, each of which is noted when it is done."""

    def __init__(self, options: ReplayOptions, config: ShadowConfig, noted: Progress, done: int, total: int) -> None:
        self.noted = noted
        self._options = options
        self._config = config
        self._done = done
        self._left = total - done
        self._digest = Digest()
        self._names = OperationNames()

    async def go_to(self, source: Source) -> None:
        """Go past the requests that are done."""
        self._source = source
        for _ in range(self._done):
            request = await source.take()
            if request is None:
                raise CliError(f"{self._options.file} has become shorter while it was read")
            self._begin(request)

    def _begin(self, request: HttpRequest) -> str:
        self._digest.add(request)
        return self._names.name(request.method, template_path(request.path))

    async def _take(self) -> HttpRequest | None:
        # Not what was added to the file meanwhile: it may be those who are asked that write to it.
        request = await self._source.take() if self._left else None
        if request is not None:
            self._left -= 1
        return request

    async def run(self, sides: Sides, told: _Told, advance: Callable[[int], object]) -> CliError | None:
        """Send all that are left, or until told to stop. What ended it early, if something did."""
        options, before = self._options, self.noted
        async with _opened(options, self._config, before) as sink, contextlib.AsyncExitStack() as stack:
            told.replay = replay = Replay(
                self._take,
                sides,
                self._config,
                sink,
                concurrency=options.concurrency,
                objective=options.objective(),
                rate=options.rate,
                begin=self._begin,
                answered=self._done - before.no_answer.total(),
                progress=lambda done: advance(self._done + done),
            )
            await stack.enter_async_context(replay.as_one())
            while not (replay.ended or replay.stopping or told.number):
                written = sink.snapshots
                statistics = await replay.slice(SLICE)
                if replay.unreachable:
                    raise CliError(_unreachable(options, replay))
                lost = before.records_lost + statistics.records_dropped["archive"]
                if sink.snapshots > written:
                    self.noted = attrs.evolve(
                        before,
                        requests=self._done + replay.done,
                        digest=str(self._digest),
                        no_answer=before.no_answer + replay.no_answer,
                        records_lost=lost,
                    )
                    await _note(options, self.noted)
                elif sink.error is None:
                    return CliError(f"--archive {options.archive}: the disk took no snapshot in time")
                if sink.error is not None:
                    return CliError(
                        f"--archive {options.archive}: {sink.error.strerror or sink.error}: what is in it was "
                        "replayed until then; with --resume it goes on there"
                    )
        return None


@contextlib.asynccontextmanager
async def _opened(options: ReplayOptions, config: ShadowConfig, noted: Progress) -> AsyncGenerator[SliceSink]:
    """The archive, with the progress beside it, before the first request is sent."""
    await _note(options, noted)
    sink = SliceSink(options.archive)
    try:
        await sink.open(config, options.objective())
    except OSError as exc:
        raise CliError(f"--archive {options.archive}: it can't be written: {exc.strerror or exc}") from None
    try:
        yield sink
    finally:
        with contextlib.suppress(OSError):
            await sink.close()


async def _note(options: ReplayOptions, progress: Progress) -> None:
    path = progress_path(options.archive)
    try:
        await trio.to_thread.run_sync(progress.write, path)
    except OSError as exc:
        raise CliError(f"{path}: it can't be written: {exc.strerror or exc}") from None


def _unreachable(options: ReplayOptions, replay: Replay) -> str:
    causes = ", ".join(f"{cause} {count:,}" for cause, count in replay.no_answer.most_common())
    return (
        f"the primary answered none of {replay.no_answer.total():,} requests ({causes}): is --primary "
        f"{options.primary} right, and is it running?"
    )
