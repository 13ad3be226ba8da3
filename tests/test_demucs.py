"""Demucs as a user runs it: `stem separate` on real files, with tiny networks of random weights."""

from __future__ import annotations

import io
import json
import os
import pickle
import re
import sys
import zipfile
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import Stem
from demucs_shelf import assert_whole, copied, refused, save, separated, sound_of, write

from stem_cli import stems, verify
from stem_cli.cli import program
from stem_cli.folder import find_folders

pytest.importorskip("demucs", reason='pip install "stem-cli[demucs]"')
pytest.importorskip("openvino", reason='pip install "stem-cli[fast]"')
pytestmark = pytest.mark.usefixtures("own_caches", "one_thread")


def planned(stem: Stem, song: Path, models: Path, *options: object, **how: Any) -> Any:
    """What a dry run says that would be done elsewhere."""
    return separated(stem, song, models, "--output", "elsewhere", "--dry-run", *options, **how)


def separated_here(song: Path, models: Path, *options: object, model: str) -> Any:
    """The same by torch in this process, which has imported it: without OpenVINO nothing else would be different."""
    command = ["separate", song, "--models-dir", models, "--model", model, "--json", *options]
    with mock.patch.dict(sys.modules, {"openvino": None}):
        done = CliRunner().invoke(program, [str(one) for one in command])
    if done.exception is not None:
        raise done.exception
    return json.loads(done.stdout)


# stems


@pytest.mark.parametrize(
    ("name", "rate", "channels"),
    [("song.wav", 44100, 2), ("song.wav", 44100, 1), ("song.wav", 48000, 2), ("song.flac", 48000, 1),
     ("song.mp3", 44100, 2)],
)  # fmt: skip
def test_four_stems_that_add_up_to_the_song(stem: Stem, ready: Path, name: str, rate: int, channels: int) -> None:
    song = write(name, rate=rate, channels=channels)
    result = separated(stem, song, ready)
    assert tuple(result["stems"]) == stems.FOUR
    assert_whole(song, result)


@pytest.mark.parametrize("seconds", [0.001, 0.1])
def test_very_short_songs(stem: Stem, ready: Path, seconds: float) -> None:
    song = write(seconds=seconds)
    assert_whole(song, separated(stem, song, ready))


def test_the_record_says_by_what_the_stems_were_made(stem: Stem, ready: Path) -> None:
    from stem_cli.engines.demucs import bag

    made = separated(stem, write(), ready, "--overlap", 0.2, "--precision", "f32")["record"]["made"]
    assert (made["engine"], made["model"], made["device"]) == ("demucs", "tiny", "cpu")
    assert made["weights"] == bag.locate("tiny", ready, Path("digests.json")).digest
    assert made["settings"]["precision"] == "f32"
    assert made["settings"]["overlap"] == "0.2"
    assert made["settings"]["shifts"] == "0"


@pytest.mark.slow
def test_what_changes_the_sound_is_separated_anew_and_all_else_is_not(stem: Stem, ready: Path) -> None:
    song = write()
    first = separated(stem, song, ready, "--precision", "f32")
    assert first["status"] == "made"
    assert separated(stem, song, ready, "--precision", "f32")["status"] == "there"
    cached = separated(stem, song, ready, "--precision", "f32", "--output", "two")
    assert cached["status"] == "cached"
    assert all(np.array_equal(sound, sound_of(cached)[name]) for name, sound in sound_of(first).items())
    ids = {first["engine"]}
    for changes in (
        ["--overlap", 0.3],
        ["--shifts", 1],
        ["--shifts", 2],
        ["--shifts", 1, "--seed", 5],
        ["--segment", 0.5],
        ["--precision", "bf16"],
        ["--effort", "best"],
    ):
        plan = planned(stem, song, ready, "--precision", "f32", *changes)
        assert plan["why"] == "would be separated", changes
        assert plan["engine"] not in ids, changes
        ids.add(plan["engine"])
    assert planned(stem, song, ready, "--precision", "f32", "--seed", 5)["why"] == "would be taken from the cache"


@pytest.mark.slow
def test_other_weights_of_the_same_name_are_another_model(stem: Stem, models: Path, shelf: Path) -> None:
    from against_demucs import write_model

    song = write()
    copied(shelf, models, "tiny")
    before = planned(stem, song, models)["engine"]
    next(models.glob("tiny-*")).unlink()
    write_model(models, "tiny", seed=1, segment=1.0)
    assert planned(stem, song, models)["engine"] != before


