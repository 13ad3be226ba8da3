"""A batch: songs out of the queue, several side by side, one failing song never stops the others."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from stem_cli import router
from stem_cli.batch import queue, trouble, work
from stem_cli.batch.apart import Apart, Died
from stem_cli.batch.board import Board, Seat, Stopped, Worker
from stem_cli.batch.company import Company
from stem_cli.batch.queue import Job
from stem_cli.batch.reorder import dismiss, is_paused, retry
from stem_cli.batch.report import Row
from stem_cli.batch.work import Made, Task
from stem_cli.engines import Engine
from stem_cli.errors import CloudError, DamagedError, EngineError, OutputError, StemError
from stem_cli.separation import Shop, Turn
from stem_cli.settings import Settings
from stem_cli.split import Asked

_log = logging.getLogger("stem_cli")
_T = TypeVar("_T")

_POLL_SECONDS = 1.0
_SHOW_SECONDS = 0.25
_PATIENCE_SECONDS = 60.0
"""So long a database may be away, for a restart of its server or a busy disk, before the batch ends."""
_IN_A_ROW = 5
"""Songs that fail one after the other because of an engine or a service: then it is not the songs."""
_PROCESS_GB = 0.5
"""What a process that separates songs with the embedded engine takes at most (about 0.35 was seen)."""
_STATUS = {"made": "done", "cached": "cached", "there": "there"}


@dataclass(frozen=True)
class Course:
    """What a batch may do. batch: its id in the queue. output: the folder that its jobs name.

    wish: the settings in words, written down with each finished song. networks: whether most songs get a network.
    apart: each of the jobs has a process of its own. upgrade: replace what others made. limit: songs, 0 for all.
    budget_seconds: begin no song that would end after so long, 0 for no end. roots: folders whose vanishing ends the
    batch. paths: files by their names in the queue. look: called before songs are taken.
    """

    batch: str
    output: str
    wish: str
    asked: Asked
    settings: Settings
    jobs: int
    networks: bool = False
    apart: bool = False
    upgrade: bool = False
    limit: int = 0
    budget_seconds: float = 0.0
    roots: tuple[Path, ...] = ()
    paths: Mapping[str, Path] = field(default_factory=dict)
    look: Callable[[], None] = lambda: None


@dataclass
class _Floor:
    """What the seats share. disk: of the output. fatal: why the batch ends early. faults: in a row, see `_IN_A_ROW`."""

    shop: Shop
    course: Course
    board: Board
    disk: int | None = None
    begun: int = 0
    faults: list[Job] = field(default_factory=list)
    fatal: StemError | None = None
    company: Company = field(default_factory=Company)
    choosing: threading.Lock = field(default_factory=threading.Lock)
    wall: float = field(default_factory=time.time)


def seats_for(engine: Engine, jobs: int, apart: bool) -> int:
    """How many songs side by side: as asked, else what keeps this machine's processors busy. engine: of most songs.

    apart: each in a process of its own; then one for each core, as far as there is memory for them. Else one more than
    there are cores, as songs wait for the disk now and then. A network takes all cores by itself: two songs then, of
    which one is computed while the other is read, written and checked.
    """
    if jobs or engine.networks:
        return jobs or 2
    machine = router.this_machine()
    return max(1, min(machine.cpus, int(machine.ram_gb / _PROCESS_GB))) if apart else machine.cpus + 1


def turns(jobs: int) -> Turn:
    """Networks compute one at a time: they share a device, its memory, and the model."""
    one = threading.RLock()

    def turn(engine: Engine) -> AbstractContextManager[object]:
        return one if engine.networks and jobs > 1 else nullcontext()

    return turn


def run(shop: Shop, course: Course, board: Board, changed: Callable[[], None]) -> None:
    """Work until nothing is left that this batch wants, or until it has to end.

    changed: called a few times a second, in this thread alone; what it raises ends the batch, and no song fails of it.

    Failed songs are on the board. Raises StemError where all songs would fail: a full disk, one that is gone, an engine
    that is not there. After Ctrl-C what is worked on goes back into the queue.
    """
    if course.jobs > 1 and not course.settings.threads and not course.networks:
        threads = max(1, router.this_machine().cpus // (course.jobs if course.apart else course.jobs - 1))
        course = replace(course, settings=replace(course.settings, threads=threads))
    floor = _Floor(replace(shop, settings=course.settings, turn=turns(course.jobs)), course, board)
    floor.disk = None if course.output == "same" else trouble.disk_of(Path(course.output))
    board.seats = [Seat() for _ in range(course.jobs)]
    workers = [Worker(board, seat) for seat in board.seats]
    with ThreadPoolExecutor(course.jobs, "batch seat") as pool:  # Thread.join takes a thread for dead after Ctrl-C
        try:
            busy = {pool.submit(_work, floor, worker) for worker in workers}
            while busy:
                busy = wait(busy, _SHOW_SECONDS).not_done
                changed()
        finally:
            board.stopping = True
    if floor.fatal is not None:
        raise floor.fatal


def _work(floor: _Floor, worker: Worker) -> None:
    """One seat: song after song."""
    try:
        with closing(Apart(lambda: floor.board.stopping)) if floor.course.apart else nullcontext() as apart:
            while (job := _next(floor)) is not None:
                worker.sit(Path(job.path).name)
                with floor.company.over(job):
                    row = _one(floor, job, worker, apart)
                worker.sit("")
                if row is not None:
                    floor.board.ended(row)
    except StemError as error:  # the database itself
        _end(floor, error)
    except Exception as error:  # noqa: BLE001 - a seat that dies in silence would let the batch end as if all were well
        _log.exception("a bug in the batch")
        _end(floor, StemError(f"a bug of ours: {error!r}", None, "Please report it."))


def _next(floor: _Floor) -> Job | None:
    """The next song, None when the batch has come to its end."""
    while not floor.board.stopping and _may_begin(floor):
        floor.board.paused = _patient(floor, lambda: is_paused(floor.shop.database))
        if floor.board.paused:
            time.sleep(_POLL_SECONDS)
            continue
        with floor.choosing:  # not under the lock of the company: songs that end meanwhile must not wait for a look
            _patient(floor, floor.course.look)
            job = floor.company.take(lambda: _claimed(floor), lambda: floor.board.stopping)
        if job is not None:
            return job
        if not _patient(floor, lambda: queue.held_elsewhere(floor.shop.database, floor.course.batch)):
            return None
        time.sleep(_POLL_SECONDS)  # another batch has the rest; where it dies, this one goes on with that
        _patient(floor, lambda: _sweep(floor))
    return None


def _patient(floor: _Floor, action: Callable[[], _T]) -> _T:
    """What the database says; one that cannot be reached is asked again for a while. Raises OutputError after that."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return action()
        except OutputError as error:
            if floor.board.stopping or time.monotonic() >= end:
                raise
            _log.warning("asked again in a moment: %s", error)
            time.sleep(_POLL_SECONDS)


