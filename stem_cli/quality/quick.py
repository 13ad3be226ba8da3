"""Cheap measures of the files that were written, and what the judge says of the engine beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from stem_cli.folder import Quality, StemFile
from stem_cli.quality.figures import ratio_db
from stem_cli.quality.verdict import Verdict, verdict_of

_NONE = Verdict()

_SILENT_DB = -60.0
_FULL_SCALE_DB = -0.001
_LOST_DB = -20.0
"""An engine whose stems miss the song by more than this lost something; the exact sum has put it into `other`."""


def quick(files: Sequence[StemFile], residual_db: float, clipped: int, verdict: Verdict = _NONE) -> Quality:
    """Silence, full scale, share of the energy, what the engine lost; and the verdict's figures of these stems.

    `share_db` is the stem's RMS against the sum of all stems' power. Never calls a result poor by itself.
    """
    total = sum(10 ** (file.rms_db / 10) for file in files)
    per_stem = {
        file.name: {
            **verdict.figures.get(file.name, {}),
            "rms_db": file.rms_db,
            "share_db": ratio_db(10 ** (file.rms_db / 10), total),
        }
        for file in files
    }
    notes = [f"{file.name} is silent" for file in files if file.rms_db < _SILENT_DB]
    notes += [f"{file.name} reaches full scale" for file in files if file.peak_db > _FULL_SCALE_DB]
    if residual_db > _LOST_DB:
        notes.append(f"the engine lost a part of the song ({residual_db:.0f} dB); it is in other")
    if clipped:
        notes.append(f"the song passes full scale: {clipped} samples were clipped")
    return Quality(per_stem, verdict.poor, tuple(notes), verdict.level, verdict.attempts)


def again(old: Quality, files: Sequence[StemFile], residual_db: float, clipped: int, without: str = "") -> Quality:
    """What is still true of a folder whose files have changed. without: a stem that was silenced."""
    if not old.per_stem:
        return old
    verdict = verdict_of(old)
    kept = {name: figures for name, figures in verdict.figures.items() if name != without}
    poor = verdict.poor and without != verdict.voice
    found = quick(files, residual_db, clipped, replace(verdict, figures=kept, poor=poor))
    words = [note for note in old.notes if "instrumental" in note and not (without and "--mute" in note)]
    return replace(found, notes=(*found.notes, *words))
