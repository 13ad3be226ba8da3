"""`.stem.mp4`, the Stems of Native Instruments, for Traktor and Mixxx: the song and four stems as tracks of one file.

Track 1 is the song, tracks 2-5 are drums, bass, other and vocals; players that know no stems play the first, the only
one that is enabled. A box `moov/udta/stem` holds their names and colours as JSON. ("Stem File Specification" of Native
Instruments, as Mixxx reads it: soundsourcestem.cpp, steminfoimporter.cpp.)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stem_cli import stems as table
from stem_cli import tags
from stem_cli.audio import Mix, write_tracks
from stem_cli.disk import disk_errors, replaced
from stem_cli.dj import atoms
from stem_cli.dsp.resample import resample
from stem_cli.errors import OutputError, TooLargeError, UsageError
from stem_cli.folder import exact
from stem_cli.tags import Tags

SUFFIX = ".stem.mp4"
SOUND = ".sound"
"""How the name of the hidden file ends that holds the tracks until they are put together."""
ORDER = ("drums", "bass", "other", "vocals")
"""Of tracks 2-5; the one in which Traktor, Mixxx and all writers agree."""
CODECS = ("aac", "alac")
"""Traktor on Windows opens only the first."""
RATES = (44100, 48000)
"""Hz that every program takes; songs of other rates are resampled to one of them."""
LARGEST_BYTES = 2**32 - 2**20
"""Of a file that a FAT32 stick holds and whose offsets fit into 32 bits; leaves room for tags and a cover."""
BOX = ("udta", "stem")

_BYTES_PER_SECOND = {"aac": 5 * 256_000 / 8, "alac": 0.0}
_MASTERING = {
    "compressor": {"enabled": False, "input_gain": 0.5, "output_gain": 0.5, "threshold": 0.0, "dry_wet": 50,
                   "attack": 0.003, "release": 0.3, "ratio": 3.0, "hp_cutoff": 300},
    "limiter": {"enabled": False, "threshold": 0.0, "ceiling": -0.35, "release": 0.05},
}  # fmt: skip
"""The figures of NI's Stem Creator, switched off: stems that add up to the song need neither, and Mixxx has neither."""


@dataclass(frozen=True)
class Written:
    """A `.stem.mp4` that was written. frames: of each track, at `rate` Hz. clipped: samples of the song that were."""

    path: Path
    frames: int
    rate: int
    clipped: int


@dataclass(frozen=True)
class Recipe:
    """What is read: the song, or None for the sum of the stems, and the files that make up each track."""

    master: Mix | None
    parts: dict[str, tuple[Mix, ...]]
    old_rate: int
    depth: str

    @property
    def rate(self) -> int:
        """Of the tracks: that of the songs, or the nearest of its family."""
        return self.old_rate if self.old_rate in RATES else RATES[self.old_rate % 11025 != 0]

    @property
    def seconds(self) -> float:
        return max(mix.frames for mixes in self.parts.values() for mix in mixes) / self.old_rate


def least_bytes(seconds: float, codec: str) -> float:
    """What a `.stem.mp4` of so long a song has at least."""
    return seconds * _BYTES_PER_SECOND[codec]


