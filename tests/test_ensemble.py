"""Ensembles: the mean of what several models make, in step, with weights, told and refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import Stem, music
from hypothesis import given
from hypothesis import strategies as st

from stem_cli import engines
from stem_cli.engines import Engine, Model, Request, Run, StemBlock
from stem_cli.engines.ensemble.lockstep import Reader, Shared, together
from stem_cli.engines.ensemble.members import Member, Wish, model_of, parse, score_of
from stem_cli.errors import EngineError, StemError, UsageError

MODELS = ("small_mdx", "small_waveform", "dsp")


class Song:
    """In memory, in blocks of some size."""

    rate, channels = 44100, 2

    def __init__(self, sound: np.ndarray, size: int = 10000) -> None:
        self.sound, self.size, self.frames = np.ascontiguousarray(sound.T, np.float32), size, len(sound)
        self.passes = 0

    def blocks(self) -> Iterator[np.ndarray]:
        self.passes += 1
        for at in range(0, self.frames, self.size):
            yield self.sound[:, at : at + self.size]

    def skim(self) -> Iterator[np.ndarray]:
        return self.blocks()


def joined(blocks: Iterator[StemBlock]) -> dict[str, np.ndarray]:
    kept = list(blocks)
    return {name: np.concatenate([block[name] for block in kept], axis=1) for name in kept[0]}


def made_by(engine: Engine, asked: Request, song: Song) -> dict[str, np.ndarray]:
    return joined(engine.separate(song, asked, Run(2)))


def alone(model: str, models_dir: Path, song: Song) -> dict[str, np.ndarray]:
    engine, _ = engines.find_model(model, models_dir)
    return made_by(engine, Request(model=model, models_dir=models_dir), song)


def together_by(text: str, models_dir: Path, song: Song) -> dict[str, np.ndarray]:
    return made_by(engines.load_ensemble(), Request(ensemble=text, models_dir=models_dir), song)


def far_below(one: np.ndarray, two: np.ndarray) -> bool:
    return bool(np.abs(one - two).max() < 1e-5)


# ------------------------------------------------------------------------------------------------------ what it makes


def test_a_stem_is_the_mean_of_those_that_make_it(onnx_models: Path) -> None:
    song = Song(music(3.0))
    voice, four = alone("small_mdx", onnx_models, song), alone("dsp", onnx_models, song)
    both = together_by("small_mdx,dsp", onnx_models, song)
    assert list(both) == ["vocals", "drums", "bass", "other"]
    assert far_below(both["vocals"], (voice["vocals"] + four["vocals"]) / 2)
    assert all(far_below(both[name], four[name]) for name in ("drums", "bass", "other"))


def test_weights_are_of_models_and_of_stems(onnx_models: Path) -> None:
    song = Song(music(2.0))
    voice, four = alone("small_mdx", onnx_models, song), alone("dsp", onnx_models, song)
    thirds = together_by("small_mdx:2,dsp", onnx_models, song)
    assert far_below(thirds["vocals"], (2 * voice["vocals"] + four["vocals"]) / 3)
    only = together_by("small_mdx,dsp:vocals=0:drums=5", onnx_models, song)
    assert far_below(only["vocals"], voice["vocals"])
    assert far_below(only["drums"], four["drums"])


def test_the_song_is_read_once_for_all(onnx_models: Path) -> None:
    song = Song(music(2.0))
    together_by("small_mdx,dsp", onnx_models, song)
    assert song.passes == 1


def test_the_order_of_its_models_is_part_of_its_id_and_so_are_weights(onnx_models: Path) -> None:
    def name(text: str) -> str:
        return engines.load_ensemble().identify(Request(ensemble=text, models_dir=onnx_models)).text

    texts = ("small_mdx,dsp", "small_mdx:2,dsp", "small_mdx:vocals=2,dsp", "small_mdx,small_waveform")
    assert len({name(text) for text in texts}) == len(texts)
    assert name("small_mdx,dsp") == name(" small_mdx , dsp:1")


def test_the_command_writes_stems_that_add_up_and_says_who_made_them(stem: Stem, onnx_models: Path) -> None:
    soundfile.write("song.wav", music(2.0), 44100, subtype="PCM_16")
    asked = ("separate", "song.wav", "--models-dir", str(onnx_models), "--ensemble", "small_mdx,dsp:vocals=3")
    planned = stem(*asked, "--dry-run")
    assert "would be separated" in planned.stdout
    made = json.loads(stem(*asked, "--json").stdout)
    assert made["record"]["made"]["model"] == "small_mdx+dsp"
    assert "vocals=3" in made["record"]["made"]["settings"]["2"]
    total = sum(soundfile.read(path, dtype="int16")[0].astype(int) for path in made["stems"].values())
    assert np.array_equal(total, soundfile.read("song.wav", dtype="int16")[0])
    assert json.loads(stem(*asked, "--json", "--output", "again").stdout)["status"] == "cached"


def test_an_ensemble_of_the_settings_gives_way_to_a_model(stem: Stem, onnx_models: Path) -> None:
    soundfile.write("song.wav", music(1.0), 44100, subtype="PCM_16")
    stem("config", "set", "ensemble", "small_mdx,dsp")
    stem("config", "set", "models_dir", str(onnx_models))
    assert json.loads(stem("separate", "song.wav", "--json", "--dry-run").stdout)["engine"].startswith("ensemble/")
    one = json.loads(stem("separate", "song.wav", "--json", "--dry-run", "--model", "dsp").stdout)
    assert one["engine"].startswith("builtin/")


# ------------------------------------------------------------------------------------------------- which stems it makes


def member(*stems: str, rate: int | None = None, **weights: float) -> Member:
    model = Model("-".join(stems), "", stems, "", rate=rate)
    return Member(Wish(model.name, 1.0, weights), engines.load("builtin"), model, Request())


FOUR, SIX = ("vocals", "drums", "bass", "other"), ("vocals", "drums", "bass", "guitar", "piano", "other")
VOCALS, DRUMS = ("vocals", "instrumental"), ("drums", "no_drums")


@pytest.mark.parametrize(
    ("members", "stems", "makers_of_the_rest"),
    [
        ((VOCALS, VOCALS), VOCALS, {0, 1}),
        ((VOCALS, ("vocals", "other")), VOCALS, {0, 1}),
        ((VOCALS, FOUR), FOUR, {1}),
        ((FOUR, SIX), SIX, {1}),
        ((SIX, VOCALS, SIX), SIX, {0, 2}),
        ((VOCALS, DRUMS), ("vocals", "drums", "other"), set()),
        ((("lead_vocals", "no_lead_vocals"), ("lead_vocals", "backing_vocals", "other")),
         ("lead_vocals", "backing_vocals", "other"), {1}),
    ],
)  # fmt: skip
def test_stems_of_an_ensemble(members: Any, stems: tuple[str, ...], makers_of_the_rest: set[int]) -> None:
    score = score_of([member(*names) for names in members])
    assert score.stems == stems
    assert set(score.shares[score.rest]) == makers_of_the_rest
    assert all(sum(shares.values()) == pytest.approx(1) for shares in score.shares.values() if shares)


def test_what_nobody_makes_is_what_is_left_of_the_song(onnx_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two models of one stem each: the third stem is the song without both."""
    song = Song(music(1.0))
    builtin = engines.load("builtin")

    def only(name: str) -> Engine:
        model = Model(name, "", (name, f"no_{name}"), "")

        def separate(mix: Any, request: Request, run: Run) -> Iterator[StemBlock]:
            for block in builtin.separate(mix, replace(request, model=""), run):
                rest = sum(part for other, part in block.items() if other != name)
                yield {name: block[name], f"no_{name}": rest}

        return replace(builtin, name=name, models=(model,), find=lambda request: model, separate=separate)

    parts = {"drums": only("drums"), "bass": only("bass")}
    monkeypatch.setattr(
        "stem_cli.engines.ensemble.members.find_model", lambda name, models_dir: (parts[name], parts[name].models[0])
    )
    made, four = together_by("drums,bass", onnx_models, song), alone("dsp", onnx_models, song)
    assert list(made) == ["drums", "bass", "other"]
    assert far_below(made["other"], song.sound - four["drums"] - four["bass"])


