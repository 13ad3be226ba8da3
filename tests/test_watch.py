"""`stem watch`: what lies in a folder, and what is dropped into it, is separated once it has stopped growing."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import soundfile
from conftest import Stem
from processes import (
    OUTPUT,
    assert_nothing_half_made,
    assert_whole,
    being_made,
    left_over,
    started,
    unix_only,
    visible,
    wait_for,
    write_song,
)

from stem_cli.batch.watch import Steady
from stem_cli.library.walk import Found

pytestmark = unix_only

DROPS = Path("drops")
QUICK = ("--settle", "0.5s", "--engine", "builtin")


class Watch:
    """`stem watch`, and what it has said so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[str] = []
        assert process.stderr is not None
        self._reader = threading.Thread(target=lambda: self.said.extend(process.stderr or ()), daemon=True)
        self._reader.start()

    def until(self, condition: Callable[[], object], seconds: float = 40) -> None:
        """Wait for it."""
        end = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, self.text
            assert time.monotonic() < end, self.text
            time.sleep(0.02)

    def until_said(self, text: str) -> None:
        """Wait for words on stderr."""
        self.until(lambda: text in self.text)

    @property
    def songs(self) -> int:
        """How many lines it said of songs."""
        return len(
            [
                line
                for line in self.said
                if line.strip() and not line.startswith(("stem: interrupted", "stem: watching"))
            ]
        )

    @property
    def text(self) -> str:
        """All that it said."""
        return "".join(self.said)

    def stop(self) -> None:
        """Ctrl-C; it ends with 130 and without a traceback."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(60) == 130, self.text
        self._reader.join()
        assert "Traceback" not in self.text
        assert self.said[-1] == "stem: interrupted; nothing half-made is left.\n"


@contextmanager
def watching(*options: str) -> Iterator[Watch]:
    """A watch of the folder of drops, which is stopped at the end."""
    DROPS.mkdir(exist_ok=True)
    with started("watch", DROPS, *QUICK, *options) as process:
        watch = Watch(process)
        try:
            yield watch
            watch.stop()
        finally:
            process.kill()


def seconds(path: Path) -> float:
    return float(soundfile.info(path).duration)


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--polling",)])
def test_what_lay_there_and_what_is_dropped_in_is_separated(tmp_path: Path, options: tuple[str, ...]) -> None:
    DROPS.mkdir()
    write_song(DROPS / "before.wav")
    with watching(*options) as watch:
        watch.until_said("before.wav: separated")
        (DROPS / "deep").mkdir()
        write_song(DROPS / "deep" / "later.wav", seed=1)
        (DROPS / "notes.txt").write_text("no song")
        watch.until_said("later.wav: separated")
        write_song("elsewhere.wav", seed=2).rename(DROPS / "moved.wav")
        watch.until_said("moved.wav: separated")
    assert watch.songs == 3
    assert_whole(OUTPUT, 3)
    with watching(*options) as watch:  # what came while it was off, and nothing else
        write_song(DROPS / "night.wav", seed=3)
        watch.until_said("night.wav: separated")
    assert watch.songs == 1
    assert_nothing_half_made(tmp_path)


def test_a_file_that_grows_is_taken_when_it_is_whole() -> None:
    whole = write_song("whole.wav", 4.0).read_bytes()
    with watching() as watch:
        step = len(whole) // 16
        with (DROPS / "slow.wav").open("wb") as file:
            for start in range(0, len(whole), step):
                file.write(whole[start : start + step])
                file.flush()
                time.sleep(0.15)
        assert watch.songs == 0
        watch.until_said("slow.wav: separated")
    assert watch.songs == 1
    assert {seconds(path) for path in OUTPUT.rglob("*.wav")} == {4.0}


@pytest.mark.slow
def test_an_empty_file_waits_and_a_damaged_one_is_told() -> None:
    with watching() as watch:
        (DROPS / "a.wav").touch()
        (DROPS / "b.wav").write_bytes(write_song("whole.wav").read_bytes()[:20_000])
        write_song(DROPS / "c.wav", seed=2)
        watch.until_said("c.wav: separated")
        watch.until_said("b.wav: it is cut off")
        assert "a.wav" not in watch.text
        write_song(DROPS / "a.wav", seed=3)
        watch.until_said("a.wav: separated")
        write_song(DROPS / "b.wav", seed=4)
        watch.until_said("b.wav: separated")
    assert_whole(OUTPUT, 3)


def test_stems_beside_the_songs_are_no_songs() -> None:
    with watching("--output", "same") as watch:
        write_song(DROPS / "a.wav")
        watch.until_said("a.wav: separated")
        write_song(DROPS / "b.wav", seed=1)
        watch.until_said("b.wav: separated")
        time.sleep(3)  # time enough to take a stem for a song
    assert watch.songs == 2
    assert_whole(DROPS, 2)


@pytest.mark.slow
def test_ctrl_c_while_stems_are_made(tmp_path: Path) -> None:
    DROPS.mkdir()
    write_song(DROPS / "long.wav", 60)
    with watching() as watch:
        wait_for(lambda: being_made(OUTPUT), watch.process)
    assert visible(OUTPUT) == []
    assert left_over(tmp_path / "cache" / "stems") == []
    assert_nothing_half_made(tmp_path)
    with watching("--format", "flac") as watch:
        watch.until_said("long.wav: separated")


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--polling",)])
def test_a_folder_that_goes_and_comes_back_is_watched_again(options: tuple[str, ...]) -> None:
    with watching(*options) as watch:
        watch.until_said(f"stem: watching {DROPS.absolute()}; stems go to")
        time.sleep(1.5)
        DROPS.rename("away")
        watch.until_said("there is no such file or folder")
        Path("away").rename("old")
        DROPS.mkdir()
        write_song(DROPS / "a.wav")
        watch.until_said("a.wav: separated")
        time.sleep(1.5)
        write_song(DROPS / "b.wav", seed=1)
        watch.until_said("b.wav: separated")


def test_json_lines_and_silence(tmp_path: Path) -> None:
    DROPS.mkdir()
    write_song(DROPS / "a.wav")
    with watching("--quiet", "--json") as watch:
        assert watch.process.stdout is not None
        assert '"status": "done"' in watch.process.stdout.readline()
    assert watch.songs == 0


def test_a_folder_that_is_not_there_is_refused(stem: Stem) -> None:
    assert "there is no such folder" in stem("watch", DROPS, code=3).stderr
    write_song(DROPS.with_suffix(".wav"))
    assert "there is no such folder" in stem("watch", DROPS.with_suffix(".wav"), code=3).stderr
    assert "there is no such folder" in stem("watch", "x" * 300, code=3).stderr


def test_a_file_is_ready_when_it_was_the_same_for_long_enough() -> None:
    now = [0.0]
    steady = Steady(5.0, lambda: now[0])

    def ready(at: float, size: int, path: str = "a.wav") -> bool:
        now[0] = at
        return steady.is_ready(Found(Path(path), size, size, ""))

    assert [ready(at, size) for at, size in ((0, 0), (10, 0), (11, 5), (14, 5), (15, 6), (19, 6))] == [False] * 6
    assert not steady.due
    now[0] = 20
    assert steady.due
    assert ready(20, 6)
    assert not steady.due
    ready(20, 0, "empty.wav")
    now[0] = 1000
    assert not steady.due  # it will tell when it begins to grow
    steady.forget_missing()
    assert steady.seen == {}
