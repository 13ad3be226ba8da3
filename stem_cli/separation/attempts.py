"""Stems are judged before they are given away: where they are poor the next engine is tried, and the better kept."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from stem_cli import allocator, quality, router
from stem_cli.engines import Run
from stem_cli.engines.runtime.kept import release
from stem_cli.errors import BusyError, CloudError, OutputError
from stem_cli.folder import Attempt, Record, StemFile, StemFolder
from stem_cli.quality import Verdict, Watch
from stem_cli.separation import deliver, fit, judging
from stem_cli.separation.cached import Kept, verdict_on_entry
from stem_cli.separation.order import Listener
from stem_cli.separation.plan import Plan, instead, old_folder
from stem_cli.separation.record import record_of, tag_of
from stem_cli.separation.shop import Shop, room_to_keep, wanted
from stem_cli.separation.stream import Settled, Sum, Tap, settled
from stem_cli.track import Track

_log = logging.getLogger("stem_cli")

_MOST = 3
"""Engines that are tried for a song: each takes as long as the first."""


@dataclass
class Made:
    """What one engine made: written and judged, not in its place yet. entry: the files of the cache's entry."""

    plan: Plan
    outlets: deliver.Outlets
    run: Run
    total: Sum
    files: tuple[StemFile, ...]
    entry: tuple[StemFile, ...]
    seconds: float
    verdict: Verdict
    notes: list[str] = field(default_factory=list)

    def keep(self, attempts: tuple[Attempt, ...]) -> None:
        """Into the cache, if it is to be kept there."""
        if self.entry:
            self._keep(attempts)
            self._ended()

    def _keep(self, attempts: tuple[Attempt, ...]) -> None:
        if self.entry:
            self.outlets.keep(self._record(self.entry, attempts, kept=True))

    def _ended(self) -> None:
        """What the engine wants done when its stems are on the disk."""
        for work in self.run.after:
            work()
        self.run.after.clear()

    def warn(self, texts: list[str]) -> None:
        """What the user should know of it."""
        self.notes += texts

    def deliver(self, attempts: tuple[Attempt, ...]) -> StemFolder:
        """Into the cache, and into the place that the user wants."""
        self._keep(attempts)
        folder = self.outlets.deliver(self._record(self.files, attempts, kept=False))
        self._ended()
        return folder

    def _record(self, files: tuple[StemFile, ...], attempts: tuple[Attempt, ...], kept: bool) -> Record:
        plan = replace(self.plan, warnings=(*self.plan.warnings, *self.notes))
        verdict = replace(self.verdict, attempts=attempts)
        return record_of(plan, self.run.device, self.total, files, {"separate": self.seconds}, kept, verdict)


Try: TypeAlias = "Made | Kept"


def separated(shop: Shop, plan: Plan, listener: Listener) -> StemFolder:
    """The stems of the first engine, or of a better one where those are poor.

    Raises StemError where the first fails.
    """
    with ExitStack() as stack:
        tries: list[Try] = [stack.enter_context(_made(shop, plan, listener))]
        failed = False
        for choice in plan.others:
            best = _best(tries)
            if len(tries) == _MOST or not _worth_another(best, choice):
                continue
            following = _following(shop, best, choice, listener, stack)
            failed = failed or following is None
            tries += [] if following is None else [following]
        best = _best(tries)
        attempts = () if failed and len(tries) == 1 else _told(tries, best)
        for one in tries:
            if one is not best:
                one.keep(attempts)
        if best.verdict.poor and best.plan.wants_voice:
            best.warn(_flagged(best, len(tries), listener))
        return best.deliver(attempts)


def _best(tries: list[Try]) -> Try:
    """The one whose voice is the best, the first of equal ones; all are measured alike."""
    level = judging.FULL if all(one.verdict.level == judging.FULL for one in tries) else judging.QUICK

    def figure(one: Try) -> float:
        found = quality.vocals_db(one.verdict, level)
        return -math.inf if found is None else found

    return max(tries, key=figure)


def _worth_another(best: Try, choice: router.Choice) -> bool:
    """Whether the best so far is poor, where a voice is wanted, and this choice promises a better one."""
    poor = best.verdict.poor and best.verdict.level == judging.FULL and best.plan.wants_voice
    return poor and not best.plan.named and router.promises_more(choice, best.verdict.vocals_db or 0.0)


