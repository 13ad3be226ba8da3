"""kill -9 at any moment: what is visible is whole, and the next run completes it."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import Stem
from processes import OUTPUT, assert_nothing_half_made, assert_whole, left_over, started, unix_only, visible, write_song

from stem_cli.folder import find_folders

pytestmark = unix_only

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


@pytest.mark.slow
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
