"""A folder out of a cache entry, with what was said of its stems when they were made."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from stem_cli import quality
from stem_cli.folder import Attempt, Record, StemFile, StemFolder
from stem_cli.quality import Verdict
from stem_cli.separation import deliver
from stem_cli.separation.plan import Plan
from stem_cli.separation.record import record_of, tag_of
from stem_cli.separation.shop import wanted
from stem_cli.separation.stream import Sum


def verdict_on_entry(plan: Plan, kept: StemFolder) -> Verdict:
    """What was said of an entry; where nobody listened then, and somebody wants to know, the files speak now."""
    found = quality.verdict_of(kept.record.quality)
    if found.level or plan.level == "off":
        return found
    heard = Verdict(quality.figures_of_files(kept.paths()), "quick")
    return quality.judged(heard, plan.order.settings.poor_below_db)


def from_cache(plan: Plan, kept: StemFolder, verdict: Verdict) -> StemFolder:
    """The folder that a plan wants. Raises StemError."""
    started = time.monotonic()
    song = kept.record.song

    def record(files: tuple[StemFile, ...], total: Sum | None) -> Record:
        times = {"separate": 0.0, "deliver": time.monotonic() - started}
        learnt = total or Sum(frames=kept.record.source.frames, clipped=song.clipped)
        made = record_of(plan, kept.record.made.device, learnt, files, times, False, verdict)
        samples = total.samples.hexdigest() if total else song.samples_sha256
        return replace(made, song=replace(made.song, samples_sha256=samples), residual_db=kept.record.residual_db)

    return deliver.from_cache(kept, plan.mix, wanted(plan), tag_of(plan), record)


@dataclass
class Kept:
    """A try that needs no work: the engine's stems of this song are in the cache. See `attempts.Made`."""

    plan: Plan
    folder: StemFolder
    verdict: Verdict

    def keep(self, attempts: tuple[Attempt, ...]) -> None:
        """It is in the cache already."""

    def warn(self, texts: list[str]) -> None:
        """What the user should know of it."""
        self.plan = replace(self.plan, warnings=(*self.plan.warnings, *texts))

    def deliver(self, attempts: tuple[Attempt, ...]) -> StemFolder:
        """Into the place that the user wants."""
        return from_cache(self.plan, self.folder, replace(self.verdict, attempts=attempts))
