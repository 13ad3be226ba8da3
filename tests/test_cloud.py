"""The cloud engine against a real server on this machine: what it makes, mends, tells, costs and asks leave for."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import Stem, music
from lalal_choices import Fault, Habits
from lalal_runs import ENGINE, FULL, Song, assert_equal, cloud, expected, request, separate
from lalal_server import real_time, serving
from lalal_service import KEY, Lalal

from stem_cli import stems
from stem_cli.engines import Request, request_of
from stem_cli.errors import CloudError, EngineError, UsageError
from stem_cli.settings import Settings

pytestmark = pytest.mark.usefixtures("no_proxy")
MODELS = [model.name for model in ENGINE.models]


# ------------------------------------------------------------------------------------------------------- what it makes


@pytest.mark.parametrize("model", [*MODELS, "lalal-drums-piano"])
def test_every_model_gives_the_services_stems_to_the_bit(lalal: Lalal, tmp_path: Path, model: str) -> None:
    song = Song()
    made = separate(song, request(lalal, tmp_path, model), lalal.clock)
    assert_equal(made, song, model)
    assert np.array_equal(sum(made.stems.values()), song.whole)
    assert made.device == "LALAL.AI (andromeda)"


def test_the_steps_are_those_of_the_specification(lalal: Lalal, tmp_path: Path) -> None:
    separate(Song(), request(lalal, tmp_path), lalal.clock)
    steps = [step for number, step in enumerate(lalal.steps()) if step not in lalal.steps()[:number]]
    assert steps == ["minutes_left", "upload", "stem_separator", "check", "files", "delete"]
    order = json.loads(next(one.body for one in lalal.log if one.path.endswith("stem_separator/")))
    assert order["presets"] == {
        "stem": "vocals",
        "encoder_format": "flac",
        "extraction_level": "deep_extraction",
        "dereverb_enabled": False,
    }
    assert all(source.deleted for source in lalal.sources.values())


def test_the_song_goes_up_as_24_bit_flac_under_a_name_that_tells_nothing(lalal: Lalal, tmp_path: Path) -> None:
    song = Song()
    separate(song, request(lalal, tmp_path), lalal.clock)
    (source,) = lalal.sources.values()
    (tmp_path / "up.flac").write_bytes(source.body)
    sound, rate = soundfile.read(tmp_path / "up.flac", dtype="int32", always_2d=True)
    assert (soundfile.info(tmp_path / "up.flac").subtype, rate) == ("PCM_24", song.rate)
    assert np.array_equal(sound >> 8, song.whole)
    assert source.name.startswith("stem-")


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (22050, 2), (48000, 2), (96000, 1), (192000, 2)])
def test_songs_of_any_rate_and_width(lalal: Lalal, tmp_path: Path, rate: int, channels: int) -> None:
    song = Song(0.4, rate, channels)
    assert_equal(separate(song, request(lalal, tmp_path), lalal.clock), song, "lalal-vocals")


@pytest.mark.parametrize("frames", [1, 2, 44, 4095, 65535, 65536, 65537, 200000])
def test_stems_are_as_long_as_the_song(lalal: Lalal, tmp_path: Path, frames: int) -> None:
    song = Song(5.0)
    song.whole, song.frames = song.whole[:frames], frames
    assert_equal(separate(song, request(lalal, tmp_path), lalal.clock), song, "lalal-vocals")


@pytest.mark.parametrize("level", [0.0, 0.5, -1.0])
def test_silence_and_constants_pass(lalal: Lalal, tmp_path: Path, level: float) -> None:
    song = Song(2.0)
    song.whole[:] = round(level * FULL)
    assert_equal(separate(song, request(lalal, tmp_path), lalal.clock), song, "lalal-vocals")


def test_a_missing_backing_track_is_told_and_is_silence(lalal: Lalal, tmp_path: Path) -> None:
    lalal.habits = Habits(backing=False)
    song = Song()
    made = separate(song, request(lalal, tmp_path, "lalal-lead-back"), lalal.clock)
    assert_equal(made, song, "lalal-lead-back", lalal.habits)
    assert not made.stems["backing_vocals"].any()
    assert "LALAL.AI found no backing vocals: that stem is silence" in made.notes


# ------------------------------------------------------------------------------------------------------ what it mends


@pytest.mark.parametrize("lag", [1, 441, 1105, 2257, 30000, -1, -529])
@pytest.mark.parametrize("longer", [0, 40000])
def test_lag_and_length_are_mended_and_told(lalal: Lalal, tmp_path: Path, lag: int, longer: int) -> None:
    lalal.habits = Habits(lag=lag, longer=longer + max(0, lag))
    song = Song(2.0)
    made = separate(song, request(lalal, tmp_path, "lalal-four"), lalal.clock)
    assert_equal(made, song, "lalal-four", lalal.habits)
    (note,) = [note for note in made.notes if "mended" in note]
    assert f"{abs(lag)} samples {'late' if lag > 0 else 'early'}" in note


@pytest.mark.parametrize("missing", [1, 5000])
def test_tracks_that_end_a_little_early_are_filled_up_with_silence(lalal: Lalal, tmp_path: Path, missing: int) -> None:
    lalal.habits = Habits(longer=-missing)
    song = Song(2.0)
    made = separate(song, request(lalal, tmp_path), lalal.clock)
    assert_equal(made, song, "lalal-vocals", lalal.habits)
    assert f"{missing} samples shorter than the song; that was mended" in " ".join(made.notes)


def test_another_rate_comes_back_as_the_songs(lalal: Lalal, tmp_path: Path) -> None:
    lalal.habits = Habits(rate=44100)
    song = Song(2.0, 48000)
    made = separate(song, request(lalal, tmp_path), lalal.clock)
    for name, wanted in expected(song, "lalal-vocals").items():
        assert made.stems[name].shape == wanted.shape
        lost = np.square((made.stems[name] - wanted)[200:-200].astype(float)).mean()
        assert lost < 0.05 * np.square(wanted.astype(float)).mean()  # what lies above 22 kHz


def test_mono_tracks_of_a_stereo_song_get_both_sides(lalal: Lalal, tmp_path: Path) -> None:
    lalal.habits = Habits(mono=True)
    made = separate(Song(1.0), request(lalal, tmp_path), lalal.clock)
    assert all(np.array_equal(stem[:, 0], stem[:, 1]) for stem in made.stems.values())


def test_tracks_of_another_song_are_refused(lalal: Lalal, tmp_path: Path) -> None:
    lalal.habits = Habits(other_song=True)
    with pytest.raises(CloudError, match="what came back is not this song"):
        separate(Song(1.0), request(lalal, tmp_path), lalal.clock)


def test_a_missing_track_is_refused(lalal: Lalal, tmp_path: Path) -> None:
    lalal.habits = Habits(drop_label="no_multistem")
    with pytest.raises(CloudError, match=r"sent no no_multistem.*is not paid twice"):
        separate(Song(1.0), request(lalal, tmp_path, "lalal-four"), lalal.clock)


def test_tracks_that_are_cut_off_are_refused(lalal: Lalal, tmp_path: Path) -> None:
    lalal.habits = Habits(longer=-30000)
    with pytest.raises(CloudError, match=r"a track ends after 1\.3 s of 2\.0 s"):
        separate(Song(2.0), request(lalal, tmp_path), lalal.clock)


# ---------------------------------------------------------------------------------------------------- what it costs


def test_minutes_are_told_before_and_after(lalal: Lalal, tmp_path: Path) -> None:
    lalal.minutes = 100.0
    made = separate(Song(30.0, 8000, 1), request(lalal, tmp_path, "lalal-six"), lalal.clock)
    assert made.notes[0] == "LALAL.AI: 100.0 minutes left, this takes 3.0 minutes (0:30 x 6)"
    assert made.notes[-1] == "LALAL.AI: 97.0 minutes left now"


def test_an_account_with_too_few_minutes_is_told_before_anything_is_sent(lalal: Lalal, tmp_path: Path) -> None:
    lalal.minutes = 1.0
    with pytest.raises(CloudError, match=r"1\.0 minutes left, and this takes 3\.0 minutes.*lalal-vocals takes"):
        separate(Song(30.0, 8000, 1), request(lalal, tmp_path, "lalal-six"), lalal.clock)
    assert lalal.steps() == ["minutes_left"]


@pytest.mark.parametrize(
    ("model", "charged"),
    [("lalal-four", 3), ("lalal-six", 6), ("lalal-vocals", 1), ("lalal-guitar", 2), ("lalal-lead-back", 1)],
)
def test_a_job_costs_its_length_times_its_stems(lalal: Lalal, tmp_path: Path, model: str, charged: int) -> None:
    separate(Song(6.0, 8000, 1), request(lalal, tmp_path, model), lalal.clock)
    assert lalal.minutes == pytest.approx(1000 - charged * 0.1)
    assert ENGINE.cost(Request(model=model), 248.0).endswith(f"{charged * 248 / 60:.1f} minutes (4:08 x {charged})")


@pytest.mark.parametrize(
    ("wanted", "model", "charged"),
    [
        ((), "lalal-four", 3),
        (("vocals",), "lalal-vocals", 1),
        (("drums", "bass"), "lalal-drums-bass", 2),
        (("vocals", "drums", "bass"), "lalal-four", 3),
        (("guitar",), "lalal-guitar", 2),
        (("vocals", "other"), "lalal-four", 3),
        (("piano", "other"), "lalal-six", 6),
        (("lead_vocals",), "lalal-lead-back", 1),
        (("lead_vocals", "backing_vocals"), "lalal-lead-back", 1),
        (("other",), "lalal-four", 3),
    ],
)
def test_the_cheapest_model_that_makes_the_stems_is_taken(wanted: tuple[str, ...], model: str, charged: int) -> None:
    found = ENGINE.find(Request(stems=wanted))
    assert found.name == model
    assert set(wanted) <= set(found.stems)
    assert cloud.LALAL.offer(model).charged == charged


# ----------------------------------------------------------------------------------------------------- leave and key


def test_without_leave_nothing_is_sent(lalal: Lalal, tmp_path: Path) -> None:
    asked = replace(request(lalal, tmp_path), allow_cloud=False)
    missing = ENGINE.unavailable(asked)
    assert missing is not None
    assert "needs your leave" in missing.reason
    assert "--allow-cloud" in missing.remedy
    with pytest.raises(EngineError, match="needs your leave"):
        separate(Song(), asked, lalal.clock)
    assert not lalal.log


def test_with_leave_and_key_it_is_ready(lalal: Lalal, tmp_path: Path) -> None:
    assert ENGINE.unavailable(request(lalal, tmp_path)) is None


def test_leave_is_a_setting_and_off_by_default() -> None:
    assert request_of(Settings()).allow_cloud is False
    asked = request_of(Settings(allow_cloud=True, cloud_url="https://here", data_dir="data", database_url="x"))
    assert (asked.allow_cloud, asked.cloud_url, asked.data_dir, asked.database_url) == (
        True,
        "https://here",
        Path("data"),
        "x",
    )


def test_an_unknown_model_names_those_there_are() -> None:
    with pytest.raises(EngineError, match=r"no cloud service has a model 'htdemucs'.*lalal-four"):
        ENGINE.find(Request(model="htdemucs"))
    for name in ("lalal-", "lalal-kazoo", "lalal-vocals-kazoo", "lalal-other"):
        with pytest.raises(EngineError, match="no cloud service"):
            ENGINE.find(Request(model=name))


def test_models_describe_themselves() -> None:
    assert ENGINE.pays
    for model in ENGINE.models:
        assert model.stems == stems.ordered(model.stems)
        assert set(model.stems) <= set(stems.TABLE)
        assert cloud.LALAL.offer(model.name).model is model


def test_the_engines_id_names_service_model_and_settings_but_no_key(lalal: Lalal, tmp_path: Path) -> None:
    text = ENGINE.identify(request(lalal, tmp_path, "lalal-six")).text
    assert text == "lalal/lalal-six/-/extraction=deep_extraction,splitter=auto,version=1"


@pytest.mark.parametrize("url", ["ftp://host", "host", "http://", "https://host:port", "http://[", "file:///etc"])
def test_addresses_that_are_none(lalal: Lalal, tmp_path: Path, url: str) -> None:
    asked = replace(request(lalal, tmp_path), cloud_url=url)
    missing = ENGINE.unavailable(asked)
    assert missing is not None
    assert "is no address" in missing.reason
    with pytest.raises(UsageError, match="is no address"):
        separate(Song(), asked, lalal.clock)


def test_a_key_is_not_sent_without_encryption_to_another_machine(lalal: Lalal, tmp_path: Path) -> None:
    missing = ENGINE.unavailable(replace(request(lalal, tmp_path), cloud_url="http://me:secret@example.org"))
    assert missing is not None
    assert "without encryption" in missing.reason
    assert "secret" not in missing.reason


def test_the_key_stands_in_no_file_log_or_note(lalal: Lalal, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Even where the service repeats it."""
    caplog.set_level(logging.DEBUG, logger="")
    for name in ("stem_cli", "httpx2", "httpcore2"):
        caplog.set_level(logging.DEBUG, logger=name)
    logging.getLogger("stem_cli").propagate = True
    notes: list[str] = []
    separate(Song(), request(lalal, tmp_path), lalal.clock, notes)
    lalal.faults["minutes_left"] += [Fault("answer", 400, {"detail": f"the key {KEY} is odd"})]
    with pytest.raises(CloudError) as caught:
        separate(Song(seed=2), request(lalal, tmp_path), lalal.clock, notes)
    texts = [str(caught.value), *notes, caplog.text, repr(request(lalal, tmp_path))]
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert any(KEY.encode() in one.headers.get("x-license-key", "").encode() for one in lalal.log)
    assert "the key ... is odd" in str(caught.value)
    assert not [text for text in texts if KEY in text]
    assert not [one for one in files if KEY.encode() in one]


