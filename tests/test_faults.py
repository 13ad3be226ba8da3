"""Faults from outside: kill -9, Ctrl-C, full disks, missing permissions, two processes at once."""

from __future__ import annotations

import ctypes
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from conftest import Stem, music

from stem_cli import verify
from stem_cli.folder import find_folders

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="these faults are made with signals and modes of Unix")

COMMAND = [sys.executable, "-m", "stem_cli.cli"]
STOP_SECONDS = 1.0
OUTPUT = Path("stems")


def write_song(path: str | Path = "song.wav", seconds: float = 1.0, seed: int = 0) -> Path:
    soundfile.write(path, music(seconds, 22050, seed=seed), 22050, subtype="PCM_16")
    return Path(path)


def started(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    """`stem ...`, not waited for."""
    return subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def ended(process: subprocess.Popen[str], code: int = 0) -> str:
    """Its stdout, once it ended with that exit code."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == code, f"{process.args}: {process.returncode}\n{out}\n{err}"
    assert "Traceback" not in err
    return out


def wait_for(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Return as soon as the condition holds while the process lives."""
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)


def being_made(folder: Path) -> bool:
    """Whether stems are being written into this folder this moment."""
    return any(path.stat().st_size for path in folder.glob(".*.partial/stems/*") if path.exists())


def visible(folder: Path) -> list[Path]:
    """What a user sees in a folder."""
    return [path for path in folder.glob("*") if not path.name.startswith(".")] if folder.exists() else []


def left_over(folder: Path) -> list[Path]:
    """What was left behind, but for a sibling that was not begun: that one may belong to somebody for a minute."""
    siblings = [path for path in folder.rglob("*.partial") if {one.name for one in path.iterdir()} - {"lock"}]
    return [*siblings, *([folder] if folder.exists() and not any(folder.iterdir()) else [])]


def assert_whole(folder: Path, count: int) -> None:
    """So many folders of stems, all as they were written."""
    report = verify.verify(find_folders(folder)) if folder.exists() else verify.Report(0, 0, ())
    assert (report.folders, report.findings) == (count, ())


def assert_nothing_half_made(tmp_path: Path) -> None:
    """All stems that are visible, the user's and the cache's, are whole."""
    kept = tmp_path / "cache" / "stems"
    for folder in (kept, OUTPUT):
        homes = [path for path in visible(folder) if path.is_dir()]
        flat = [path for path in visible(folder) if path.name.endswith(".stems.json")]
        assert_whole(folder, len(homes) + len(flat))


# kill -9

WAYS: tuple[tuple[tuple[str, ...], bool, bool], ...] = (
    ((), True, True),
    (("--force",), False, False),
    (("--format", "flac"), True, False),
    (("--force", "--format", "alac"), False, True),
    (("--layout", "flat"), True, True),
    (("--layout", "flat", "--force", "--format", "flac"), False, False),
)
"""Options, whether the stems of the last time go first, and whether the cache does."""


def kill_at_moments(stem: Stem, tmp_path: Path, moments: int, seed: int) -> None:
    """Kill `stem separate` again and again; each time what is visible is whole, and the next run completes it."""
    song, draw = write_song(seconds=2), random.Random(seed)
    begin = time.monotonic()
    stem("separate", song)
    duration = time.monotonic() - begin
    for moment in range(moments):
        options, fresh, uncached = WAYS[moment % len(WAYS)]
        for folder, gone in ((OUTPUT, fresh), (tmp_path / "cache", uncached)):
            if gone:
                shutil.rmtree(folder)
                folder.mkdir()
        for home in visible(OUTPUT):
            if home.is_dir():
                (home / "mine.txt").write_text("mine", "utf-8")
        mine = list(OUTPUT.rglob("mine.txt"))
        process = started("separate", song, *options)
        time.sleep(duration * draw.uniform(moment % len(WAYS), moment % len(WAYS) + 1) / len(WAYS))
        process.kill()
        process.communicate()
        assert_nothing_half_made(tmp_path)
        stem("separate", song, *options)
        assert_nothing_half_made(tmp_path)
        assert len(find_folders(OUTPUT)) == 1
        assert all(path.read_text("utf-8") == "mine" for path in mine)
        assert left_over(OUTPUT) + left_over(tmp_path / "cache" / "stems") == []


