"""A thousand songs through a service where anything may go wrong at any moment: none is paid twice, none is wrong.

Each schedule is one song. Connections drop before, in and after questions, answers are lies of every kind, tasks fail,
addresses expire, the program is killed or stopped between any two steps, and hours pass between its runs. Then all goes
well again. In the end the server's books are looked at, and the stems.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from lalal_choices import Fault, Habits, VirtualClock
from lalal_runs import Song, assert_equal, request, separate
from lalal_server import serving
from lalal_service import DAY, KEY, Lalal

from stem_cli.database import Database
from stem_cli.engines.cloud import line
from stem_cli.engines.cloud.work import PAY_AGAIN
from stem_cli.errors import StemError
from stem_cli.models.transfer import open_client

SCHEDULES, GROUPS = 1000, 10
WILD_RUNS, CALM_RUNS = 5, 3
MODELS = ("lalal-vocals", "lalal-vocals", "lalal-lead-back", "lalal-drums-bass")
DETAILS = ("Oops", {"reason": "oops"}, [{"loc": ["body", "source_id"], "msg": "Field required", "type": "missing"}], 7)
TROUBLE = (
    Fault("before"),
    Fault("after"),
    Fault("half"),
    Fault("answer", 500, {"detail": "Internal Server Error"}),
    Fault("answer", 502, b"<html>Bad Gateway</html>"),
    Fault("answer after", 503, b""),
    Fault("answer", 200, b"<html>Log in to this network</html>"),
    Fault("answer after", 200, [1, 2]),
    Fault("answer after", 200, {"result": {}}),
    *(Fault("answer", 429, {"detail": detail}) for detail in DETAILS),
)
"""What can happen to any question."""
OWN: dict[str, tuple[Fault, ...]] = {
    "upload": (Fault("body"), Fault("body"), Fault("answer", 400, {"detail": DETAILS[1]})),
    "split": (
        Fault("answer", 400, {"detail": "Try again", "code": "internal_error"}),
        Fault("answer after", 400, {"detail": "Try again", "code": "internal_error"}),
        Fault("answer", 400, {"detail": "What?", "code": "never_heard_of"}),
        Fault("answer", 400, {"detail": "Premium license required to access this feature."}),
        Fault("answer", 422, {"detail": DETAILS[2]}),
    ),
    "check": (
        Fault("answer", 200, {"result": {"no": {"status": "progress"}}}),
        Fault("answer", 400, {"detail": DETAILS[0]}),
    ),
    "files": (
        Fault("half"),
        Fault("half"),
        Fault("short"),
        Fault("bent"),
        Fault("whole"),
        Fault("page"),
        Fault("answer", 404, {"detail": "Not Found"}),
        Fault("answer", 403, b"<Error>AccessDenied</Error>"),
    ),
}
SPLITS = ("stem_separator", "multistem")


class Killed(BaseException):
    """The process is gone: nothing of ours runs after it."""


@dataclass
class Fate:
    """Where the program dies, and where the user presses Ctrl-C."""

    dice: random.Random
    kill: float = 0.0
    stop: float = 0.0
    ends: Counter[str] = field(default_factory=Counter)

    def point(self) -> None:
        roll = self.dice.random()
        if roll < self.kill:
            raise Killed
        if roll < self.kill + self.stop:
            raise KeyboardInterrupt


class FatefulClock(VirtualClock):
    """Time, in which the program may end."""

    def __init__(self, fate: Fate) -> None:
        super().__init__()
        self.fate = fate

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.fate.point()
        self.time += seconds
        self.fate.point()


class Programs:
    """The clock as the program sees it: each look may be its last."""

    def __init__(self, clock: FatefulClock) -> None:
        self.clock = clock
        self.sleep = clock.sleep

    def now(self) -> float:
        self.clock.fate.point()
        return self.clock.time


@pytest.fixture
def fateful(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Lalal, Fate, Programs]]:
    """A service, the fate of programs, and their clock. One client for all runs: a new one takes as long as a run."""
    fate = Fate(random.Random())
    clock = FatefulClock(fate)
    monkeypatch.setenv("STEM_LALAL_KEY", KEY)
    for name in ("rows", "run"):
        monkeypatch.setattr(Database, name, _fateful(getattr(Database, name), fate))
    with open_client() as client, serving(clock) as lalal:
        monkeypatch.setattr(line, "open_client", lambda: contextlib.nullcontext(client))
        yield lalal, fate, Programs(clock)


def _fateful(method: Callable[..., Any], fate: Fate) -> Callable[..., Any]:
    def call(*arguments: Any, **values: Any) -> Any:
        fate.point()
        found = method(*arguments, **values)
        fate.point()
        return found

    return call


def trouble(dice: random.Random, share: float) -> Callable[[str], Fault | None]:
    """Faults by chance."""

    def surprise(step: str) -> Fault | None:
        if dice.random() >= share:
            return None
        own = OWN.get("split" if step in SPLITS else step, ())
        return dice.choice(own if own and dice.random() < 0.4 else TROUBLE)

    return surprise


def habits(dice: random.Random) -> Habits:
    return Habits(
        queue_seconds=dice.choice((0, 1, 5, 40)),
        work_seconds=dice.choice((0, 10, 60)),
        repeat=dice.choice(("same", "refuse")),
        money_first=dice.random() < 0.3,
        link_seconds=dice.choice((3600, 3600, 2)),
        lag=dice.choice((0, 0, 1, 1105, -37)),
        longer=dice.choice((0, 0, 500)),
        backing=dice.random() < 0.7,
    )


@dataclass
class Story:
    """One schedule: what happened, for a message that tells it all."""

    seed: int
    lalal: Lalal
    fate: Fate
    clock: Programs
    data: Path
    told: list[str] = field(default_factory=list)
    last: str = ""
    allowed: int = 1

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.fate.dice = random.Random(self.seed + 1)
        self.lalal.habits = habits(self.dice)
        self.lalal.minutes = self.dice.choice((1000.0, 1000.0, 0.012))
        self.model = self.dice.choice(MODELS)
        self.song = Song(0.3, 8000, 1, self.seed)

    def run(self, wild: bool) -> bool:
        """One run of the program; whether it came to its end."""
        self.lalal.surprise = trouble(random.Random(self.dice.random()), self.dice.choice((0.1, 0.4)) if wild else 0)
        self.lalal.habits.outcome = "error" if wild and self.dice.random() < 0.15 else "success"
        self.fate.kill, self.fate.stop = self.dice.choice(((0, 0), (0.02, 0), (0.02, 0.03))) if wild else (0, 0)
        notes: list[str] = []
        try:
            made = separate(self.song, request(self.lalal, self.data, self.model), self.clock, notes)
        except (Killed, KeyboardInterrupt) as end:
            self.told.append(type(end).__name__)
            return False
        except StemError as error:
            self.last = f"{type(error).__name__}: {error}"
            self.told.append(self.last)
            return False
        finally:
            self.fate.kill = self.fate.stop = 0
            self.told += notes
            self.look()
        assert_equal(made, self.song, self.model, self.lalal.habits)
        return True

    def look(self) -> None:
        """What has to be true at any moment."""
        assert len(self.lalal.charged) <= self.allowed, "charged twice"
        assert self.lalal.most_checks_a_minute() <= 30
        assert KEY not in "".join(self.told)
        assert not [one for one in self.lalal.log if one.path.startswith("/files/") and "x-license-key" in one.headers]

    def pass_time(self) -> None:
        self.clock.clock.time += self.dice.choice((0, 0, 0, 10, 10, 3600, 3600, 25 * 3600))


def play(story: Story, monkeypatch: pytest.MonkeyPatch) -> str:
    """One schedule to its end: "made", "made after paying again", or "no minutes"."""
    for _ in range(story.dice.randint(1, WILD_RUNS)):
        if story.run(wild=True):
            return "made"
        story.pass_time()
    for _ in range(CALM_RUNS):
        if story.run(wild=False):
            return "made"
    return pay_again(story, monkeypatch)


def pay_again(story: Story, monkeypatch: pytest.MonkeyPatch) -> str:
    """The program says that it does not know, or that what was paid for is lost: that has to be so."""
    last = story.last
    if "minutes left, and this takes" in last or "not enough minutes" in last:
        assert story.lalal.minutes < 0.012
        return "no minutes"
    found = re.search(rf"{PAY_AGAIN}=([0-9a-f]{{8}})", last)
    assert found, last
    keys = [json.loads(one.body)["idempotency_key"] for one in story.lalal.log if is_split(one.path) and one.body]
    assert any(key.startswith(found[1]) for key in keys), "nothing was ever sent"
    story.allowed += 1
    with monkeypatch.context() as patched:
        patched.setenv(PAY_AGAIN, found[1])
        done = story.run(wild=False)
    if not done and story.lalal.minutes < 0.012:
        return "no minutes"
    assert done
    return "made after paying again"


def is_split(path: str) -> bool:
    return path.strip("/").rpartition("/")[2] in SPLITS


def forget(lalal: Lalal, data: Path) -> None:
    """The next song meets a service that has not seen anything, and no tracks of other songs."""
    for held in (lalal.sources, lalal.tasks, lalal.links, lalal.log, lalal.checks):
        held.clear()
    shutil.rmtree(data / "cloud", ignore_errors=True)


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """In memory where there is such a place: a thousand songs write a database and files each."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else tmp_path) as folder:
        yield Path(folder)


@pytest.mark.slow
@pytest.mark.parametrize("group", [0, *(pytest.param(group, marks=pytest.mark.slow) for group in range(1, GROUPS))])
def test_nothing_is_paid_twice_and_nothing_is_wrong(
    fateful: tuple[Lalal, Fate, Programs], data: Path, monkeypatch: pytest.MonkeyPatch, group: int
) -> None:
    lalal, fate, clock = fateful
    ends: Counter[str] = Counter()
    for seed in range(group * SCHEDULES // GROUPS, (group + 1) * SCHEDULES // GROUPS):
        forget(lalal, data)
        story = Story(seed, lalal, fate, clock, data)
        try:
            ends[play(story, monkeypatch)] += 1
        except BaseException as error:
            asked = [f"{one.path} {one.fault or ''} {one.status}" for one in lalal.log]
            error.add_note("\n".join((f"schedule {seed}", story.model, str(lalal.habits), *story.told, *asked)))
            raise
        clock.clock.time += 2 * DAY
    assert ends["made"] > 0.6 * SCHEDULES / GROUPS
