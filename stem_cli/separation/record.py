"""What metadata.json will say, and the tags every file gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from stem_cli import __version__, quality
from stem_cli import tags as tags_of
from stem_cli.database import now, text_of
from stem_cli.folder import Made, Quality, Record, Song, Source, StemFile, Tag
from stem_cli.quality import Verdict
from stem_cli.separation.order import parts_of_sum
from stem_cli.separation.plan import Plan
from stem_cli.separation.stream import Sum
from stem_cli.track import Track


def tag_of(plan: Plan) -> Tag:
    """Puts the song's tags on a finished file."""
    titled = replace(plan.track.tags, title=plan.track.title)

    def tag(path: Path, name: str) -> None:
        tags_of.write(path, tags_of.of_stem(titled, name, plan.track.digest, plan.identity.text))

    return tag


def record_of(
    plan: Plan,
    device: str,
    total: Sum,
    files: tuple[StemFile, ...],
    times: Mapping[str, float],
    kept: bool,
    verdict: Verdict,
) -> Record:
    """metadata.json of the folder, or of the cache's entry (`kept`)."""
    track, identity = plan.track, plan.identity
    warnings = list(plan.warnings)
    if total.clipped:
        warnings.append(f"the song passes full scale: {total.clipped} samples were clipped")
    judged = plan.order.settings.judge != "off"
    names = tuple(file.name for file in files)
    return Record(
        source=Source(
            path=text_of(track.path.absolute()),
            digest=track.digest,
            md5=track.md5,
            codec=track.shape.codec,
            rate=track.rate,
            channels=track.channels,
            frames=total.frames,
        ),
        tags=_plain_tags(track),
        made=Made(
            engine_id=identity.text,
            engine=identity.engine,
            model=identity.model,
            weights=identity.weights,
            settings=identity.settings,
            device=device,
            seed=plan.order.request.seed,
            why=plan.why,
        ),
        song=Song(total.samples.hexdigest(), total.clipped, parts_of_sum(names, plan.model.stems)),
        files=files,
        format="wav" if kept else plan.format,
        depth=plan.depth,
        span=plan.order.request.span,
        residual_db=total.residual_db,
        quality=_judged(plan, files, total, verdict) if judged else Quality(),
        made_at=now(),
        times=times,
        warnings=tuple(warnings),
        program=f"stem-cli {__version__}",
    )


def _judged(plan: Plan, files: tuple[StemFile, ...], total: Sum, verdict: Verdict) -> Quality:
    """The judgement, with what the song's own words make of it."""
    found = quality.quick(files, total.residual_db, total.clipped, verdict)
    words = quality.words(verdict, _calls_itself_instrumental(plan.track))
    return replace(found, notes=(*found.notes, *words))


def _calls_itself_instrumental(track: Track) -> bool:
    return any("instrumental" in text.casefold() for text in (track.title, track.path.stem, track.tags.genre or ""))


def _plain_tags(track: Track) -> dict[str, Any]:
    return {name: value for name, value in asdict(track.tags).items() if value is not None and name != "cover"}