def test_the_key_goes_to_the_service_only_and_not_where_it_leads(lalal: Lalal, tmp_path: Path) -> None:
    with serving(lalal.clock) as other:
        separate(Song(), request(lalal, tmp_path), lalal.clock)
        assert not [one for one in lalal.log if one.path.startswith("/files/") and "x-license-key" in one.headers]
        away = Fault("answer", 302, {}, {"Location": f"{other.url}/api/v1/check/"})
        lalal.surprise = lambda step: away
        with pytest.raises(CloudError, match="answers 302"):
            separate(Song(seed=1), request(lalal, tmp_path), lalal.clock)
        assert not other.log


# ---------------------------------------------------------------------------------------------------- the whole road

PROGRAM = """
import sys
from stem_cli import engines
engines.NAMES = tuple(dict.fromkeys((*engines.NAMES, "cloud")))
from stem_cli.cli import main
sys.argv = ["stem", *sys.argv[1:]]
main()
"""
"""The program, also while the engine is not in the list of all."""


def stem(*arguments: object, code: int = 0, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **more}
    command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lalal]:
    """In real time, quick, for programs."""
    monkeypatch.setenv("STEM_LALAL_KEY", KEY)
    with real_time() as lalal:
        lalal.habits = Habits(queue_seconds=0.1, work_seconds=0.2)
        monkeypatch.setenv("STEM_CLOUD_URL", lalal.url)
        yield lalal


