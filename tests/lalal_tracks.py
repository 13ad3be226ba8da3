"""The separation of the LALAL.AI that runs here: each stem is a fraction of the song, the rest is the rest."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import soundfile
from lalal_choices import Habits


def labels_of(presets: dict[str, Any], habits: Habits) -> list[str]:
    """The tracks of a task."""
    if presets.get("multivocal"):
        found = ["vocals@0", "vocals@1", "no_vocals", "mix_no_lead"]
        found = found if habits.backing else [label for label in found if label != "vocals@1"]
    elif "stem_list" in presets:
        found = [*presets["stem_list"], "no_multistem"]
    else:
        found = [presets["stem"], f"no_{presets['stem']}"]
    return [label for label in found if label != habits.drop_label]


def parts(song: np.ndarray, labels: list[str]) -> dict[str, np.ndarray]:
    """The separation: integers [frames, channels] of 24 bits; all but `mix_no_lead` are the song."""
    song = song.astype(np.int64)
    stems = [label for label in labels if not label.startswith(("no_", "mix_"))]
    made = {label: song * (place + 2) // 32 for place, label in enumerate(stems)}
    rest = song - sum(made.values())
    for label in labels:
        if label.startswith("no_"):
            made[label] = rest
        if label.startswith("mix_"):
            made[label] = rest + made.get("vocals@1", 0)
    return made


def track(body: bytes, labels: list[str], label: str, habits: Habits) -> bytes:
    """A track as a FLAC file."""
    wide, rate = soundfile.read(io.BytesIO(body), dtype="int32", always_2d=True)
    if habits.other_song:
        wide = np.random.default_rng(7).integers(-(2**30), 2**30, wide.shape, dtype=np.int32)
    made = parts(wide >> 8, labels)[label]
    made = np.concatenate([np.zeros((max(0, habits.lag), made.shape[1]), np.int64), made])[max(0, -habits.lag) :]
    end = len(wide) + habits.longer
    made = np.concatenate([made, np.zeros((max(0, end - len(made)), made.shape[1]), np.int64)])[:end]
    if habits.mono:
        made = made.mean(axis=1, keepdims=True).astype(np.int64)
    if habits.rate:
        made, rate = _resampled(made, rate, habits.rate), habits.rate
    out = io.BytesIO()
    soundfile.write(out, (made << 8).astype(np.int32), rate, format="FLAC", subtype="PCM_24")
    return out.getvalue()


def _resampled(sound: np.ndarray, old: int, new: int) -> np.ndarray:
    from scipy.signal import resample_poly

    return np.rint(resample_poly(sound.astype(float), new, old, axis=0)).clip(-(2**23), 2**23 - 1).astype(np.int64)