def test_killed_at_six_moments_nothing_half_made_is_visible_and_the_next_run_completes_it(
    stem: Stem, tmp_path: Path
) -> None:
    kill_at_moments(stem, tmp_path, 6, seed=0)


@pytest.mark.slow
def test_killed_at_fifty_moments_nothing_half_made_is_visible_and_the_next_run_completes_it(
    stem: Stem, tmp_path: Path
) -> None:
    kill_at_moments(stem, tmp_path, 50, seed=1)


EVERY_LINE = """
import itertools, json, os, shutil, signal, sys
from pathlib import Path
from stem_cli.folder import Place, finish_leftovers, staging

layout, how, before = sys.argv[1:]
root = Path("music").absolute()
place = Place(root, "Song") if layout == "flat" else Place(root / "Song_1a2b3c4d")
meta = place.metadata.name
versions = {
    "old": ("vocals.wav", "drums.wav", meta),
    "new": ("vocals.wav", "bass.wav", meta),
}
mine = place.home / ("deep/mine.txt" if layout == "folder" else "mine.txt")


def setup():
    shutil.rmtree(root, ignore_errors=True)
    if before == "old":
        mine.parent.mkdir(parents=True)
        mine.write_text("mine")
        for name in versions["old"]:
            (place.home / name).write_text("old")


def make():
    with staging.stage(place) as staged:
        for name in versions["new"]:
            (staged.stems / name).write_text("new")
        staged.commit(versions["old"] if before == "old" else ())


def strike(at):
    lines = itertools.count()
    def trace(frame, event, _):
        if frame.f_code.co_filename != staging.__file__:
            return None
        if event == "line" and next(lines) == at:
            if how == "interrupt":
                sys.settrace(None)
                raise KeyboardInterrupt
            os.kill(os.getpid(), signal.SIGKILL)
        return trace
    sys.settrace(trace)


def seen():
    '''The version that lies there, whole; None for none. Anything between is a fault.'''
    if not place.metadata.exists():
        assert layout == "flat" or not place.home.exists(), list(place.home.iterdir())
        return None
    version = place.metadata.read_text()
    assert {(place.home / name).read_text() for name in versions[version]} == {version}
    return version


outcomes = {}
for at in itertools.count():
    setup()
    child = os.fork()
    if not child:
        strike(at)
        try:
            make()
        except KeyboardInterrupt:
            os._exit(130)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    seen()
    for sibling in root.glob(".*.partial"):
        os.utime(sibling, (0, 0))  # a minute has gone
    finish_leftovers(root)
    outcome = seen()
    assert not list(root.glob(".*")), list(root.glob(".*/**"))
    assert before == "none" or mine.read_text() == "mine"
    assert outcome in ("new", "old" if before == "old" else None), (at, outcome)
    known = set(versions[outcome]) if outcome else set()
    files = {path.name for path in place.home.iterdir() if path.is_file()} if place.home.exists() else set()
    assert files - {"mine.txt"} == known, (at, files)
    if status == 0:
        break
    assert status in (130, -signal.SIGKILL), status
    outcomes[str(outcome)] = outcomes.get(str(outcome), 0) + 1
print(json.dumps(outcomes))
"""


@pytest.mark.parametrize("layout", ["folder", "flat"])
@pytest.mark.parametrize(("how", "before"), [("kill", "old"), ("kill", "none"), ("interrupt", "old")])
def test_stopped_at_any_line_of_the_commit_stems_are_the_old_or_the_new_ones(
    layout: str, before: str, how: str
) -> None:
    command = [sys.executable, "-c", EVERY_LINE, layout, how, before]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    outcomes = json.loads(done.stdout)
    assert outcomes["new"] > 10  # moments at which the new ones were carried through
    assert sum(outcomes.values()) > outcomes["new"] + 10  # and at which all was as before