@pytest.mark.slow
def test_shifts_are_drawn_from_the_seed(stem: Stem, ready: Path) -> None:
    song = write()
    one, two, three = (
        sound_of(separated(stem, song, ready, "--shifts", 2, "--seed", seed, "--output", name, "--cache-limit-gb", 0))
        for name, seed in (("one", 1), ("two", 1), ("three", 2))
    )
    assert all(np.array_equal(one[name], two[name]) for name in one)
    assert any(not np.array_equal(one[name], three[name]) for name in one)


def test_a_shorter_segment_works(stem: Stem, ready: Path) -> None:
    song = write()
    assert_whole(song, separated(stem, song, ready, "--segment", 0.4))


# models


def test_a_model_that_is_not_there_says_how_to_get_it(stem: Stem, models: Path) -> None:
    last = refused(stem, write(), models, "--model", "htdemucs")
    assert "Type `stem engines download htdemucs`." in last
    last = refused(stem, Path("song.wav"), models, "--engine", "demucs")
    assert "Type `stem engines download htdemucs`." in last


def test_the_best_that_is_there_is_chosen(stem: Stem, models: Path) -> None:
    """The embedded engine without weights, Demucs with them."""
    from against_demucs import write_model

    song = write()
    choose = ("separate", song, "--models-dir", models, "--dry-run", "--json")
    assert json.loads(stem(*choose).stdout)["engine"].startswith("builtin/")
    write_model(models, "955717e8", segment=1.0)  # htdemucs, by its signature
    assert json.loads(stem(*choose).stdout)["engine"].startswith("demucs/htdemucs/")


def test_an_engine_and_a_model_of_another_contradict_one_another(stem: Stem, models: Path) -> None:
    last = refused(stem, write(), models, "--engine", "builtin", "--model", "htdemucs")
    assert "builtin has no model 'htdemucs'" in last


def test_an_unknown_model_names_those_of_ones_own_that_are_like_it(stem: Stem, ready: Path) -> None:
    last = refused(stem, write(), ready, "--model", "tinny")
    assert "there is no model 'tinny'. Did you mean tiny?" in last
    assert "stem engines list" in last
    last = refused(stem, write(), ready, "--engine", "demucs", "--model", "nothing")
    assert {"htdemucs", "mdx_extra", "tiny"} <= set(re.findall(r"\w+", last))


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there_says_what_to_do(stem: Stem, ready: Path, device: str) -> None:
    from stem_cli.engines.runtime import hardware

    if hardware().device == device:
        pytest.skip("only on machines without one")
    last = refused(stem, write(), ready, "--model", "tiny", "--device", device)
    assert f"there is no {device} device" in last
    assert "--device" in last or "docs/engines.md" in last


def test_a_segment_longer_than_the_model_takes_is_a_mistake(stem: Stem, ready: Path) -> None:
    last = refused(stem, write(), ready, "--model", "tiny", "--segment", 60, code=2)
    assert last == "stem: this model takes segments of 1 s at the most. Choose --segment 1 or less."


@pytest.mark.slow
@pytest.mark.parametrize("model", ["hybrid", "waves"])
def test_networks_without_a_core_run_on_torch_and_say_nothing_of_converting(
    stem: Stem, shelf: Path, model: str
) -> None:
    song = write(seconds=2.5)
    done = stem("separate", song, "--models-dir", shelf, "--model", model, "--json")
    assert "convert" not in done.stderr
    result = json.loads(done.stdout)
    assert_whole(song, result)
    assert result["warnings"] == []
    assert result["record"]["made"]["settings"]["precision"] == "f32"


def test_a_model_with_six_stems(shelf: Path) -> None:
    song = write(seconds=1.2)
    result = separated_here(song, shelf, model="six")
    assert tuple(result["stems"]) == stems.SIX
    assert_whole(song, result)
    only = separated_here(song, shelf, "--stems", "guitar", "--output", "only", model="six")
    assert list(only["stems"]) == ["guitar"]


@pytest.mark.slow
def test_a_bag_of_networks_of_different_lengths(stem: Stem, models: Path, shelf: Path) -> None:
    """By OpenVINO what it is by torch."""
    copied(shelf, models, "two", "tiny", "other_length")
    song = write(seconds=3)
    result = separated(stem, song, models, "--precision", "f32", model="two")
    assert_whole(song, result)
    assert len(list((models / "converted").glob("*.bin"))) == 2
    again = separated_here(song, models, "--precision", "f32", "--output", "two", "--force", model="two")
    for name, sound in sound_of(result).items():
        assert np.abs(sound - sound_of(again)[name]).max() <= 2 / 32768


def test_a_model_of_another_rate_is_given_songs_at_its_own(shelf: Path) -> None:
    song = write(seconds=1.2)
    assert_whole(song, separated_here(song, shelf, model="slow"))


