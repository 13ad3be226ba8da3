"""A batch: songs out of the queue, several side by side, one failing song never stops the others."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from stem_cli import router, split, verify
from stem_cli.batch import queue
from stem_cli.batch.board import Board, Seat, Stopped, Worker
from stem_cli.batch.finished import files_text, metadata_of
from stem_cli.batch.queue import End, Job
from stem_cli.batch.reorder import dismiss, is_paused
from stem_cli.batch.report import Row
from stem_cli.engines import Engine
from stem_cli.errors import CloudError, DamagedError, EngineError, FullError, InputError, OutputError, StemError
from stem_cli.quality import verdict_of
from stem_cli.separation import Result, Shop
from stem_cli.settings import Settings
from stem_cli.split import Asked
from stem_cli.track import open_track

_log = logging.getLogger("stem_cli")

_POLL_SECONDS = 1.0
_IN_A_ROW = 5
"""Songs that fail one after the other because of an engine or a service: then it is not the songs."""
_STATUS = {"made": "done", "cached": "cached", "there": "there"}


@dataclass(frozen=True)
class Course:
    """What a batch may do. batch: its id in the queue. output: the folder that its jobs name.

    wish: the settings in words, written down with each finished song. upgrade: replace what others made. limit: songs,
    0 for all. budget_seconds: begin no song that would end after so long, 0 for no end. roots: folders whose vanishing
    ends the batch. paths: files by their names in the queue, where those differ. look: called before songs are taken.
    """

    batch: str
    output: str
    wish: str
    asked: Asked
    settings: Settings
    jobs: int
    upgrade: bool = False
    limit: int = 0
    budget_seconds: float = 0.0
    roots: tuple[Path, ...] = ()
    paths: Mapping[str, Path] = field(default_factory=dict)
    look: Callable[[], None] = lambda: None


@dataclass
class _Floor:
    """What the seats share. fatal: why the batch ends before its time. row_of_faults: see `_IN_A_ROW`."""

    shop: Shop
    course: Course
    board: Board
    begun: int = 0
    row_of_faults: int = 0
    fatal: StemError | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


def seats_for(settings: Settings, jobs: int) -> int:
    """How many songs side by side: as asked, else what keeps this machine's processors busy.

    One more than there are cores, as songs wait for the disk now and then. A network takes all cores by itself: two
    songs then, of which one is computed while the other is read, written and checked.
    """
    if jobs:
        return jobs
    return router.this_machine().cpus + 1 if settings.engine == "builtin" else 2


def turns(jobs: int) -> Callable[[Engine], AbstractContextManager[None]]:
    """Networks compute one at a time: they share a device, its memory, and the model."""
    one = threading.RLock()

    def turn(engine: Engine) -> AbstractContextManager[None]:
        return _Held(one) if engine.networks and jobs > 1 else nullcontext()

    return turn


class _Held(AbstractContextManager[None]):
    """A lock as a context that gives nothing."""

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def run(shop: Shop, course: Course, board: Board, changed: Callable[[], None], note: Callable[[str], None]) -> None:
    """Work until nothing is left that this batch wants, or until it has to end.

    Failed songs are on the board. Raises StemError where all songs would fail: a full disk, one that is gone, an engine
    that is not there. After Ctrl-C what is worked on goes back into the queue.
    """
    threads = max(1, (course.settings.threads or router.this_machine().cpus) // max(1, course.jobs - 1))
    if course.settings.engine == "builtin" and course.jobs > 1:
        course = replace(course, settings=replace(course.settings, threads=threads))
    floor = _Floor(replace(shop, settings=course.settings, turn=turns(course.jobs)), course, board)
    board.seats = [Seat() for _ in range(course.jobs)]
    workers = [Worker(board, seat, changed, note) for seat in board.seats]
    with ThreadPoolExecutor(course.jobs, "batch seat") as pool:  # Thread.join takes a thread for dead after Ctrl-C
        try:
            busy = {pool.submit(_work, floor, worker) for worker in workers}
            while busy:
                busy = wait(busy, _POLL_SECONDS).not_done
                changed()
        finally:
            board.stopping = True
    if floor.fatal is not None:
        raise floor.fatal


def _work(floor: _Floor, worker: Worker) -> None:
    """One seat: song after song."""
    try:
        while (job := _next(floor)) is not None:
            worker.sit(Path(job.path).name)
            row = _one(floor, job, worker)
            worker.sit("")
            if row is not None:
                floor.board.ended(row)
    except StemError as error:  # the database itself
        floor.fatal = floor.fatal or error
        floor.board.stopping = True


def _next(floor: _Floor) -> Job | None:
    """The next song, None when the batch has come to its end."""
    while not floor.board.stopping:
        floor.board.paused = is_paused(floor.shop.database)
        if floor.board.paused:
            time.sleep(_POLL_SECONDS)
            continue
        with floor.lock:
            if not _may_begin(floor):
                return None
            floor.course.look()
            job = queue.claim(floor.shop.database, floor.course.batch)
            if job is not None:
                floor.begun += 1
                return job
        if not queue.held_elsewhere(floor.shop.database, floor.course.batch):
            return None
        time.sleep(_POLL_SECONDS)  # another batch has the rest; where it dies, this one goes on with that
        _sweep(floor)
    return None


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
    spent = time.monotonic() - floor.board.started
    worked = [row.work_seconds for row in floor.board.rows if row.status == "done"]
    typical = sum(worked) / len(worked) if worked else 0.0
    return spent + typical < course.budget_seconds


def _one(floor: _Floor, job: Job, worker: Worker) -> Row | None:
    """What came of a song, None where it was given back."""
    started = time.monotonic()
    path = floor.course.paths.get(job.path, Path(job.path))
    try:
        result = _separated(floor, job, path, worker)
    except Stopped:
        queue.give_back(floor.shop.database, job)
        return None
    except StemError as error:
        if _ends_all(floor, error, path):
            queue.give_back(floor.shop.database, job)
            return None
        if isinstance(error, DamagedError) and floor.course.settings.damaged == "skip":
            return _skipped(floor, job, error)
        return _failed(floor, job, error, started)
    except Exception as error:  # noqa: BLE001 - a bug with one song is no reason to stop
        _log.exception("a bug with %s", path)
        return _failed(floor, job, StemError(f"a bug of ours: {error!r}", path, "Please report it."), started)
    floor.row_of_faults = 0
    return _done(floor, job, result)


def _separated(floor: _Floor, job: Job, path: Path, worker: Worker) -> Result:
    """Separate one song; what was open at an unclean end is compared with its record."""
    shop, course = floor.shop, floor.course
    track = open_track(path, shop.database.fingerprint)
    order = split.order_of(course.asked, course.settings, shop.budget.paid, batch=True)
    order = replace(order, replace=course.upgrade)
    result = split.carry_out(shop, track, order, worker, course.asked.keep)
    doubted = result.folder if job.unclean and result.status == "there" else None
    if doubted is not None and any(finding.fault for finding in verify.check(doubted)):
        return split.carry_out(shop, track, replace(order, force=True), worker, course.asked.keep)
    return result


def _done(floor: _Floor, job: Job, result: Result) -> Row:
    folder = result.folder
    assert folder is not None  # a dry run has none, and this is not one
    voice = verdict_of(folder.record.quality).vocals_db
    end = End(
        status=result.status,
        engine=result.engine,
        folder=metadata_of(folder),
        files=files_text(folder),
        work_seconds=result.work_seconds,
        seconds=result.song_seconds,
        vocals_db=voice,
        poor=folder.record.quality.poor,
    )
    queue.finish(floor.shop.database, job, end, floor.course.wish)
    return Row(
        path=Path(job.path),
        status=_STATUS[result.status],
        engine=result.engine,
        song_seconds=result.song_seconds,
        work_seconds=result.work_seconds,
        vocals_db=voice,
        poor=end.poor,
        folder=folder.place.home,
    )


def _failed(floor: _Floor, job: Job, error: StemError, started: float) -> Row:
    _log.error("%s: %s", job.path, error)
    queue.fail(floor.shop.database, job, str(error), error.exit_code)
    spent = time.monotonic() - started
    return Row(
        Path(job.path), "failed", song_seconds=job.seconds, work_seconds=spent, error=error.what, hint=error.hint
    )


def _skipped(floor: _Floor, job: Job, error: StemError) -> Row:
    """A damaged song that the user does not want to hear of again."""
    queue.fail(floor.shop.database, job, str(error), error.exit_code)
    dismiss(floor.shop.database, [job])
    return Row(Path(job.path), "skipped", song_seconds=job.seconds, error=error.what, hint=error.hint)


def _ends_all(floor: _Floor, error: StemError, path: Path) -> bool:
    """Whether the batch ends with this: every other song would fail of the same."""
    lost = next((root for root in floor.course.roots if not root.exists()), None)
    fatal: StemError | None = None
    if isinstance(error, FullError):
        fatal = error
    elif isinstance(error, InputError) and lost is not None and not path.exists():
        hint = "Plug it in again and give the same command: what is done stays done."
        fatal = InputError("it is not there any more", lost, hint)
    elif isinstance(error, OutputError) and not Path(floor.course.output).exists():
        hint = "Plug it in again and give the same command: what is done stays done."
        fatal = OutputError("it is not there any more", Path(floor.course.output), hint)
    elif isinstance(error, EngineError | CloudError):
        floor.row_of_faults += 1
        fatal = error if floor.row_of_faults >= _IN_A_ROW else None
    if fatal is not None:
        floor.fatal = floor.fatal or fatal
        floor.board.stopping = True
    return fatal is not None
