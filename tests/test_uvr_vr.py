"""VR networks by audio-separator: its own sound at any gain, lag 0, and nothing of it left in our process or on disk.

The networks are random, of the smallest real kind (32 MB). A song takes some seconds, most of them for imports.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from importlib import metadata
from logging import root
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import music
from numpy.typing import NDArray
from processes import unix_only
from test_engine_contract import Song

from stem_cli import engines
from stem_cli.engines import Request, Run
from stem_cli.engines.uvr import vr
from stem_cli.engines.uvr.models import VrFacts
from stem_cli.errors import EngineError, InputError

pytestmark = pytest.mark.slow

pytest.importorskip("audio_separator", reason='pip install "stem-cli[uvr]"')

Floats = NDArray[np.float32]
TESTS = Path(__file__).parent
FACTS = VrFacts("4band_v2")
SECONDS = 1.5
LOUD = 2.0
"""Peak 1.6: audio-separator would scale such a song."""
TAIL = 8192
"""Frames at the end of which audio-separator gives less, or hears silence where it hears nothing."""


def run(*command: object) -> str:
    done = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="session")
def vr_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vr")
    return Path(run(TESTS.parent / "scripts" / "make_random_uvr.py", "vr", folder, "--small"))


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, empty."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def song(seconds: float = SECONDS, gain: float = LOUD) -> Song:
    return Song(music(seconds) * gain, vr.RATE)


def stream(mix: Song, weights: Path, facts: VrFacts = FACTS) -> Iterator[Floats]:
    return vr.separate(mix, weights, facts, Run(2), "cpu")


def made(mix: Song, weights: Path) -> Floats:
    return np.concatenate(list(stream(mix, weights)), axis=2)[0]


def level_db(one: Floats, against: Floats) -> float:
    power = np.square(one, dtype=np.float64).sum() / np.square(against, dtype=np.float64).sum()
    return 10 * float(np.log10(power + 1e-30))


@pytest.fixture(scope="session")
def loud(vr_model: Path) -> Floats:
    return made(song(), vr_model)


def test_it_is_audio_separators_own_sound(vr_model: Path, loud: Floats, tmp_path: Path) -> None:
    """But for the gain, which is undone here as the network hears the same song whatever its level."""
    quiet = song(gain=LOUD / 8)
    soundfile.write(tmp_path / "mix.wav", quiet.sound.T, vr.RATE, subtype="PCM_32")
    theirs, rate = soundfile.read(run(TESTS / "against_vr.py", vr_model, FACTS.bands, tmp_path / "mix.wav", tmp_path))
    assert rate == vr.RATE
    assert len(theirs) < loud.shape[1]  # it is cut to whole hops
    both = loud.shape[1] - TAIL
    wanted = theirs[:both].T * 8
    assert level_db(loud[:, :both] - wanted, wanted) < -80


def test_the_stem_is_as_long_as_the_song_and_lines_up(loud: Floats) -> None:
    mix = song().sound
    assert loud.shape == mix.shape
    assert loud.dtype == np.float32
    size = 2 * mix.shape[1]
    alike = np.fft.irfft(np.fft.rfft(mix[0], size).conj() * np.fft.rfft(loud[0], size))
    assert int(np.argmax(np.abs(alike))) == 0


def test_the_tail_is_not_lost(loud: Floats) -> None:
    """Its level follows the song's to the last frame."""
    mix = song().sound
    ends = [level_db(loud[:, at:], mix[:, at:]) for at in (-4000, -480, -100)]
    assert all(abs(end - level_db(loud, mix)) < 6 for end in ends)


def test_more_than_16_bits_come_back(loud: Floats) -> None:
    steps = loud.astype(np.float64) * 2**15
    assert np.abs(steps - np.round(steps)).mean() > 0.2


def test_the_gain_of_the_song_is_the_gain_of_its_stem(vr_model: Path, loud: Floats) -> None:
    soft = made(song(gain=LOUD / 4), vr_model)
    assert level_db(soft * 4 - loud, loud) < -60