def test_the_command_makes_stems_that_add_up_and_pays_once(service: Lalal, song: Path) -> None:
    service.habits.lag = 1105
    service.habits.longer = 1105
    asked = ("separate", song, "--engine", "cloud", "--allow-cloud")
    made = stem(*asked)
    paths = [Path(line) for line in made.stdout.splitlines()]
    assert [path.stem.lower().endswith(name) for path, name in zip(paths, stems.FOUR, strict=True)]
    total = sum(soundfile.read(path, dtype="int16")[0].astype(int) for path in paths)
    assert np.array_equal(total, soundfile.read(song, dtype="int16")[0])
    assert "minutes left" in made.stderr
    assert "1105 samples late" in made.stderr
    record = json.loads((paths[0].parent / "metadata.json").read_text())
    assert "lalal-four" in json.dumps(record)
    assert len(stem(*asked, "--output", "again").stdout.splitlines()) == 4  # from the cache
    assert len(service.tasks) == 1


def test_the_command_says_what_is_missing(service: Lalal, song: Path) -> None:
    done = stem("separate", song, "--engine", "cloud", code=4)
    assert "needs your leave" in done.stderr
    assert "--allow-cloud" in done.stderr
    done = stem("separate", song, "--model", "lalal-four", "--allow-cloud", code=4, STEM_LALAL_KEY=" \n")
    assert "STEM_LALAL_KEY is empty" in done.stderr
    assert not service.log


