"""Runs of the cloud engine against `lalal_server`: a song in memory, a request, what came of it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from conftest import music
from lalal_choices import Habits
from lalal_service import Lalal
from lalal_tracks import labels_of, parts

from stem_cli.database import open_database
from stem_cli.engines import Engine, Request, Run
from stem_cli.engines.cloud.line import Clock

cloud = importlib.import_module("stem_cli.engines.cloud")
ENGINE: Engine = cloud.ENGINE
FULL = 1 << 23


class Song:
    """A song in memory: integers of 24 bits as float32 [channels, frames], in blocks nobody may write into."""

    def __init__(self, seconds: float = 0.5, rate: int = 44100, channels: int = 2, seed: int = 0) -> None:
        self.whole = np.rint(music(seconds, rate, channels, seed) * FULL).astype(np.int64)
        self.rate, self.channels, self.frames = rate, channels, len(self.whole)

    def blocks(self) -> Iterator[np.ndarray]:
        sound = np.ascontiguousarray((self.whole / FULL).T.astype(np.float32))
        sound.flags.writeable = False
        for at in range(0, self.frames, 10000):
            yield sound[:, at : at + 10000]

    def skim(self) -> Iterator[np.ndarray]:
        return self.blocks()


@dataclass
class Made:
    """What came of a run: stems as integers [frames, channels], and what was told."""

    stems: dict[str, np.ndarray]
    notes: list[str] = field(default_factory=list)
    device: str = ""


def request(lalal: Lalal, data: Path, model: str = "lalal-vocals", **more: Any) -> Request:
    return Request(engine="cloud", model=model, allow_cloud=True, cloud_url=lalal.url, data_dir=data, **more)


def separate(song: Song, asked: Request, clock: Any, notes: list[str] | None = None) -> Made:
    """Run the engine to its end."""
    notes = [] if notes is None else notes
    run = Run(note=notes.append)
    blocks = list(cloud._separate(song, asked, run, Clock(clock.now, clock.sleep)))
    for work in run.after:
        work()
    joined = {name: np.concatenate([block[name] for block in blocks], axis=1) for name in blocks[0]}
    return Made({name: np.rint(part.T * FULL).astype(np.int64) for name, part in joined.items()}, notes, run.device)


def expected(song: Song, model: str, habits: Habits | None = None) -> dict[str, np.ndarray]:
    """The stems as the server makes them, without their lag; silence where it has cut them off."""
    offer, habits = cloud.LALAL.offer(model), habits or Habits()
    whole = song.whole.copy()
    whole[: max(0, -habits.lag)] = 0
    whole[len(whole) - max(0, habits.lag - habits.longer) :] = 0
    made = parts(whole, labels_of(dict(offer.wishes), habits))
    nothing = np.zeros_like(whole)
    return {name: sum((made[one] for one in of if one in made), nothing) for name, of in offer.parts.items()}


def assert_equal(made: Made, song: Song, model: str, habits: Habits | None = None) -> None:
    wanted = expected(song, model, habits)
    assert list(made.stems) == list(cloud.LALAL.offer(model).model.stems)
    for name, stem in made.stems.items():
        assert np.array_equal(stem, wanted[name]), name


def bookings(data: Path) -> list[dict[str, Any]]:
    """The bookings of a folder of data, in order."""
    database = open_database("", data)
    try:
        return [dict(row) for row in database.rows("SELECT * FROM bookings ORDER BY made_at")]
    finally:
        database.close()