def test_nothing_of_audio_separator_is_seen(
    vr_model: Path, temporary: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No output, no handlers, no filters of warnings; its own folder of models, of the environment, does not matter."""
    monkeypatch.setenv("AUDIO_SEPARATOR_MODEL_DIR", str(temporary / "nowhere"))
    monkeypatch.setenv("PATH", str(temporary / "nothing"))  # no ffmpeg
    before = (list(root.handlers), list(warnings.filters), set(vr_model.parent.iterdir()))
    blocks = stream(song(0.3), vr_model)
    first = next(blocks)
    assert len(list(temporary.iterdir())) == 1
    assert not list(temporary.glob("**/.ses"))  # what onnxruntime's telemetry leaves
    assert first.shape == (1, 2, round(0.3 * vr.RATE))
    assert not list(blocks)
    assert not list(temporary.iterdir())
    assert (list(root.handlers), list(warnings.filters), set(vr_model.parent.iterdir())) == before
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
@pytest.mark.parametrize("frames", [1, 44, 4095, 70001])
def test_songs_of_any_length_are_covered_and_a_closed_stream_leaves_nothing(
    vr_model: Path, temporary: Path, frames: int
) -> None:
    mix = Song(music(2.0)[:frames], vr.RATE, size=1000)
    blocks = list(stream(mix, vr_model))
    assert sum(block.shape[2] for block in blocks) == frames
    assert max(block.shape[2] for block in blocks) <= vr.BLOCK_FRAMES
    closed = stream(mix, vr_model)
    next(closed)
    closed.close()
    assert not list(temporary.iterdir())


@pytest.mark.slow
def test_silence_gives_silence(vr_model: Path) -> None:
    assert np.abs(made(Song(np.zeros((30000, 2)), vr.RATE), vr_model)).max() == 0


def test_an_empty_song_starts_nothing(temporary: Path) -> None:
    assert list(stream(Song(np.zeros((0, 2)), vr.RATE), temporary / "missing.pth")) == []


def test_an_error_of_the_song_leaves_nothing(vr_model: Path, temporary: Path) -> None:
    class Broken(Song):
        def blocks(self) -> Iterator[np.ndarray]:
            yield next(super().blocks())
            raise InputError("the disk is gone")

    with pytest.raises(InputError, match="the disk is gone"):
        list(stream(Broken(music(1.0), vr.RATE), vr_model))
    assert not list(temporary.iterdir())


# Weights that are none


class Trap:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("new", [True, False])
def test_code_in_a_file_does_not_run(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch, new: bool
) -> None:
    import torch

    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    weights = tmp_path / "bad.pth"
    if new:
        torch.save({"weight": Trap(tmp_path / "sprung")}, weights)
    else:
        weights.write_bytes(pickle.dumps({"weight": Trap(tmp_path / "sprung")}, protocol=2))
    with pytest.raises(EngineError, match="it holds code, not weights only, and was not opened"):
        list(stream(song(0.1), weights))
    assert not (tmp_path / "sprung").exists()
    assert not list(temporary.iterdir())


@pytest.mark.parametrize(
    ("keep", "what"),
    [(0.5, "it is no whole file of weights"), (0.0, "it is no whole file of weights")],
    ids=["half", "empty"],
)
def test_a_cut_file_is_told(vr_model: Path, tmp_path: Path, keep: float, what: str) -> None:
    whole = vr_model.read_bytes()
    (tmp_path / "cut.pth").write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(EngineError, match=rf"cut\.pth: {what}.*Delete this file"):
        list(stream(song(0.1), tmp_path / "cut.pth"))


def test_weights_of_another_network_are_told(tmp_path: Path) -> None:
    import torch

    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(EngineError, match=r"other\.pth: its [\d,]+ bytes are not a VR network of 4band_v2"):
        list(stream(song(0.1), tmp_path / "other.pth"))
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(EngineError, match="it is no VR network"):
        list(stream(song(0.1), tmp_path / "list.pth"))


def test_what_audio_separator_cannot_do_is_told_in_its_words(vr_model: Path) -> None:
    with pytest.raises(EngineError, match=r"audio-separator could not run it \(.*no_such_bands"):
        list(stream(song(0.1), vr_model, VrFacts("no_such_bands")))


# Ctrl-C and worse

WAITING = """
import sys
from pathlib import Path
from conftest import music
from test_engine_contract import Song
from stem_cli.engines import Run
from stem_cli.engines.uvr import vr
from stem_cli.engines.uvr.models import VrFacts
list(vr.separate(Song(music(20.0), 44100), Path(sys.argv[1]), VrFacts("4band_v2"), Run(1), "cpu"))
"""


@unix_only
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_ended_program_leaves_no_files_and_no_process(vr_model: Path, temporary: Path, number: int) -> None:
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    command = [sys.executable, "-c", WAITING, str(vr_model)]
    program = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not list(temporary.glob("stem-vr-*/stderr.txt")):
        assert program.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    time.sleep(2.0)  # the other process is at its imports or at work
    program.send_signal(number)
    assert program.wait(20) != 0
    while list(temporary.iterdir()) or children_of(vr_model):
        assert time.monotonic() < until, "something is left"
        time.sleep(0.05)


STALLED = """
import sys, time
from pathlib import Path
from conftest import music
from test_engine_contract import Song
from stem_cli.engines import Run
from stem_cli.engines.uvr import vr
from stem_cli.engines.uvr.models import VrFacts

class Stalled(Song):
    def blocks(self):
        yield next(super().blocks())
        print("written", flush=True)
        time.sleep(30)

list(vr.separate(Stalled(music(1.0), 44100), Path(sys.argv[1]), VrFacts("4band_v2"), Run(1), "cpu"))
"""


@unix_only
def test_what_a_program_left_that_was_killed_as_it_wrote_is_removed_by_the_next(temporary: Path) -> None:
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    environment = {**os.environ, "PYTHONPATH": path}
    empty = Song(np.zeros((0, 2)), vr.RATE)
    (temporary / "stem-vr-somebodys").mkdir()
    (temporary / "stem-vr-link").symlink_to(temporary.parent)
    with subprocess.Popen([sys.executable, "-c", STALLED, "x"], env=environment, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        program.stdout.readline()
        (folder,) = [one.parent for one in temporary.glob("stem-vr-*/mix.wav")]
        assert list(stream(empty, Path("missing.pth"))) == []
        assert folder.exists()
        program.kill()
    assert folder.exists()
    assert list(stream(empty, Path("missing.pth"))) == []
    assert {one.name for one in temporary.iterdir()} == {"stem-vr-somebodys", "stem-vr-link"}


def children_of(weights: Path) -> list[str]:
    """Processes that work with these weights, as the system lists them."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if "vr_process" in line and str(weights) in line]


# Files of the user's own


def test_a_toml_beside_a_file_tells_what_it_is(tmp_path: Path) -> None:
    weights = tmp_path / "mine.pth"
    weights.write_bytes(b"weights")
    with pytest.raises(
        EngineError, match=r'nobody knows the parameters.*Write .*mine\.toml: bands = "4band_v3" and stem'
    ):
        vr.facts_of(weights)
    (tmp_path / "mine.toml").write_text('bands = "4band_v3"\nstem = "no_lead_vocals"\nnout = 48\nnout_lstm = 128\n')
    assert vr.facts_of(weights) == (VrFacts("4band_v3", 48, 128, accompaniment=True), ("no_lead_vocals",))


def test_another_version_of_audio_separator_is_another_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.pth").write_bytes(b"weights")
    (tmp_path / "mine.toml").write_text('bands = "4band_v3"\nstem = "vocals"\n')
    asked = Request(model="mine", models_dir=tmp_path)
    now = engines.load("uvr").identify(asked)
    assert now.settings["audio_separator"] == metadata.version("audio-separator")
    monkeypatch.setattr(metadata, "version", lambda name: "9.9")
    assert engines.load("uvr").identify(asked).text != now.text


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('bands = "4band_v3"', "stem is None"),
        ('bands = "4band_v3"\nstem = "noise"', "stem is 'noise' instead of one of"),
        ('bands = "4band_v9"\nstem = "vocals"', "bands is '4band_v9' instead of one of"),
        ('bands = "4band_44100_reverse"\nstem = "vocals"', "bands is '4band_44100_reverse'"),
        ('bands = "4band_v3"\nstem = "vocals"\nnout = 48', "nout and nout_lstm are two whole numbers"),
        ('bands = "4band_v3"\nstem = "vocals"\nnout = true\nnout_lstm = 8', "nout and nout_lstm are two whole numbers"),
        ('bands = "4band_v3"\nstem = "vocals"\nspeed = 3', "speed is not known"),
        ("bands = ", "it is no TOML"),
        ("#" * 20000, "it is far too long"),
    ],
)
def test_a_toml_that_makes_no_sense_is_told(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "mine.pth").write_bytes(b"weights")
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(EngineError, match=rf"mine\.toml: these are no parameters of a VR network: {what}"):
        vr.facts_of(tmp_path / "mine.pth")