def test_a_wrong_key_is_exit_code_8(service: Lalal, song: Path) -> None:
    done = stem("separate", song, "--engine", "cloud", "--allow-cloud", code=8, STEM_LALAL_KEY="wrong")
    assert "LALAL.AI: it does not accept the key" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_an_engine_named_nothing_is_paid_even_with_leave(service: Lalal, song: Path) -> None:
    stem("separate", song, "--allow-cloud")
    assert not service.log


@pytest.mark.parametrize("model", ["lalal-drums-bass", "lalal-bass-drums"])
def test_stems_together_are_a_model_in_any_order_and_leave_is_what_is_missing(
    stem: Stem, service: Lalal, song: Path, model: str
) -> None:
    assert "--allow-cloud" in stem("separate", song, "--model", model, code=4).stderr
    told = stem("separate", song, "--model", model, "--allow-cloud", "--dry-run").stdout
    assert "lalal/lalal-drums-bass/" in told


@pytest.mark.slow
def test_force_replaces_files_and_pays_nothing(stem: Stem, service: Lalal, song: Path) -> None:
    asked = ("separate", song, "--engine", "cloud", "--allow-cloud", "--output", "stems")
    stem(*asked)
    told = stem(*asked, "--format", "flac", "--force", "--dry-run").stdout
    assert "from the cache" in told
    stem(*asked, "--format", "flac", "--force")
    assert len(service.tasks) == 1
    assert sorted(path.suffix for path in Path("stems").glob("*/*")) == [".flac"] * 4 + [".json"]


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "work" / "song.wav"
    soundfile.write(path, music(1.0), 44100, subtype="PCM_16")
    return path