def test_a_half_written_plan_of_a_dead_process_is_no_obstacle(stem: Stem) -> None:
    sibling = OUTPUT / ".song_12345678.0a1b2c3d.partial"
    (sibling / "stems").mkdir(parents=True)
    (sibling / "lock").touch()
    (sibling / "plan.json").write_text('{"home": "so', "utf-8")
    stem("separate", write_song())
    assert left_over(OUTPUT) == []
    assert_whole(OUTPUT, 1)


def test_a_removal_that_was_killed_is_carried_on(stem: Stem) -> None:
    """The lock may go first, and files be left without it."""
    sibling = OUTPUT / ".song_12345678.0a1b2c3d.partial"
    (sibling / "stems").mkdir(parents=True)
    (sibling / "stems" / "drums.wav").touch()
    stem("separate", write_song())
    assert left_over(OUTPUT) == []
    assert_whole(OUTPUT, 1)


def test_what_dead_processes_left_goes_even_where_nothing_is_to_be_done(stem: Stem, tmp_path: Path) -> None:
    song = write_song()
    stem("separate", song)
    dead = [folder / ".dead.0a1b2c3d.partial" for folder in (OUTPUT, tmp_path / "cache" / "stems")]
    for sibling in dead:
        (sibling / "stems").mkdir(parents=True)
        (sibling / "stems" / "vocals.wav").touch()
        (sibling / "lock").touch()
    stem("separate", song)
    assert [sibling for sibling in dead if sibling.exists()] == []


def test_a_plan_of_a_dead_process_cannot_reach_out_of_its_folder(stem: Stem) -> None:
    song = write_song()
    outside = Path("outside")
    outside.mkdir()
    (outside / "mine.txt").write_text("mine", "utf-8")
    for number, plan in enumerate(
        (
            {"home": str(outside.absolute()), "prefix": "", "obsolete": ["mine.txt"]},
            {"home": "../outside", "prefix": "x", "obsolete": ["mine.txt", "../outside/mine.txt"]},
        )
    ):
        sibling = OUTPUT / f".x.0000000{number}.partial"
        (sibling / "stems").mkdir(parents=True)
        (sibling / "stems" / "x.stems.json").touch()
        (sibling / "lock").touch()
        (sibling / "plan.json").write_text(json.dumps(plan), "utf-8")
    stem("separate", song, code=None)
    assert (outside / "mine.txt").read_text("utf-8") == "mine"
    assert [path.name for path in outside.iterdir()] == ["mine.txt"]


def test_users_folders_with_names_like_ours_stay(stem: Stem) -> None:
    theirs = {".mine.partial": [], "mine.0a1b2c3d.partial": [], ".mine.0a1b2c3d.partial": ["mine.txt"]}
    for name, files in theirs.items():
        (OUTPUT / name).mkdir(parents=True)
        for file in files:
            (OUTPUT / name / file).write_text("mine", "utf-8")
        os.utime(OUTPUT / name, (0, 0))
    stem("separate", write_song())
    assert {name: [path.name for path in (OUTPUT / name).iterdir()] for name in theirs} == theirs


# Ctrl-C and a polite kill


def stop(process: subprocess.Popen[str], number: int) -> None:
    """Send a signal; the process ends within a second, with 130 and one line."""
    sent = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    spent = time.monotonic() - sent
    assert process.returncode == 130, err
    assert out == ""
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    assert err.splitlines()[-1] == "stem: interrupted; nothing half-made is left."
    assert spent < STOP_SECONDS * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))  # others may keep it waiting


@pytest.mark.parametrize(("name", "late"), [("SIGINT", 0.0), ("SIGINT", 0.4), ("SIGTERM", 0.2), ("SIGHUP", 0.1)])
def test_a_signal_while_stems_are_made_stops_within_a_second_and_leaves_nothing(
    tmp_path: Path, name: str, late: float
) -> None:
    process = started("separate", write_song(seconds=60))
    wait_for(lambda: being_made(OUTPUT), process)
    time.sleep(late)
    stop(process, signal.Signals[name])
    assert not OUTPUT.exists()
    assert left_over(tmp_path / "cache" / "stems") == []
    assert_nothing_half_made(tmp_path)