def test_a_toml_is_read_without_audio_separator_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "audio_separator", None)
    (tmp_path / "mine.toml").write_text('bands = "4band_v3"\nstem = "vocals"\n')
    assert vr.facts_of(tmp_path / "mine.pth") == (VrFacts("4band_v3"), ("vocals",))


def test_a_file_of_uvrs_list_is_known_by_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last 10,240,000 bytes are looked up: no file of that list is here, so this one is put into it."""
    import hashlib

    from stem_cli.engines.uvr import vr_facts

    end = bytes(range(256)) * 40_000
    (tmp_path / "mine.pth").write_bytes(b"another start" + end)
    row = {"bands": "4band_v2", "stem": "instrumental"}
    monkeypatch.setattr(vr_facts, "_known", lambda: {hashlib.md5(end).hexdigest(): row})
    assert vr.facts_of(tmp_path / "mine.pth") == (VrFacts("4band_v2", accompaniment=True), ("instrumental",))


@pytest.mark.slow
def test_networks_of_version_5_1_run(tmp_path: Path) -> None:
    weights = Path(run(TESTS.parent / "scripts" / "make_random_uvr.py", "vr", tmp_path))
    facts, makes = vr.facts_of(weights)
    assert (facts, makes) == (VrFacts("4band_v3", 16, 64), ("vocals",))
    mix = song(1.0)
    stem = np.concatenate(list(stream(mix, weights, facts)), axis=2)[0]
    assert stem.shape == mix.sound.shape
    assert -30 < level_db(stem, mix.sound) < 0