def test_a_model_that_makes_only_two_stems(shelf: Path) -> None:
    result = separated_here(write(seconds=1.2), shelf, model="duo")
    assert set(result["stems"]) == {"vocals", "drums"}
    assert verify.verify(find_folders(Path(result["folder"]))).findings == ()


def test_a_model_with_stems_that_we_do_not_know_is_refused(stem: Stem, shelf: Path) -> None:
    last = refused(stem, write(), shelf, "--model", "kazoo")
    assert "this model makes stems that we do not know: kazoo" in last
    assert "kazoo.th" in last


def test_a_users_own_file_by_the_name_of_one_of_the_table_makes_what_it_makes(models: Path) -> None:
    save(models, "955717e8", sources=["vocals", "drums", "bass", "guitar", "other"])
    song = write(seconds=1.2)
    result = separated_here(song, models, model="htdemucs")
    assert "guitar" in result["stems"]
    assert_whole(song, result)


def test_safetensors_need_no_pickle(models: Path, shelf: Path) -> None:
    import make_random_demucs as script
    import torch

    content = torch.load(next(shelf.glob("tiny-*.th")), weights_only=False)
    script.save_safetensors(content, "tiny", models)
    song = write(seconds=1.2)
    assert_whole(song, separated_here(song, models, model="tiny"))


# bad input


def test_a_half_downloaded_file_says_what_to_delete(stem: Stem, shelf: Path, models: Path) -> None:
    copied(shelf, models, "tiny")
    (path,) = models.glob("tiny-*.th")
    path.write_bytes(path.read_bytes()[:100_000])
    last = refused(stem, write(), models, "--model", "tiny")
    assert "its checksum is wrong" in last
    assert f"({path})" in last
    assert "Delete this file" in last


def test_a_half_downloaded_file_of_the_table_names_the_command(stem: Stem, models: Path) -> None:
    (models / "955717e8-8726e21a.th").write_bytes(b"PK\3\4" + bytes(1000))
    last = refused(stem, write(), models, "--model", "htdemucs")
    assert "955717e8-8726e21a.th" in last
    assert "84,141,911" in last
    assert "Delete this file and type `stem engines download htdemucs`." in last


def test_without_a_name_a_broken_model_is_passed_over_and_said(stem: Stem, models: Path) -> None:
    (models / "955717e8-8726e21a.th").write_bytes(b"PK\3\4" + bytes(1000))
    done = stem("separate", write(seconds=1), "--models-dir", models, "--json")
    result = json.loads(done.stdout)
    assert result["engine"].startswith("builtin/")
    assert any("demucs was not asked" in warning and "Delete this file" in warning for warning in result["warnings"])
    assert "demucs was not asked" in done.stderr


class Payload:
    """What a malicious file does when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, (f"touch {self.mark}",))


@pytest.mark.parametrize("form", ["zip", "bare"])
def test_a_malicious_file_is_refused_and_nothing_is_run(stem: Stem, models: Path, tmp_path: Path, form: str) -> None:
    import torch

    mark = tmp_path / "it ran"
    content = {"klass": Payload(Path(f"'{mark}'")), "args": (), "kwargs": {}, "state": {}}
    path = models / "evil.th"
    if form == "zip":
        torch.save(content, path)
        assert zipfile.is_zipfile(path)
    else:
        path.write_bytes(pickle.dumps(content))
    last = refused(stem, write(), models, "--model", "evil")
    assert not mark.exists()
    assert "evil.th" in last
    if form == "zip":
        assert "refused, nothing was run" in last
    pickle.load(io.BytesIO(pickle.dumps(content)))
    assert mark.exists()  # it would have run


def test_a_file_of_another_architecture_says_so(stem: Stem, shelf: Path, models: Path) -> None:
    import torch
    from demucs.hdemucs import HDemucs

    content = torch.load(next(shelf.glob("waves-*.th")), weights_only=False)
    torch.save({**content, "klass": HDemucs}, models / "odd.th")
    last = refused(stem, write(), models, "--model", "odd")
    assert "another architecture" in last
    assert "odd.th" in last


# memory


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux can a process's memory be limited so")
def test_not_enough_memory_is_told_before_and_the_advice_helps(stem: Stem, shelf: Path) -> None:
    """With a true limit of the system: what the process may take is 3 GB."""
    import resource

    limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_DATA, (3 * 10**9, 3 * 10**9))}
    song = write(seconds=2.5)
    last = refused(stem, song, shelf, "--model", "hybrid", "--segment", 900, **limit)
    told = re.search(r"needs about ([\d.]+) GB for segments of 900 s, ([\d.]+) GB are free.*--segment (\d+)", last)
    assert told, last
    assert float(told[1]) > 3 > float(told[2]) > 2
    assert_whole(song, separated(stem, song, shelf, "--segment", told[3], model="hybrid", **limit))
