"""A second pass divides vocals and drums: parts that add up, in place of the stem, and nothing lost where it fails."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SHARED, Stem
from processes import assert_whole, ended, started, unix_only, wait_for
from voices import RATE, choir, folder_of, ints

from stem_cli.dsp.lead import lead_blocks
from stem_cli.folder import open_folder


def test_what_is_in_the_middle_is_the_lead() -> None:
    time = np.arange(3 * RATE) / RATE
    lead, wide = np.sin(2 * np.pi * 440 * time), np.sin(2 * np.pi * 1320 * time)
    stem = np.stack([lead + wide, lead - wide]).astype(np.float32) * 0.3
    found = np.concatenate(list(lead_blocks([stem], RATE)), axis=1)
    assert found.shape == stem.shape
    error = found - 0.3 * np.stack([lead, lead])
    assert 10 * np.log10((error**2).mean() / (0.3 * lead**2).mean()) < -25


@pytest.mark.parametrize("size", [1000, 44100, 65537])
def test_the_size_of_blocks_changes_no_bit(size: int) -> None:
    sound = choir(4).T.astype(np.float32)
    whole = np.concatenate(list(lead_blocks([sound], RATE)), axis=1)
    cut = [sound[:, at : at + size] for at in range(0, sound.shape[1], size)]
    assert np.array_equal(np.concatenate(list(lead_blocks(cut, RATE)), axis=1), whole)


def test_a_song_is_divided_into_lead_and_backing(stem: Stem, sung: Path) -> None:
    done = stem("split-vocals", sung)
    folder = folder_of(done)
    assert [Path(line).name for line in done.stdout.splitlines()] == ["lead_vocals.wav", "backing_vocals.wav"]
    assert sorted(path.name for path in folder.iterdir()) == ["backing_vocals.wav", "lead_vocals.wav", "metadata.json"]
    frames = soundfile.info(sung).frames
    assert {soundfile.info(path).frames for path in folder.glob("*.wav")} == {frames}
    assert_whole(Path("stems"), 1)


def test_the_parts_add_up_to_the_vocals_bit_for_bit(stem: Stem, sung: Path) -> None:
    folder = folder_of(stem("split-vocals", sung, "--keep"))
    parts = ints(folder / "lead_vocals.wav") + ints(folder / "backing_vocals.wav")
    assert np.array_equal(parts, ints(folder / "vocals.wav"))


@pytest.mark.parametrize("form", ["wav", "flac", "mp3"])
def test_separate_with_split_vocals_has_five_stems_and_no_vocals(stem: Stem, sung: Path, form: str) -> None:
    result = json.loads(stem("separate", sung, "--split-vocals", "--format", form, "--json").stdout)
    assert list(result["stems"]) == ["lead_vocals", "backing_vocals", "drums", "bass", "other"]
    folder = Path(result["folder"])
    assert not (folder / f"vocals.{form}").exists()
    assert result["record"]["song"]["parts"] == list(result["stems"])
    assert result["record"]["divided"] == dict.fromkeys(("lead_vocals", "backing_vocals"), "builtin/centre/-/version=1")
    if form != "mp3":
        whole = sum(ints(Path(path)) for path in result["stems"].values())
        assert np.array_equal(whole, ints(sung))
    assert_whole(Path("stems"), 1)
    tags = soundfile.SoundFile(result["stems"]["drums"]) if form == "wav" else None
    assert tags is None or tags.frames


@pytest.mark.parametrize("variable", ["STEM_VOCAL_SUB_SEPARATION", "VOCAL_SUB_SEPARATION"])
def test_the_setting_does_the_same(stem: Stem, sung: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "true")
    names = [Path(line).stem for line in stem("separate", sung).stdout.splitlines()]
    assert names == ["lead_vocals", "backing_vocals", "drums", "bass", "other"]


def test_the_same_again_makes_nothing_anew(stem: Stem, sung: Path) -> None:
    stem("separate", sung, "--split-vocals")
    again = json.loads(stem("separate", sung, "--split-vocals", "--json").stdout)
    assert again["status"] == "there"
    assert list(again["stems"]) == ["lead_vocals", "backing_vocals", "drums", "bass", "other"]


def test_a_stem_folder_of_ours_is_divided_in_place(stem: Stem, sung: Path) -> None:
    folder = folder_of(stem("separate", sung))
    before = {path.name: path.read_bytes() for path in folder.glob("*.wav")}
    stem("split-vocals", folder)
    assert sorted(path.stem for path in folder.glob("*.wav")) == [
        "backing_vocals",
        "bass",
        "drums",
        "lead_vocals",
        "other",
    ]
    for name in ("drums.wav", "bass.wav", "other.wav"):
        assert (folder / name).read_bytes() == before[name]
    assert_whole(Path("stems"), 1)
    assert stem("split-vocals", folder).stdout.count("\n") == 2


def test_files_of_others_in_the_folder_stay(stem: Stem, sung: Path) -> None:
    folder = folder_of(stem("separate", sung))
    (folder / "notes.txt").write_text("mine")
    stem("split-vocals", folder)
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_file_of_the_user_in_the_way_is_not_touched(stem: Stem, sung: Path) -> None:
    folder = folder_of(stem("separate", sung))
    (folder / "lead_vocals.wav").write_bytes(b"mine")
    done = stem("split-vocals", folder, code=5)
    assert "lead_vocals.wav" in done.stderr
    assert (folder / "lead_vocals.wav").read_bytes() == b"mine"
    assert (folder / "vocals.wav").exists()


def test_the_flat_layout_is_divided_too(stem: Stem, sung: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEM_LAYOUT", "flat")
    stem("separate", sung, "--split-vocals")
    names = sorted(path.name for path in Path("stems").iterdir())
    assert names == [
        "sung.stems.json", "sung_Backing_Vocals.wav", "sung_Bass.wav", "sung_Drums.wav", "sung_Lead_Vocals.wav",
        "sung_Other.wav",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_folder_of_songs_in_the_flat_layout(stem: Stem, sung: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEM_LAYOUT", "flat")
    shutil.copy(sung, "other.wav")
    stem("separate", sung, "other.wav")
    assert stem("split-vocals", "stems").stdout.count("Lead_Vocals") == 2
    assert not list(Path("stems").glob("*_Vocals.wav")) or all(
        "Lead" in path.name or "Backing" in path.name for path in Path("stems").glob("*_Vocals.wav")
    )
    assert_whole(Path("stems"), 2)


def test_a_file_that_is_the_vocals_already(stem: Stem, sung: Path) -> None:
    folder = folder_of(stem("split-vocals", sung, "--is-stem"))
    assert np.array_equal(ints(folder / "lead_vocals.wav") + ints(folder / "backing_vocals.wav"), ints(sung))


def test_a_folder_of_another_tool(stem: Stem, sung: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    shutil.copy(sung, theirs / "Song (Vocals).wav")
    shutil.copy(sung, theirs / "Song (Instrumental).wav")
    before = sorted(path.name for path in theirs.iterdir())
    folder = folder_of(stem("split-vocals", theirs))
    assert folder.parent == Path("stems") or folder.parent.name == "stems"
    assert sorted(path.name for path in theirs.iterdir()) == before
    assert_whole(Path("stems"), 1)


def test_a_karaoke_model_comes_before_the_embedded_way(stem: Stem, sung: Path, karaoke: Path) -> None:
    folder = folder_of(stem("split-vocals", sung, "--keep", "--engine", "builtin"))
    record = open_folder(folder).record
    assert record.divided["lead_vocals"].startswith("onnx/kara/")
    assert not record.warnings
    assert np.array_equal(
        ints(folder / "lead_vocals.wav") + ints(folder / "backing_vocals.wav"), ints(folder / "vocals.wav")
    )
    assert record.engine_of("lead_vocals") != record.engine_of("drums")


def test_a_model_that_is_named_divides(stem: Stem, sung: Path, karaoke: Path) -> None:
    folder = folder_of(stem("split-vocals", sung, "--split-model", "centre", "--engine", "builtin"))
    assert open_folder(folder).record.divided["lead_vocals"].startswith("builtin/centre/")


def test_a_model_that_divides_something_else_is_told(stem: Stem, sung: Path) -> None:
    done = stem("split-vocals", sung, "--split-model", "dsp", code=4)
    assert "dsp does not divide vocals" in done.stderr


def test_drums_become_the_parts_of_a_kit(stem: Stem, sung: Path, drumsep: Path) -> None:
    folder = folder_of(stem("split-drums", sung, "--keep", "--engine", "builtin"))
    names = ["kick", "snare", "toms", "hats"]
    assert [name for name in open_folder(folder).paths() if name != "drums"] == names
    assert np.array_equal(sum(ints(folder / f"{name}.wav") for name in names), ints(folder / "drums.wav"))


def test_without_a_model_drums_say_what_is_missing(stem: Stem, sung: Path) -> None:
    done = stem("split-drums", sung, code=4)
    assert "no model that divides drums is ready" in done.stderr
    assert "stem engines list --stem kick" in done.stderr


# ------------------------------------------------------------------------------------------- what goes wrong


def test_vocals_that_somebody_changed_are_not_divided_and_not_lost(stem: Stem, sung: Path) -> None:
    folder = folder_of(stem("separate", sung))
    sound, rate = soundfile.read(folder / "vocals.wav")
    soundfile.write(folder / "vocals.wav", sound / 2, rate, subtype="PCM_16")
    mine = (folder / "vocals.wav").read_bytes()
    done = stem("split-vocals", folder, code=3)
    assert "it is not what was written there once" in done.stderr
    assert (folder / "vocals.wav").read_bytes() == mine
    assert not (folder / "lead_vocals.wav").exists()


def test_a_stem_that_is_gone_does_not_matter_to_another(stem: Stem, sung: Path) -> None:
    folder = folder_of(stem("separate", sung))
    (folder / "bass.wav").unlink()
    stem("split-vocals", folder)
    assert (folder / "lead_vocals.wav").exists()


@pytest.mark.slow
def test_there_is_there_only_as_it_is_wanted(stem: Stem, sung: Path) -> None:
    stem("separate", sung, "--split-vocals")
    kept = json.loads(stem("separate", sung, "--split-vocals", "--keep", "--json").stdout)
    assert "vocals" in kept["stems"]
    assert "no_such_model" in stem("separate", sung, "--split-vocals", "--split-model", "no_such_model", code=4).stderr
    folder = Path(kept["folder"])
    stem("split-vocals", folder, "--force")
    assert "not there any more" in stem("split-vocals", folder, "--force", code=3).stderr


@pytest.mark.slow
def test_separating_again_does_not_undo_a_division(stem: Stem, sung: Path) -> None:
    folder = folder_of(stem("separate", sung))
    stem("split-vocals", folder)
    again = json.loads(stem("separate", sung, "--json").stdout)
    assert again["status"] == "there"
    assert list(again["stems"]) == ["lead_vocals", "backing_vocals", "drums", "bass", "other"]
    named = json.loads(stem("separate", sung, "--stems", "vocals", "--json").stdout)
    assert list(named["stems"]) == ["vocals"]
    assert_whole(Path("stems"), 1)


def test_parts_may_be_named_where_vocals_are_divided(stem: Stem, sung: Path) -> None:
    done = stem("separate", sung, "--split-vocals", "--stems", "lead_vocals,drums")
    assert [Path(line).stem for line in done.stdout.splitlines()] == ["lead_vocals", "backing_vocals", "drums"]


def test_who_divides_is_told_before(stem: Stem, sung: Path, tmp_path: Path) -> None:
    none = ("--models-dir", tmp_path / "none")
    assert "divided by builtin centre" in stem("separate", sung, "--split-vocals", "--explain", *none).stdout
    assert "centre (builtin), out of a vocals stem" in stem("engines", "list", "--stem", "lead_vocals", *none).stdout
    assert "none, no engine" in stem("engines", "list", "--stem", "kick", *none).stdout


def test_drums_are_not_divided_by_the_karaoke_model_of_the_settings(stem: Stem, sung: Path, drumsep: Path) -> None:
    done = stem("split-drums", sung, "--split-model", "centre", "--engine", "builtin")
    assert "kick.wav" in done.stdout


@pytest.mark.slow
@unix_only
def test_two_at_once_end_with_one_whole_folder(stem: Stem, tmp_path: Path) -> None:
    path = tmp_path / "work" / "long.wav"
    soundfile.write(path, choir(20), RATE, subtype="PCM_16")
    both = [started("separate", path, "--split-vocals") for _ in range(2)]
    for process in both:
        out = ended(process)
        assert all(Path(line).exists() for line in out.splitlines())
        assert [Path(line).stem for line in out.splitlines()][:2] == ["lead_vocals", "backing_vocals"]
    assert_whole(Path("stems"), 1)


def test_a_mono_song_keeps_its_vocals_and_says_why(stem: Stem) -> None:
    soundfile.write("mono.wav", choir()[:, 0], RATE, subtype="PCM_16")
    result = json.loads(stem("separate", "mono.wav", "--split-vocals", "--json").stdout)
    assert list(result["stems"]) == ["vocals", "drums", "bass", "other"]
    assert any("could not be divided and stay whole" in warning for warning in result["warnings"])
    assert_whole(Path("stems"), 1)
    done = stem("split-vocals", "mono.wav", code=4)
    assert "this is mono" in done.stderr


def test_vocals_that_all_stand_in_the_middle_stay_whole(stem: Stem) -> None:
    sound = choir()
    soundfile.write("middle.wav", np.stack([sound[:, 0]] * 2, axis=1), RATE, subtype="PCM_16")
    done = stem("split-vocals", "middle.wav", "--is-stem", code=4)
    assert "these all stand in the middle" in done.stderr


def test_silence_has_no_lead(stem: Stem) -> None:
    soundfile.write("silence.wav", np.zeros((RATE, 2)), RATE, subtype="PCM_16")
    done = stem("separate", "silence.wav", "--split-vocals")
    assert "stay whole" in done.stderr
    assert [Path(line).stem for line in done.stdout.splitlines()] == ["vocals", "drums", "bass", "other"]


def test_a_second_pass_that_fails_loses_nothing(stem: Stem, sung: Path, karaoke: Path) -> None:
    (karaoke / "kara.onnx").write_bytes((karaoke / "kara.onnx").read_bytes()[:1000])
    result = json.loads(stem("separate", sung, "--split-vocals", "--split-model", "kara", "--json").stdout)
    assert list(result["stems"]) == ["vocals", "drums", "bass", "other"]
    assert any("stay whole" in warning for warning in result["warnings"])
    assert_whole(Path("stems"), 1)


@pytest.mark.slow
@unix_only
def test_a_second_pass_that_is_killed_loses_nothing_and_the_next_run_completes_it(stem: Stem, tmp_path: Path) -> None:
    """A pass that hangs is ended so, too."""
    path = tmp_path / "work" / "long.wav"
    soundfile.write(path, choir(40), RATE, subtype="PCM_16")
    with started("separate", path, "--split-vocals") as process:
        wait_for(lambda: list(Path("stems").glob(".*.partial/stems/lead_vocals.wav")), process)
        process.kill()
        process.communicate()
    folder = next(one for one in Path("stems").iterdir() if not one.name.startswith("."))
    assert (folder / "vocals.wav").exists()
    assert_whole(Path("stems"), 1)
    names = [Path(line).stem for line in stem("separate", path, "--split-vocals").stdout.splitlines()]
    assert names == ["lead_vocals", "backing_vocals", "drums", "bass", "other"]
    assert not list(Path("stems").glob(".*"))
    assert_whole(Path("stems"), 1)


def test_without_vocals_in_the_folder_it_is_told(stem: Stem, sung: Path) -> None:
    folder = folder_of(stem("separate", sung, "--stems", "drums"))
    done = stem("split-vocals", folder, code=3)
    assert "there is no vocals among these stems" in done.stderr


def test_one_that_fails_does_not_stop_the_others(stem: Stem, sung: Path) -> None:
    Path("broken.wav").write_bytes(b"no sound")
    done = stem("split-vocals", "broken.wav", sung, code=6)
    assert "1 of 2 could not be divided" in done.stderr
    assert "lead_vocals.wav" in done.stdout


def test_an_input_is_never_written_to(stem: Stem, sung: Path) -> None:
    before = sung.read_bytes(), sung.stat().st_mtime_ns
    stem("split-vocals", sung)
    assert (sung.read_bytes(), sung.stat().st_mtime_ns) == before


@pytest.mark.slow
@pytest.mark.shared
def test_real_voices_are_told_apart(stem: Stem, tmp_path: Path) -> None:
    tools = SHARED / "tools"
    if not tools.is_dir():
        pytest.skip("the project's shared material is absent")
    command = [sys.executable, str(tools / "multitrack.py"), "hydrogen", str(tmp_path / "true"), "--start", "60"]
    subprocess.run([*command, "--seconds", "60", "--roles"], check=True, capture_output=True)
    folder = folder_of(stem("split-vocals", tmp_path / "true" / "vocals.wav", "--is-stem"))
    for name, least in (("lead_vocals", 7.0), ("backing_vocals", 6.0)):
        true, found = (soundfile.read(path / f"{name}.wav")[0] for path in (tmp_path / "true", folder))
        assert 10 * np.log10((true**2).sum() / ((true - found) ** 2).sum()) > least


@pytest.mark.slow
def test_a_dry_run_tells_the_second_pass_too(stem: Stem, sung: Path, karaoke: Path) -> None:
    told = stem("separate", sung, "--split-vocals", "--dry-run", "--engine", "builtin").stdout
    assert "would be separated; then the vocals would be divided by onnx kara" in told
    assert not Path("stems").exists()
    stem("separate", sung, "--engine", "builtin")
    told = json.loads(stem("separate", sung, "--split-vocals", "--dry-run", "--json", "--engine", "builtin").stdout)
    assert told["why"] == "its stems are there already; then the vocals would be divided by onnx kara"
    stem("separate", sung, "--split-vocals", "--engine", "builtin")
    told = json.loads(stem("separate", sung, "--split-vocals", "--dry-run", "--json", "--engine", "builtin").stdout)
    assert told["why"] == "its stems are there already"


@pytest.mark.slow
def test_a_dry_run_tells_that_nothing_can_divide_the_vocals(stem: Stem) -> None:
    soundfile.write("mono.wav", choir()[:, 0], RATE, subtype="PCM_16")
    for way in ("--dry-run", "--explain"):
        assert "the vocals would stay whole" in stem("separate", "mono.wav", "--split-vocals", way).stdout
        done = stem("separate", "mono.wav", "--split-vocals", way, "--split-model", "dsp", code=4)
        assert "dsp does not divide vocals" in done.stderr
    told = json.loads(stem("separate", "mono.wav", "--split-vocals", "--explain", "--json").stdout)
    assert "this is mono" in told["then"][0]