def _claimed(floor: _Floor) -> Job | None:
    if floor.board.stopping or not _may_begin(floor):
        return None
    job = _patient(floor, lambda: queue.claim(floor.shop.database, floor.course.batch))
    floor.begun += job is not None
    return job


def _sweep(floor: _Floor) -> None:
    from stem_cli import settings as settings_of
    from stem_cli.batch import claims

    claims.running(floor.shop.database, settings_of.data_dir(floor.course.settings))


def _may_begin(floor: _Floor) -> bool:
    """Whether limit and time allow one more song."""
    course = floor.course
    if course.limit and floor.begun >= course.limit:
        return False
    if not course.budget_seconds:
        return True
    spent = max(time.monotonic() - floor.board.started, time.time() - floor.wall)  # one may stand while asleep
    worked = [row.work_seconds for row in floor.board.rows if row.status == "done"]
    typical = sum(worked) / len(worked) if worked else 0.0
    return spent + typical < course.budget_seconds


def _one(floor: _Floor, job: Job, worker: Worker, apart: Apart | None) -> Row | None:
    """What came of a song, None where it was given back."""
    started = time.monotonic()
    path = floor.course.paths.get(job.path, Path(job.path))
    try:
        _require_output(floor)
        made = _made(floor, job, path, worker, apart)
        _require_output(floor)
    except Stopped:
        _patient(floor, lambda: queue.give_back(floor.shop.database, job))
        return None
    except Died:
        return _died(floor, job, started)
    except Exception as error:  # noqa: BLE001 - a bug with one song is no reason to stop
        told = trouble.told(error, path)
        if _ends_all(floor, job, told, path):
            _patient(floor, lambda: queue.give_back(floor.shop.database, job))
            return None
        if isinstance(told, DamagedError) and floor.course.settings.damaged == "skip":
            return _skipped(floor, job, told)
        return _failed(floor, job, told, started, gone=not trouble.is_there(path))
    floor.faults.clear()
    _patient(floor, lambda: queue.finish(floor.shop.database, job, made.end, floor.course.wish))
    return _row(job, made)