# ---------------------------------------------------------------------------------------------------------- bad wishes


@pytest.mark.parametrize(
    ("text", "told", "code"),
    [
        ("dsp", "two or more", 2),
        ("dsp,dsp", "two or more", 2),
        ("dsp,", "name is missing", 2),
        (":2,dsp", "name is missing", 2),
        ("dsp:x,small_mdx", "no weight", 2),
        ("dsp:-1,small_mdx", "no weight", 2),
        ("dsp:nan,small_mdx", "no weight", 2),
        ("dsp:inf,small_mdx", "no weight", 2),
        ("dsp:vocals=,small_mdx", "no weight", 2),
        ("dsp:piano=2,small_mdx", "makes no piano", 2),
        ("dsp,small_mdx:drums=2", "small_mdx makes no drums", 2),
        ("dsp,small_mdx:vocals=0", "nothing of small_mdx comes into the ensemble", 2),
        ("dsp:vocals=0,small_mdx:0", "weight 0", 2),
        ("dsp,magic", "no model 'magic'", 4),
    ],
)
def test_a_bad_ensemble_says_what_is_wrong(stem: Stem, onnx_models: Path, text: str, told: str, code: int) -> None:
    soundfile.write("song.wav", music(0.5), 44100, subtype="PCM_16")
    ended = stem("separate", "song.wav", "--models-dir", str(onnx_models), "--ensemble", text, code=code)
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_ensemble_and_a_model_contradict_one_another(stem: Stem) -> None:
    soundfile.write("song.wav", music(0.5), 44100, subtype="PCM_16")
    ended = stem("separate", "song.wav", "--ensemble", "a,b", "--model", "dsp", code=2)
    assert "contradicts" in ended.stderr