def metadata(names: Mapping[str, str] | None = None) -> bytes:
    """The JSON of the `stem` box. names: what the four are called, by the names of the table; its titles if None."""
    titles = {name: table.title(name) for name in ORDER} | dict(names or {})
    listed = [{"name": titles[name], "color": table.TABLE[name].colour} for name in ORDER]
    told = {"version": 1, "mastering_dsp": _MASTERING, "stems": listed}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def four(names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Which stems make up each of the four: what is whole is taken whole, its parts and complements are left out.

    Raises UsageError where one of the four cannot be made.

    >>> four(("lead_vocals", "backing_vocals", "drums", "kick", "bass", "guitar", "other"))["other"]
    ('guitar', 'other')
    """
    parts = {part for stem, inner in table.PARTS.items() if stem in names for part in inner}
    taken = [name for name in table.ordered(names) if name in table.TABLE and name not in parts]
    found = {track: tuple(name for name in taken if table.TABLE[name].family == track) for track in ORDER}
    missing = [track for track, inner in found.items() if not inner]
    if missing:
        raise UsageError(
            f"a .stem.mp4 needs drums, bass, other and vocals; there is nothing for {', '.join(missing)}",
            None,
            "Separate the song into four stems or more.",
        )
    return found


def write_stem(
    target: Path, files: Mapping[str, Path], tagged: Tags, master: Path | None = None, codec: str = "aac"
) -> Written:
    """Write a `.stem.mp4` out of stems, whole or not at all; a file of that name is replaced.

    files: by the stems' names; those beyond four are summed into their families. tagged: the song's tags and cover.
    master: the song itself; None is the sum of the stems, which for ours is the song to the bit. The four add up to the
    master exactly, before they are encoded: what is not in them goes to `other`. Shorter files are filled up with
    silence. Raises UsageError, InputError for files that cannot be read, OutputError.
    """
    if codec not in CODECS:
        raise UsageError(f"there is no {codec!r} in .stem.mp4", None, f"Choose {' or '.join(CODECS)}.")
    plan = recipe(files, master)
    if least_bytes(plan.seconds, codec) > LARGEST_BYTES:
        raise too_large(target)
    sound = target.with_name(f".{target.name}{SOUND}")
    counted = Clipped()
    with disk_errors(target), replaced(target) as partial:
        try:
            partial.touch()  # a place that takes no files is told before the work
            frames = write_tracks(sound, tracks(plan, counted), len(ORDER) + 1, plan.rate, codec, plan.depth)
            if sound.stat().st_size > LARGEST_BYTES:
                raise too_large(target)
            atoms.front_with(sound, partial, BOX, metadata())
        except ValueError as error:
            raise OutputError(f"it cannot be put together ({error})", target) from error
        except OutputError as error:  # of the hidden file beside it
            raise type(error)(error.what, target, error.hint) from error
        finally:
            sound.unlink(missing_ok=True)
        tags.write(partial, tagged)
    return Written(target, frames, plan.rate, counted.samples)


def too_large(target: Path) -> TooLargeError:
    """What is told of a song whose file would be."""
    hint = "Use its stems as files; --no-stem-files asks for no .stem.mp4."
    return TooLargeError("a .stem.mp4 of this song would be larger than 4 GiB", target, hint)


def recipe(files: Mapping[str, Path], master: Path | None) -> Recipe:
    """What is to be read for the four. Raises UsageError, InputError."""
    parts = {track: tuple(Mix.open(files[name]) for name in names) for track, names in four(tuple(files)).items()}
    song = None if master is None else Mix.open(master)
    every = [mix for mixes in parts.values() for mix in mixes] + ([song] if song else [])
    rates = {mix.rate for mix in every}
    if len(rates) > 1:
        raise UsageError(
            f"stems of several sample rates ({', '.join(map(str, sorted(rates)))} Hz)", next(iter(files.values()))
        )
    depth = "16" if all(mix.shape.depth == "16" for mix in every) else "24"
    return Recipe(song, parts, rates.pop(), depth)


class Clipped:
    """How many samples of the song had to be clipped, counted while they pass by."""

    samples = 0


def tracks(plan: Recipe, counted: Clipped) -> Iterator[list[np.ndarray]]:
    """The song and its four stems, block by block, as integers that add up."""
    names = [(track, mix) for track, mixes in plan.parts.items() for mix in mixes]
    lanes = [_stereo(mix, plan) for mix in (*(mix for _, mix in names), *([plan.master] if plan.master else []))]
    for blocks in _in_step(lanes):
        parts = {track: np.zeros(blocks[0].shape, np.int32) for track in ORDER}
        for (track, _), block in zip(names, blocks, strict=False):
            parts[track] += exact.to_ints(block, plan.depth)[0]
        whole, clipped = _whole(blocks[-1] if plan.master else None, parts, plan.depth)
        counted.samples += clipped
        settled = exact.balanced(whole, parts, plan.depth)
        yield [whole, *(settled[track] for track in ORDER)]


def _whole(song: np.ndarray | None, parts: Mapping[str, np.ndarray], depth: str) -> tuple[np.ndarray, int]:
    if song is not None:
        return exact.to_ints(song, depth)
    total = np.sum(list(parts.values()), axis=0, dtype=np.int32)
    low, high = exact.limits(depth)
    return np.clip(total, low, high), int(np.count_nonzero((total < low) | (total > high)))


def _stereo(mix: Mix, plan: Recipe) -> Iterator[np.ndarray]:
    """A file's sound with two sides, at the tracks' rate."""
    for block in resample(mix.blocks(), plan.old_rate, plan.rate):
        if block.shape[1]:
            yield block if block.shape[0] == 2 else np.repeat(block, 2, axis=0)


def _in_step(lanes: list[Iterator[np.ndarray]]) -> Iterator[list[np.ndarray]]:
    """Blocks of one length from each, until the longest ends; the others go on in silence."""
    held: list[np.ndarray] = [np.zeros((2, 0), np.float32)] * len(lanes)
    while True:
        held = [block if block.shape[1] else next(lane, block) for lane, block in zip(lanes, held, strict=True)]
        ready = [block.shape[1] for block in held if block.shape[1]]
        if not ready:
            return
        size = min(ready)
        yield [block[:, :size] if block.shape[1] else np.zeros((2, size), np.float32) for block in held]
        held = [block[:, size:] for block in held]