def _made(floor: _Floor, job: Job, path: Path, worker: Worker, apart: Apart | None) -> Made:
    course = floor.course
    task = Task(course.asked, course.settings, floor.shop.cache, course.upgrade, job, path)
    return work.make(floor.shop, task, worker) if apart is None else apart.make(task, worker)


def _row(job: Job, made: Made) -> Row:
    end = made.end
    return Row(
        path=Path(job.path),
        status=_STATUS[end.status],
        engine=end.engine,
        song_seconds=end.seconds,
        work_seconds=end.work_seconds,
        vocals_db=end.vocals_db,
        poor=end.poor,
        folder=made.home,
    )


def _died(floor: _Floor, job: Job, started: float) -> Row | None:
    """A song whose process died, of too little memory perhaps, is worked on again alone; not for ever."""
    _log.error("%s: its process died", job.path)
    if _patient(floor, lambda: queue.died(floor.shop.database, job)):
        return None
    return _failed_row(job, StemError(queue.DIED, Path(job.path), "Try it with `stem separate`."), started)


def _failed(floor: _Floor, job: Job, error: StemError, started: float, gone: bool) -> Row:
    _log.error("%s: %s", job.path, error)
    _patient(floor, lambda: queue.fail(floor.shop.database, job, str(error), error.exit_code, gone))
    return _failed_row(job, error, started)


def _failed_row(job: Job, error: StemError, started: float) -> Row:
    spent = time.monotonic() - started
    return Row(
        Path(job.path), "failed", song_seconds=job.seconds, work_seconds=spent, error=error.what, hint=error.hint
    )


def _skipped(floor: _Floor, job: Job, error: StemError) -> Row:
    """A damaged song that the user does not want to hear of again."""
    queue.fail(floor.shop.database, job, str(error), error.exit_code)
    dismiss(floor.shop.database, [job])
    return Row(Path(job.path), "skipped", song_seconds=job.seconds, error=error.what, hint=error.hint)


def _ends_all(floor: _Floor, job: Job, error: StemError, path: Path) -> bool:
    """Whether the batch ends with this: every other song would fail of the same."""
    course = floor.course
    try:
        _require_output(floor)
        fatal = trouble.of_all(error, path, course.roots)
    except OutputError as lost:
        fatal = lost
    if isinstance(error, EngineError | CloudError):
        floor.faults.append(job)
        if len(floor.faults) >= _IN_A_ROW:
            retry(floor.shop.database, floor.faults)  # it was not the songs
            fatal = error
    if fatal is not None:
        _end(floor, fatal)
    return fatal is not None


def _require_output(floor: _Floor) -> None:
    """Raises OutputError where the disk of the output is gone: what is written there now lies on the disk below it."""
    output = Path(floor.course.output)
    if floor.disk is not None and trouble.disk_of(output) != floor.disk:
        raise OutputError("it is not there any more", output, trouble.BACK)


def _end(floor: _Floor, error: StemError) -> None:
    """No song is begun any more, and those in hand are given back."""
    floor.fatal = floor.fatal or error
    floor.board.stopping = True