def test_a_model_that_is_not_here_is_named_with_what_to_type(stem: Stem, onnx_models: Path) -> None:
    soundfile.write("song.wav", music(0.5), 44100, subtype="PCM_16")
    asked = ("separate", "song.wav", "--models-dir", str(onnx_models), "--ensemble", "dsp,UVR-MDX-NET-Voc_FT")
    ended = stem(*asked, code=4)
    assert "stem engines download UVR-MDX-NET-Voc_FT" in ended.stderr


def test_a_model_that_lacks_a_file_says_which(stem: Stem, onnx_models: Path) -> None:
    soundfile.write("song.wav", music(0.5), 44100, subtype="PCM_16")
    Path("models").mkdir()
    Path("models/mine.ckpt").write_bytes(b"weights")
    ended = stem("separate", "song.wav", "--models-dir", "models", "--ensemble", "dsp,mine", code=4)
    assert "mine.yaml" in ended.stderr


def test_models_of_nothing_but_the_rest_make_no_ensemble() -> None:
    with pytest.raises(UsageError, match="nothing that is not the rest"):
        score_of([member("other", "no_other"), member("other", "no_other")])


def test_parts_of_a_stem_and_the_stem_make_no_ensemble() -> None:
    with pytest.raises(UsageError, match="lead_vocals, which is a part of them"):
        score_of([member(*FOUR), member("lead_vocals", "no_lead_vocals")])


def test_models_of_different_rates_make_no_ensemble() -> None:
    with pytest.raises(EngineError, match="different rates"):
        model_of([member(*FOUR, rate=44100), member(*VOCALS, rate=48000)])


@given(st.text(alphabet="ab:,=.2- é\n", max_size=20))
def test_any_text_is_members_or_an_error_of_ours(text: str) -> None:
    try:
        wishes = parse(text)
    except StemError:
        return
    assert len({wish.model for wish in wishes}) == len(wishes) >= 2
    assert all(wish.every >= 0 for wish in wishes)


# ------------------------------------------------------------------------------------------------------------- in step


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=8), min_size=1, max_size=3))
def test_streams_of_any_blocks_are_brought_together(sizes: list[list[int]]) -> None:
    frames = min(map(sum, sizes))

    def stream(own: list[int]) -> Iterator[StemBlock]:
        at = 0
        for size in [*own, frames]:
            size = min(size, frames - at)
            yield {"vocals": np.arange(at, at + size, dtype=np.float32)[None]}
            at += size

    blocks = list(together([stream(own) for own in sizes]))
    assert all(len({block["vocals"].shape[1] for block in step}) == 1 for step in blocks)
    for place in range(len(sizes)):
        found = np.concatenate([np.zeros(0), *(step[place]["vocals"][0] for step in blocks)])
        assert np.array_equal(found, np.arange(frames))


def test_a_stream_that_ends_early_is_a_fault() -> None:
    def stream(frames: int) -> Iterator[StemBlock]:
        yield {"vocals": np.zeros((2, frames), np.float32)}

    with pytest.raises(EngineError, match="shorter"):
        list(together([stream(5), stream(7)]))


def test_all_streams_are_closed_with_the_ensemble() -> None:
    closed = []

    def stream(name: str) -> Iterator[StemBlock]:
        try:
            while True:
                yield {"vocals": np.zeros((2, 5), np.float32)}
        finally:
            closed.append(name)

    steps = together([stream("one"), stream("two")])
    next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert sorted(closed) == ["one", "two"]


def test_a_second_reading_is_of_the_whole_song_again() -> None:
    song = Song(music(0.5), size=1000)
    readers = [Reader(shared, place) for shared in [Shared(song, 2)] for place in (0, 1)]
    for reader in (*readers, *readers):
        assert np.array_equal(np.concatenate(list(reader.blocks()), axis=1), song.sound)
    assert song.passes == 3
