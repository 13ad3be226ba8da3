"""A task's result: waited for, fetched, laid over the song, and tidied away at the service when it was handed over."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stem_cli.disk import disk_errors
from stem_cli.engines.cloud import order, shelf
from stem_cli.engines.cloud.booking import CANCELLED, DELIVERED, FAILED, STARTED, Booking
from stem_cli.engines.cloud.download import Expired, fetch
from stem_cli.engines.cloud.line import PAUSES_SECONDS, Refused, Unanswered, Unsent
from stem_cli.engines.cloud.mend import Damaged, Offset, measured
from stem_cli.engines.cloud.service import Status
from stem_cli.engines.cloud.shelf import Tracks
from stem_cli.engines.cloud.work import Work, minutes_text
from stem_cli.errors import CloudError, StemError

_FIRST_SECONDS, _GROWTH, _MOST_SECONDS = 2.1, 1.3, 10.0
"""Between two checks: a service allows 30 a minute."""
_FETCHES = 4
"""How often tracks are asked for without one more being here: their addresses are over, or they are damaged."""
_CANCELS = 3
_log = logging.getLogger("stem_cli")


@dataclass(frozen=True)
class Result:
    """Tracks that are on this disk, and how they lie to the song."""

    booking: Booking
    tracks: Tracks
    offset: Offset


def obtained(work: Work) -> Result:
    """The result of this work, from this disk or from the service. Ctrl-C cancels the task. Raises CloudError."""
    there = _there(work)
    if there is not None:
        return there
    booking = order.booked(work)
    try:
        booking = order.started(work, booking)
        return _collected(work, booking)
    except KeyboardInterrupt:
        with suppress(StemError):
            _stopped(work, booking)
        raise


def _there(work: Work) -> Result | None:
    """What an earlier run has fetched and could not bring to its end."""
    booking = work.book.current() or work.book.delivered()
    tracks = shelf.find(work.folder(booking)) if booking else None
    if booking is None or tracks is None:
        return None
    try:
        offset = measured(work.song, [tracks.path(label) for label in tracks.labels])
    except Damaged as error:
        _log.warning("what was kept cannot be used: %s", error)
        tracks.forget()
        return None
    if booking.state != STARTED:
        tracks.delivered()  # so that nobody tidies them away while they are read
    work.note(f"{work.title}: its tracks are here from an earlier run, and are not paid again")
    return Result(booking, tracks, offset)


def _awaited(work: Work, booking: Booking) -> Status:
    """How the task stands when it is done. Raises CloudError where it failed or cannot be looked at."""
    pause, failures = _FIRST_SECONDS, 0
    while True:
        work.line.clock.sleep(pause)
        status, problem = _looked(work, booking)
        failures = failures + 1 if problem else 0
        if status.state == "done":
            return status
        if status.state in ("failed", "cancelled"):
            raise _ended(work, booking, status)
        if failures > len(PAUSES_SECONDS) or work.over(booking):
            raise CloudError(problem or f"{work.title} does not finish", None, work.goes_on(booking))
        again = PAUSES_SECONDS[failures - 1] if failures else pause * _GROWTH
        pause = max(_FIRST_SECONDS, again if failures else min(again, _MOST_SECONDS))


def _looked(work: Work, booking: Booking) -> tuple[Status, str]:
    """How the task stands, and what kept us from seeing it. Raises CloudError where the service refuses to tell."""
    service, task = work.service, booking.task_id
    try:
        status = work.line.ask(service.check(task), lambda answer: service.read_check(answer, task))
    except (Unsent, Unanswered) as error:
        return Status("unsure"), str(error)
    except Refused as refused:
        told = work.line.told(refused)
        if not refused.passing:
            raise CloudError(told.what, None, f"{told.hint} {work.goes_on(booking)}".strip()) from refused
        return Status("unsure"), told.what
    return status, f"{work.title} cannot say how the task stands: {status.reason}" if status.state == "unsure" else ""


def _ended(work: Work, booking: Booking, status: Status) -> CloudError:
    """A task that failed or was cancelled: the next order is a new one."""
    _tidied(work, booking)
    left = work.minutes_left()
    rest = "" if left is None else f" There are {minutes_text(left)} minutes left."
    if status.state == "failed":
        work.book.close(booking, FAILED, status.reason)
        return CloudError(
            f"{work.title} could not do it: {status.reason}", None, f"The same command orders it anew.{rest}"
        )
    work.book.close(booking, CANCELLED, "not by this run")
    return CloudError(f"{work.title}: the task was cancelled by somebody else", None, f"Order it anew.{rest}")


def _collected(work: Work, booking: Booking) -> Result:
    """Wait for the task and fetch its tracks. Raises CloudError, OutputError."""
    problem, fruitless, folder = "", 0, work.folder(booking)
    while fruitless < _FETCHES:
        status, before = _awaited(work, booking), len(list(folder.glob("*.flac")))
        try:
            tracks = _fetched(work, booking, status)
            offset = measured(work.song, [tracks.path(label) for label in tracks.labels])
            return Result(booking, shelf.keep(tracks), offset)
        except Expired as error:
            problem = str(error)
        except Damaged as error:
            problem = str(error)
            _thrown_away(folder, error.path)
        fruitless = 0 if len(list(folder.glob("*.flac"))) > before else fruitless + 1
        _log.warning("%s: %s", work.title, problem)
    raise CloudError(f"{work.title}: {problem}", None, work.goes_on(booking))


def _fetched(work: Work, booking: Booking, status: Status) -> Tracks:
    """All tracks that the offer names, but for those that may be missing. Raises Expired, CloudError, OutputError."""
    urls, folder = {track.label: track.url for track in status.tracks}, work.folder(booking)
    labels = tuple(label for label in work.offer.labels if label in urls)
    missing = [label for label in work.offer.labels if label not in urls and label not in work.offer.optional]
    if missing:
        raise CloudError(f"{work.title} sent no {', '.join(missing)}", None, work.goes_on(booking))
    with disk_errors(folder, "Choose another place with STEM_DATA_DIR"):
        folder.mkdir(parents=True, exist_ok=True)
    for label in labels:
        target = shelf.path_of(folder, label)
        if not target.exists():
            fetch(work.line, urls[label], target, work.goes_on(booking))
    return Tracks(folder, labels, status.made_by)


def _thrown_away(folder: Path, damaged: Path | None) -> None:
    """A damaged track is fetched again; all of them where it is not known which is."""
    with disk_errors(folder):
        for path in [damaged] if damaged else list(folder.glob("*.flac")):
            path.unlink(missing_ok=True)


def _stopped(work: Work, booking: Booking) -> None:
    """Ctrl-C: cancel the task, if it was started."""
    booking, service = work.book.reread(booking), work.service
    if booking.state != STARTED or service.cancel is None:
        return
    for _ in range(_CANCELS):
        with suppress(Unsent, Unanswered, Refused):
            call = service.cancel(booking.task_id)
            if not work.line.ask(call, lambda answer: service.read_cancel(answer, booking.task_id)):
                break
            work.book.close(booking, CANCELLED, "by Ctrl-C")
            _tidied(work, booking)
            work.note(f"{work.title}: the task was cancelled")
            return
        work.line.clock.sleep(_FIRST_SECONDS)
    work.note(f"{work.title}: the task could not be cancelled. {work.goes_on(booking)}")


def handed_over(work: Work, result: Result) -> None:
    """The stems were taken: nothing of the song stays at the service, and the booking ends."""
    if result.booking.state == STARTED:
        if not _tidied(work, result.booking):
            work.note(f"{work.title}: the song could not be deleted there; it goes by itself within {work.hours}")
        work.book.close(result.booking, DELIVERED)
        left = work.minutes_left()
        if left is not None:
            work.note(f"{work.title}: {minutes_text(left)} minutes left now")
    result.tracks.delivered()


def _tidied(work: Work, booking: Booking) -> bool:
    """Delete the song and its tracks at the service; whether that is known to be done."""
    if work.service.delete is None or not booking.source_id:
        return True
    with suppress(Unsent, Unanswered, Refused):
        return work.line.ask(work.service.delete(booking.source_id), lambda answer: isinstance(answer, dict))
    return False
