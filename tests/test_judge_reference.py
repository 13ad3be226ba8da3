"""Stems beside the true ones: the figures of museval, and stems that are not what they are called."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import SHARED, Stem

from stem_cli.dsp.bss_eval import TAPS, Correlations
from stem_cli.errors import InputError
from stem_cli.folder.foreign import stem_files, stem_in

RATE = 8000
MUSEVAL = """
import sys, json, numpy
from museval.metrics import bss_eval
kept = numpy.load(sys.argv[1])
true, guess = (kept[name].transpose(0, 2, 1) for name in ("true", "guess"))
window = int(sys.argv[2])
found = bss_eval(true, guess, window=window, hop=window, compute_permutation=False, filters_len=512,
                 framewise_filters=False, bsseval_sources_version=False)
print(json.dumps([part.tolist() for part in found[:4]]))
"""


def sounds(stems: int = 3, channels: int = 2, seconds: float = 6.0, seed: int = 0) -> tuple[Any, Any]:
    """True stems and estimates with crosstalk, a filter and noise, float [stems, channels, frames]."""
    random = np.random.default_rng(seed)
    true = random.standard_normal((stems, channels, round(seconds * RATE))) * 0.1
    true[1] = np.cumsum(true[1], axis=-1) * 0.05
    guess = true + 0.2 * np.roll(true, 1, axis=0) + 0.01 * random.standard_normal(true.shape)
    guess[0] = np.apply_along_axis(lambda row: np.convolve(row, [0.6, 0.3, 0.1])[: len(row)], -1, guess[0])
    return true, guess


def measured(true: Any, guess: Any, block: int = 5000) -> Any:
    """Of each window of a second, [windows, stems, 4]."""
    correlations = Correlations(len(true), true.shape[1])
    for at in range(0, true.shape[2], block):
        correlations.add(true[..., at : at + block], guess[..., at : at + block])
    filters = correlations.filters(RATE)
    cuts = [slice(at, at + RATE) for at in range(0, true.shape[2] - RATE + 1, RATE)]
    return np.array([filters.measures(true[..., cut], guess[..., cut]) for cut in cuts])


@pytest.mark.slow
@pytest.mark.parametrize(("stems", "channels"), [(2, 1), (3, 2), (4, 2)])
def test_the_figures_are_musevals(tmp_path: Path, stems: int, channels: int) -> None:
    pytest.importorskip("pandas", reason="pip install museval")
    true, guess = sounds(stems, channels)
    np.savez(tmp_path / "sounds.npz", true=true, guess=guess)
    command = [sys.executable, "-W", "ignore", "-c", MUSEVAL, str(tmp_path / "sounds.npz"), str(RATE)]
    theirs = np.array(json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout))
    assert measured(true, guess).transpose(2, 1, 0) == pytest.approx(theirs, abs=0.01)


def test_the_size_of_blocks_changes_nothing() -> None:
    true, guess = sounds()
    assert measured(true, guess, 700) == pytest.approx(measured(true, guess, 48000), abs=1e-6)


def test_crosstalk_is_interference_and_noise_is_an_artifact() -> None:
    true, _ = sounds()
    random = np.random.default_rng(1)
    with_others = measured(true, true + 0.1 * np.roll(true, 1, axis=0))
    with_noise = measured(true, true + 0.01 * random.standard_normal(true.shape))
    sir, sar = 2, 3
    assert np.median(with_others[:, 2, sar] - with_others[:, 2, sir]) > 20
    assert np.median(with_noise[:, 2, sir] - with_noise[:, 2, sar]) > 10


def test_a_silent_window_has_no_figures() -> None:
    true, guess = sounds()
    true[1, :, :RATE] = 0
    found = measured(true, guess)
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1:]).all()
    assert TAPS == 512


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Artist - Song (Vocals)", "vocals"),
        ("Song_Lead_Vocals", "lead_vocals"),
        ("01 DRUMS", "drums"),
        ("track_no_vocals", "instrumental"),
        ("(Instrumental) song", "instrumental"),
        ("Piano Man - bass", "bass"),
        ("other", "other"),
        ("Bass and Drums", "drums"),
        ("mixture", None),
        ("", None),
        ("bassline", None),
    ],
)
def test_stems_are_known_by_words_in_names(text: str, name: str | None) -> None:
    assert stem_in(text) == name


def write(folder: Path, stems: dict[str, Any], rate: int = 22050) -> Path:
    folder.mkdir(exist_ok=True)
    for name, sound in stems.items():
        soundfile.write(folder / f"{name}.wav", sound.T, rate, subtype="FLOAT")
    return folder


@pytest.fixture
def truth(tmp_path: Path) -> dict[str, Any]:
    random = np.random.default_rng(3)
    return {
        name: random.standard_normal((2, 5 * 22050)).astype(np.float32) * 0.1
        for name in ("vocals", "drums", "bass", "other")
    }


def judged(stem: Stem, made: Path, true: Path, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stem("judge", made, "--reference", true, "--json", code=code).stdout)
    return found


def test_true_figures_of_another_tools_folder(stem: Stem, tmp_path: Path, truth: dict[str, Any]) -> None:
    random = np.random.default_rng(4)
    noisy = {f"Song ({n.title()})": s + 0.01 * random.standard_normal(s.shape).astype("f") for n, s in truth.items()}
    found = judged(stem, write(tmp_path / "made", noisy), write(tmp_path / "true", truth))
    for name in truth:
        assert found["stems"][name]["sdr_db"] == pytest.approx(20, abs=0.1)
        assert found["stems"][name]["si_sdr_db"] == pytest.approx(20, abs=0.1)
        assert found["stems"][name]["median_sdr_db"] == pytest.approx(20, abs=0.2)
        assert found["stems"][name]["median_sar_db"] < found["stems"][name]["median_sir_db"]
    assert found["notes"] == []


def test_swapped_stems_are_told(stem: Stem, tmp_path: Path, truth: dict[str, Any]) -> None:
    swapped = truth | {"vocals": truth["drums"], "drums": truth["vocals"]}
    found = judged(stem, write(tmp_path / "made", swapped), write(tmp_path / "true", truth), code=9)
    assert any(note.startswith("vocals looks like the true drums") for note in found["notes"])
    assert any(note.startswith("drums looks like the true vocals") for note in found["notes"])
    assert not any("bass" in note for note in found["notes"])


def test_a_stem_that_is_the_song_is_told(stem: Stem, tmp_path: Path, truth: dict[str, Any]) -> None:
    whole = truth | {"vocals": sum(truth.values())}
    found = judged(stem, write(tmp_path / "made", whole), write(tmp_path / "true", truth), code=9)
    assert [note for note in found["notes"] if "looks like the whole song" in note]


@pytest.mark.parametrize("known", [("vocals",), ("vocals", "drums")])
@pytest.mark.parametrize("pair", [False, True])
def test_a_stem_that_is_the_song_is_told_though_true_stems_are_missing(
    stem: Stem, tmp_path: Path, truth: dict[str, Any], known: tuple[str, ...], pair: bool
) -> None:
    song = sum(truth.values())
    made = {"vocals": song, "instrumental": song - truth["vocals"]} if pair else truth | {"vocals": song}
    true = write(tmp_path / "true", {name: truth[name] for name in known})
    found = judged(stem, write(tmp_path / "made", made), true, code=9)
    assert any(note.startswith("vocals looks like the whole song") for note in found["notes"])
    good = made | {"vocals": truth["vocals"]}
    assert not any("looks like" in note for note in judged(stem, write(tmp_path / "made", good), true)["notes"])


def test_where_neither_side_has_all_stems_the_true_ones_in_question_are_the_song(
    stem: Stem, tmp_path: Path, truth: dict[str, Any]
) -> None:
    made = write(tmp_path / "made", {"vocals": sum(truth.values()), "drums": truth["drums"]})
    found = judged(stem, made, write(tmp_path / "true", truth), code=9)
    assert any(note.startswith("vocals looks like the whole song") for note in found["notes"])
    (tmp_path / "true" / "other.wav").unlink()
    assert not any("whole song" in note for note in judged(stem, made, tmp_path / "true")["notes"])


def test_missing_and_silent_stems_are_told(stem: Stem, tmp_path: Path, truth: dict[str, Any]) -> None:
    silent = {name: sound * (name != "bass") for name, sound in truth.items() if name != "other"}
    found = judged(stem, write(tmp_path / "made", truth), write(tmp_path / "true", silent))
    assert "the true bass is silence" in found["notes"]
    assert "other: only one side has it" in found["notes"]
    assert found["stems"]["bass"]["sdr_db"] is None
    assert found["stems"]["vocals"]["median_sdr_db"] is None or found["stems"]["vocals"]["median_sdr_db"] > 50


@pytest.mark.parametrize(
    ("rate", "frames", "names", "word"),
    [
        (44100, None, None, "its rate differs"),
        (22050, 3 * 22050, None, "its length differs"),
        (22050, None, ("guitar",), "none of its stems"),
    ],
)
def test_a_reference_that_does_not_fit_is_told(
    stem: Stem, tmp_path: Path, truth: dict[str, Any], rate: int, frames: int | None, names: Any, word: str
) -> None:
    other = {name: sound[:, :frames] for name, sound in truth.items()}
    if names:
        other = dict(zip(names, other.values(), strict=False))
    made, true = write(tmp_path / "made", truth), write(tmp_path / "true", other, rate)
    done = stem("judge", made, "--reference", true, code=3)
    assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_the_stems_of_another_song_are_told(stem: Stem, tmp_path: Path, truth: dict[str, Any]) -> None:
    random = np.random.default_rng(9)
    other = {name: random.standard_normal(sound.shape).astype(np.float32) * 0.1 for name, sound in truth.items()}
    found = judged(stem, write(tmp_path / "made", other), write(tmp_path / "true", truth), code=9)
    assert "of another song" in found["notes"][-1]


def test_a_file_that_was_changed_is_told(stem: Stem, song: Path) -> None:
    stem("separate", song)
    folder = next(Path("stems").iterdir())
    (folder / "vocals.wav").write_bytes((folder / "vocals.wav").read_bytes()[:10000])
    assert "vocals was changed since" in stem("judge", folder).stdout


def test_hidden_files_of_macos_are_no_stems(stem: Stem, tmp_path: Path, truth: dict[str, Any]) -> None:
    folder = write(tmp_path / "made", truth)
    (folder / "._vocals.wav").write_bytes(b"\0\5\x16\7")
    assert set(stem_files(folder)) == set(truth)


def test_estimates_take_all_stems_and_none_twice(stem: Stem, tmp_path: Path, truth: dict[str, Any]) -> None:
    alone = json.loads(stem("judge", write(tmp_path / "one", {"vocals": truth["vocals"]}), "--json").stdout)
    assert "estimates take all stems" in alone["notes"][0]
    pair = {"x_(Vocals)_y": truth["vocals"], "x_(Instrumental)_y": truth["drums"] + truth["bass"]}
    found = json.loads(stem("judge", write(tmp_path / "two", pair), "--json").stdout)["stems"]
    assert found["vocals"]["level_db"] == pytest.approx(-4.8, abs=0.3)
    more = truth | {"lead_vocals": truth["vocals"] / 2, "backing_vocals": truth["vocals"] / 2}
    found = json.loads(stem("judge", write(tmp_path / "all", more), "--json").stdout)["stems"]
    assert set(found) == set(truth)


@pytest.mark.slow
def test_parts_beside_their_whole_are_left_out_and_change_no_figure(
    stem: Stem, tmp_path: Path, truth: dict[str, Any]
) -> None:
    random = np.random.default_rng(5)
    parts = {"lead_vocals": truth["vocals"] * 0.6, "backing_vocals": truth["vocals"] * 0.4}
    more = truth | parts | {"instrumental": truth["drums"] + truth["bass"] + truth["other"]}
    noisy = {name: sound + 0.01 * random.standard_normal(sound.shape).astype("f") for name, sound in more.items()}
    plain = judged(
        stem, write(tmp_path / "few", {name: noisy[name] for name in truth}), write(tmp_path / "true", truth)
    )
    found = judged(stem, write(tmp_path / "many", noisy), write(tmp_path / "all", more))
    assert found["stems"] == plain["stems"]
    left_out = {note.partition(":")[0] for note in found["notes"] if "left out" in note}
    assert left_out == {*parts, "instrumental"}
    alone = judged(stem, write(tmp_path / "many", noisy), write(tmp_path / "parts", parts))
    assert set(alone["stems"]) == set(parts)


def test_a_folder_of_several_songs_names_one_of_them(stem: Stem, tmp_path: Path, truth: dict[str, Any]) -> None:
    (tmp_path / "many").mkdir()
    for name in ("b song", "a song"):
        write(tmp_path / "many" / name, truth)
    told = stem("judge", tmp_path / "many", code=3).stderr
    assert "folder of one song's stems" in told
    assert f"stem judge '{tmp_path}/many/a song'" in told
    (tmp_path / "empty").mkdir()
    assert "named after a stem" in stem("judge", tmp_path / "empty", code=3).stderr


@pytest.mark.slow
def test_separate_tells_the_same_figures_as_judge(stem: Stem, song: Path, tmp_path: Path) -> None:
    sound = soundfile.read(song)[0].T
    truth = {"vocals": sound * 0.25, "drums": sound * 0.5}
    true = write(tmp_path / "true", truth, 44100)
    done = stem("separate", song, "--reference", true, "--json")
    result = json.loads(done.stdout)
    judge = json.loads(stem("judge", result["folder"], "--reference", true, "--json", code=None).stdout)
    assert result["reference"] == {"stems": judge["stems"], "notes": judge["notes"]}
    figure = judge["stems"]["vocals"]["si_sdr_db"]
    assert f"SI-SDR {figure:.1f} dB" in next(line for line in done.stderr.splitlines() if "vocals: SDR" in line)
    assert "reference" not in json.loads(stem("separate", song, "--reference", true, "--dry-run", "--json").stdout)


def test_a_reference_that_does_not_fit_costs_no_stems(
    stem: Stem, song: Path, tmp_path: Path, truth: dict[str, Any]
) -> None:
    true = write(tmp_path / "true", truth, 8000)
    done = stem("separate", song, "--reference", true, code=3)
    assert "its rate differs" in done.stderr
    assert all(Path(line).exists() for line in done.stdout.splitlines())
    assert len(done.stdout.splitlines()) == 4
    (tmp_path / "empty").mkdir()
    done = stem("separate", song, "--reference", tmp_path / "empty", "--output", "elsewhere", code=3)
    assert "no file in it is named after a stem" in done.stderr
    assert not Path("elsewhere").exists()
    assert "one song" in stem("separate", song, song, "--reference", true, code=2).stderr


def test_two_files_of_one_stem_are_told(tmp_path: Path, truth: dict[str, Any]) -> None:
    folder = write(tmp_path / "made", {"vocals": truth["vocals"], "vocal": truth["vocals"]})
    with pytest.raises(InputError, match=r"vocal\.wav and vocals\.wav both look like vocals"):
        stem_files(folder)
    with pytest.raises(InputError, match="no file in it is named after a stem"):
        stem_files(tmp_path)


def test_without_a_reference_the_record_speaks(stem: Stem, song: Path) -> None:
    stem("separate", song)
    done = stem("judge", next(Path("stems").iterdir()))
    assert "estimate" in done.stdout
    assert "vocals" in done.stdout


def test_without_a_record_the_files_speak(stem: Stem, tmp_path: Path, truth: dict[str, Any]) -> None:
    done = stem("judge", write(tmp_path / "made", truth), "--json")
    assert isinstance(json.loads(done.stdout)["stems"]["drums"]["estimated_si_sdr_db"], float)


@pytest.mark.slow
@pytest.mark.shared
def test_real_stems_beside_the_true_ones_agree_with_the_projects_own_scores(stem: Stem, tmp_path: Path) -> None:
    tools = SHARED / "tools"
    if not tools.is_dir():
        pytest.skip("the project's shared material is absent")
    command = [sys.executable, str(tools / "multitrack.py"), "hydrogen", str(tmp_path / "true"), "--start", "60"]
    subprocess.run([*command, "--seconds", "12"], check=True, capture_output=True)
    mix = tmp_path / "mix.wav"
    (tmp_path / "true" / "mix.wav").rename(mix)
    stem("separate", mix)
    made = next(Path("stems").iterdir())
    found = judged(stem, made, tmp_path / "true")
    score = [sys.executable, str(tools / "score_stems.py"), str(tmp_path / "true"), str(made), "--json"]
    theirs = json.loads(subprocess.run(score, check=True, capture_output=True, text=True).stdout)
    rows = theirs.get("stems", theirs)
    assert rows["vocals"]["sdr_db"] == pytest.approx(found["stems"]["vocals"]["sdr_db"], abs=0.01)
    assert rows["drums"]["si_sdr_db"] == pytest.approx(found["stems"]["drums"]["si_sdr_db"], abs=0.01)