def _following(shop: Shop, best: Try, choice: router.Choice, listener: Listener, stack: ExitStack) -> Try | None:
    """What another engine makes; None where that fails: what is made already is not lost."""
    name = f"{choice.engine.name} {choice.model.name}"
    threshold = best.plan.order.settings.poor_below_db
    figure = f"{best.verdict.vocals_db:.1f} dB, below {threshold:g}" if best.verdict.vocals_db is not None else "poor"
    listener.note(f"the vocals by {best.plan.engine.name} are estimated at {figure}: trying {name}")
    release()
    allocator.give_back()
    try:
        choice = replace(choice, why=f"the vocals by {best.plan.engine.name} were judged poor")
        plan = instead(best.plan, choice)
        if choice.engine.prepare(plan.request, listener.note):
            plan = instead(best.plan, choice)
        _refuse_others(plan)
        stack.enter_context(_free(shop, plan))
        kept = shop.cache.find(plan.key, plan.depth)
        if kept is not None:
            return Kept(plan, kept, verdict_on_entry(plan, kept))
        return stack.enter_context(_made(shop, plan, listener))
    except judging.MISHAPS as error:
        _log.exception("%s as a second engine", name)
        text = f"{name} was tried for better vocals and failed: {str(error) or repr(error)}"
        listener.note(text)
        best.warn([text])
        return None


def _refuse_others(plan: Plan) -> None:
    """Raises OutputError where stems lie there that this engine's would replace, and nobody said --force."""
    folder = old_folder(plan)
    allowed = plan.order.force or plan.order.replace
    if folder is not None and not allowed and folder.record.making != plan.making:
        what = f"stems by {folder.record.made.engine} lie there and would be lost"
        raise OutputError(what, plan.place.home, "Add --force to replace them.")


@contextmanager
def _free(shop: Shop, plan: Plan) -> Iterator[None]:
    """Hold the song for this engine too. Raises BusyError where another process does: two must not wait in a ring."""
    try:
        with shop.cache.lock(plan.key, wait=False):
            yield
    except BusyError as error:
        raise BusyError("another stem process separates this song with it", plan.track.path, error.hint) from error


def _told(tries: list[Try], best: Try) -> tuple[Attempt, ...]:
    """What is written down of the engines that were tried, () where one was enough."""
    first = tries[0]
    if len(tries) == 1 and (first.plan.named or not first.verdict.poor or first.verdict.level != judging.FULL):
        return ()
    return tuple(
        Attempt(
            engine_id=one.plan.identity.text,
            engine=one.plan.identity.engine,
            model=one.plan.identity.model,
            vocals_db=None if one.verdict.vocals_db is None else round(one.verdict.vocals_db, 2),
            poor=one.verdict.poor,
            kept=one is best,
            why=one.plan.why,
        )
        for one in tries
    )


def _flagged(best: Try, tried: int, listener: Listener) -> list[str]:
    """A warning where something was tried in vain, or could be tried; else the figure alone is enough."""
    figure = f"{best.verdict.vocals_db:.1f} dB" if best.verdict.vocals_db is not None else "unknown"
    if tried > 1:
        text = f"the vocals are poor (estimated at {figure}); {tried} engines were tried, this is the best of them"
    elif best.plan.named and best.verdict.level == judging.FULL:
        text = f"the vocals are poor (estimated at {figure}); another engine may do better, this one was named"
    else:
        return []
    listener.note(text)
    return [text]


@contextmanager
def _made(shop: Shop, plan: Plan, listener: Listener) -> Iterator[Made]:
    """Run one engine into hidden files, and judge what it made; the files are gone with this unless delivered."""
    keep = room_to_keep(shop, plan)
    notes: list[str] = []
    run = Run(plan.order.settings.threads or router.this_machine().cpus, note=_both(notes.append, listener.note))
    tap, total = Tap(plan.mix), Sum()
    watch = judging.watch_for(plan)
    listener.begin(plan.track, plan.engine.name, plan.why, plan.mix.frames)
    started = time.monotonic()
    entry = shop.cache.place(plan.key) if keep else None
    with deliver.opened(wanted(plan), tag_of(plan), plan.model.stems, entry) as outlets:
        blocks = settled(fit.separate(plan.engine, plan.model, tap, plan.request, run), tap, plan.depth, total)
        with _named(plan.track), shop.turn(plan.engine), closing(blocks):
            for block in blocks:
                _taken(block, outlets, watch)
                listener.advance(block.whole.shape[1])
        listener.advance(max(0, plan.mix.frames - total.frames))  # where the length was an estimate
        files, *kept = outlets.writer.finish()
        seconds = time.monotonic() - started
        if not plan.named:
            shop.budget.paid += plan.engine.minutes(plan.request, total.frames / plan.mix.rate)
        verdict = judging.verdict_on(plan, watch, run)
        yield Made(plan, outlets, run, total, files, kept[0] if kept else (), seconds, verdict, notes)


def _taken(block: Settled, outlets: deliver.Outlets, watch: Watch | None) -> None:
    outlets.write(block)
    if watch is not None:
        watch.add(block.parts)


@contextmanager
def _named(track: Track) -> Iterator[None]:
    """What goes wrong at a service names the song: the service knows it by another name."""
    try:
        yield
    except CloudError as error:
        error.path = error.path or track.path
        raise


def _both(one: Callable[[str], None], other: Callable[[str], None]) -> Callable[[str], None]:
    def call(text: str) -> None:
        one(text)
        other(text)

    return call