def test_a_signal_while_the_program_starts_stops_it(tmp_path: Path) -> None:
    process = started("separate", write_song())
    wait_for((tmp_path / "data" / "stem.log").exists, process)
    stop(process, signal.SIGTERM)
    assert not OUTPUT.exists()


IN_A_CALLBACK = """
import signal, time, weakref
from stem_cli import cli

class Thing:
    pass

cli._stop_politely()
thing = Thing()
reference = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGTERM))
try:
    del thing
    time.sleep(10)
except KeyboardInterrupt:
    print("stopped")
"""


def test_a_signal_that_comes_inside_of_a_callback_is_not_lost() -> None:
    done = subprocess.run([sys.executable, "-c", IN_A_CALLBACK], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("stopped\n", "")


def test_ctrl_c_among_several_songs_keeps_those_that_are_done(tmp_path: Path) -> None:
    process = started("separate", write_song("one.wav"), write_song("two.wav", seconds=60, seed=1))
    wait_for(lambda: visible(OUTPUT) and being_made(OUTPUT), process)
    process.send_signal(signal.SIGINT)
    out = ended(process, 130)
    assert len(out.splitlines()) == 4
    assert_whole(OUTPUT, 1)
    assert left_over(OUTPUT) == []


def test_ctrl_c_during_force_leaves_the_old_stems(stem: Stem, tmp_path: Path) -> None:
    song = write_song(seconds=10)
    stem("separate", song)
    before = {path: path.read_bytes() for path in OUTPUT.rglob("*.*")}
    process = started("separate", song, "--force", "--format", "flac")
    wait_for(lambda: being_made(OUTPUT), process)
    stop(process, signal.SIGINT)
    assert {path: path.read_bytes() for path in OUTPUT.rglob("*.*")} == before
    assert left_over(tmp_path / "cache" / "stems") == []


def test_a_signal_to_the_demo_leaves_nothing_half_made(stem: Stem) -> None:
    process = started("demo", "--output", "demo")
    wait_for(lambda: being_made(Path("demo")), process)
    stop(process, signal.SIGTERM)
    assert left_over(Path("demo")) == []
    assert_whole(Path("demo"), 0)


# full disks


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """A real file system of so many megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()

    def mount(megabytes: int) -> Path:
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
        if sys.platform != "linux" or shutil.which("mount") is None:
            pytest.skip("small disks are made with Linux' tmpfs")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
        return folder

    yield mount
    if os.path.ismount(folder):
        subprocess.run(["umount", str(folder)], check=True)


class Filler:
    """Fills a disk as soon as stems are being written to it."""

    def __init__(self, disk: Path) -> None:
        self._file, self._stopped = disk / "filler", threading.Event()
        self._thread = threading.Thread(target=self._run, args=(disk,))

    def __enter__(self) -> Filler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        self._file.unlink(missing_ok=True)

    def _run(self, disk: Path) -> None:
        while not self._stopped.is_set() and not list(disk.glob("**/.*.partial/stems/*")):
            time.sleep(0.001)
        with self._file.open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                while not self._stopped.is_set():
                    try:
                        file.write(bytes(size))
                    except OSError:
                        break


@pytest.mark.parametrize("form", ["wav", "flac", "alac"])
def test_a_disk_that_fills_up_is_an_output_error_that_leaves_nothing(
    stem: Stem, tmp_path: Path, form: str, small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(40)
    song = write_song(seconds=30)
    with Filler(disk):
        done = stem("separate", song, "--output", disk / "stems", "--format", form, code=5)
        assert [path.name for path in disk.iterdir()] == ["filler"]
    assert done.stdout == ""
    assert "the disk is full" in done.stderr.splitlines()[-1]
    assert str(disk / "stems") in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert "ignored" not in done.stderr
    assert_nothing_half_made(tmp_path)
    assert left_over(tmp_path / "cache" / "stems") == []


def test_after_the_disk_was_full_the_same_command_completes(stem: Stem, small_disk: Callable[[int], Path]) -> None:
    disk = small_disk(40)
    song = write_song(seconds=10)
    with Filler(disk):
        stem("separate", song, "--output", disk / "stems", code=5)
    stem("separate", song, "--output", disk / "stems")
    assert_whole(disk / "stems", 1)


def test_a_disk_that_is_too_small_is_refused_before_any_work(
    stem: Stem, tmp_path: Path, small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(3)
    done = stem("separate", write_song(), "--output", disk / "stems", code=5)
    assert "GB free, the stems need about" in done.stderr
    assert list(disk.iterdir()) == []
    assert visible(tmp_path / "cache" / "stems") == []


def test_a_cache_on_a_disk_that_is_too_small_is_done_without(
    stem: Stem, monkeypatch: pytest.MonkeyPatch, small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(1)
    monkeypatch.setenv("STEM_CACHE_DIR", str(disk))
    stem("separate", write_song(seconds=10))
    assert_whole(OUTPUT, 1)
    assert not list(disk.rglob("*.wav"))


def test_a_full_disk_for_the_database_is_an_output_error(
    stem: Stem, monkeypatch: pytest.MonkeyPatch, small_disk: Callable[[int], Path]
) -> None:
    disk = small_disk(1)
    with (disk / "filler").open("wb", buffering=0) as filler:
        while True:
            try:
                filler.write(bytes(4096))
            except OSError:
                break
    monkeypatch.setenv("STEM_DATA_DIR", str(disk))
    done = stem("separate", write_song(), code=5)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "the database" in done.stderr
    assert not OUTPUT.exists()


def test_a_limit_on_the_size_of_files_is_an_output_error_that_leaves_nothing(stem: Stem, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    limit = 500_000
    done = stem(
        "separate",
        write_song(seconds=20),
        code=5,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("stem: ")
    assert not OUTPUT.exists()
    assert visible(tmp_path / "cache" / "stems") + left_over(tmp_path / "cache" / "stems") == []


# permissions


@pytest.fixture
def obey() -> dict[str, Any]:
    """Options for a process that modes of files hold for: root's power to pass over them is taken away."""
    if os.geteuid() != 0:
        return {}
    if sys.platform != "linux":
        pytest.skip("root passes over modes; only on Linux can that be taken away")
    library, drop = ctypes.CDLL(None, use_errno=True), 24  # PR_CAPBSET_DROP, linux/prctl.h
    powers = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, linux/capability.h
    return {"preexec_fn": lambda: [library.prctl(drop, power, 0, 0, 0) for power in powers]}


@pytest.fixture
def mode() -> Iterator[Callable[[Path, int], None]]:
    """Change a mode until the end of the test."""
    before: dict[Path, int] = {}

    def change(path: Path, bits: int) -> None:
        before[path] = path.stat().st_mode
        path.chmod(bits)

    yield change
    for path, bits in reversed(before.items()):
        path.chmod(bits)


@pytest.mark.parametrize(("bits", "output"), [(0o555, "closed"), (0o555, "closed/below"), (0o600, "closed/below")])
def test_an_output_folder_without_permission_is_an_output_error(
    stem: Stem, obey: dict[str, Any], mode: Callable[[Path, int], None], bits: int, output: str
) -> None:
    song = write_song()
    closed = Path("closed")
    closed.mkdir()
    mode(closed, bits)
    done = stem("separate", song, "--output", output, code=5, **obey)
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert last.startswith("stem: closed")
    assert last.endswith("writing is not allowed there. Choose another --output or change its permissions.")
    mode(closed, 0o755)
    assert list(closed.iterdir()) == []


def test_songs_that_must_not_be_read_are_input_errors(
    stem: Stem, obey: dict[str, Any], mode: Callable[[Path, int], None]
) -> None:
    Path("hidden").mkdir()
    songs = [write_song(), write_song("hidden/song.wav")]
    mode(songs[0], 0o000)
    mode(Path("hidden"), 0o600)
    done = stem("separate", *songs, "--json", code=6, **obey)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [result["exit_code"] for result in results] == [3, 3]
    for song, result in zip(songs, results, strict=True):
        assert result["error"].startswith(f"{song}: it cannot be read (Permission denied). ")


def test_a_read_only_source_is_separated_and_stays_as_it_is(
    stem: Stem, obey: dict[str, Any], mode: Callable[[Path, int], None]
) -> None:
    Path("in").mkdir()
    song = write_song("in/song.wav")
    mode(song, 0o444)
    mode(Path("in"), 0o555)
    before = (song.read_bytes(), song.stat().st_mtime_ns, song.stat().st_mode)
    made = stem("separate", song, **obey).stdout.splitlines()
    assert before == (song.read_bytes(), song.stat().st_mtime_ns, song.stat().st_mode)
    assert_whole(OUTPUT, 1)
    assert all(os.access(path, os.W_OK) and Path(path).stat().st_mode & 0o200 for path in made)


def test_stems_next_to_a_song_in_a_read_only_folder_are_an_output_error(
    stem: Stem, obey: dict[str, Any], mode: Callable[[Path, int], None]
) -> None:
    Path("in").mkdir()
    song = write_song("in/song.wav")
    mode(Path("in"), 0o555)
    assert "writing is not allowed there" in stem("separate", song, "--output", "same", code=5, **obey).stderr
    assert [path.name for path in Path("in").iterdir()] == ["song.wav"]


@pytest.mark.parametrize("folder", ["cache", "data"])
def test_a_folder_of_ours_without_permission_is_an_output_error(
    stem: Stem, tmp_path: Path, obey: dict[str, Any], mode: Callable[[Path, int], None], folder: str
) -> None:
    song = write_song()
    mode(tmp_path / folder, 0o555)
    done = stem("separate", song, code=5, **obey)
    assert "Traceback" not in done.stderr
    assert str(tmp_path / folder) in done.stderr.splitlines()[-1]
    assert not OUTPUT.exists()


# two processes at once


def statuses(*processes: subprocess.Popen[str]) -> list[str]:
    """How each process came to its stems, sorted."""
    return sorted(json.loads(line)["status"] for process in processes for line in ended(process).splitlines())


def test_of_two_processes_with_one_song_one_works_and_the_other_takes_what_it_made() -> None:
    song = write_song(seconds=3)
    assert statuses(*(started("separate", song, "--json") for _ in range(2))) == ["made", "there"]
    assert_whole(OUTPUT, 1)
    assert left_over(OUTPUT) == []


def test_two_processes_with_one_song_and_two_folders_separate_it_once() -> None:
    song = write_song(seconds=3)
    both = [started("separate", song, "--json", "--output", name) for name in ("a", "b")]
    assert statuses(*both) == ["cached", "made"]
    for name in ("a", "b"):
        assert_whole(Path(name), 1)


def test_two_songs_of_one_name_at_once_do_not_take_each_others_place() -> None:
    for name in ("a", "b"):
        Path(name).mkdir()
    songs = [write_song(f"{name}/song.wav", seed=seed) for seed, name in enumerate(("a", "b"))]
    both = [started("separate", song, "--json", "--layout", "flat") for song in songs]
    assert statuses(*both) == ["made", "made"]
    assert_whole(OUTPUT, 2)
    assert len(visible(OUTPUT)) == 10


def test_two_formats_of_one_song_at_once_do_not_mix() -> None:
    song = write_song()
    both = [started("separate", song, "--format", form) for form in ("wav", "flac")]
    codes = sorted((process.communicate(timeout=120), process.returncode)[1] for process in both)
    assert codes == [0, 5]
    assert_whole(OUTPUT, 1)


def test_when_the_working_process_is_killed_the_waiting_one_takes_over(stem: Stem) -> None:
    song = write_song(seconds=12)
    working = started("separate", song)
    wait_for(lambda: being_made(OUTPUT), working)
    waiting = started("separate", song, "--json")
    time.sleep(0.7)
    assert waiting.poll() is None
    working.kill()
    working.communicate()
    assert statuses(waiting) == ["made"]
    assert_whole(OUTPUT, 1)
    assert left_over(OUTPUT) == []
