"""An order, from the book to the task that was started: minutes looked at, song uploaded, order sent.

It is sent as often as its answer gets lost, always with the same key and the same source, and each time stands in the
database before. Only an order that was surely never carried out gets another key.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from stem_cli.engines.cloud.booking import GIVEN_UP, OPEN, STARTED, Booking, dealt_with
from stem_cli.engines.cloud.line import PAUSES_SECONDS, Refused, Unanswered, Unsent
from stem_cli.engines.cloud.service import Ask, Call, Source
from stem_cli.engines.cloud.work import Work, cost_minutes, cost_text, minutes_text
from stem_cli.errors import CloudError

_SENT_AFTER_SECONDS = (0.0, 0.5, *PAUSES_SECONDS)
"""Before an order is sent, and sent again: soon, as its key is good until the task starts."""
_LAST_WORD_SECONDS = 10.0
"""How long Ctrl-C waits for the answer to an order that was just sent, so that the task can be cancelled."""
_MARGIN_SECONDS = 600.0
"""A source that goes sooner is uploaded anew."""
_UPLOADS = 5
_ROUNDING_SECONDS = 2.0
"""How far the length that the service says, in whole seconds, may lie from ours."""
_log = logging.getLogger("stem_cli")


def booked(work: Work) -> Booking:
    """The booking of this work: the one under way, or a new one if the account can pay for it. Raises CloudError."""
    current = work.book.current()
    if current and work.pay_again == current.number:
        work.book.close(current, GIVEN_UP, "the user pays again")
        current = None
    if current is None:
        _not_paid_before(work)
        return work.book.book(cost_minutes(work.offer, work.song.seconds), _affordable(work))
    if current.state == STARTED or current.doubts:
        work.note(f"{work.title}: the order of an earlier run is taken up, and not paid twice")
    else:
        _affordable(work)
    return current


def _not_paid_before(work: Work) -> None:
    """Raises CloudError where this was made and handed over once, and its tracks are gone here."""
    delivered = work.book.delivered()
    if delivered is None or work.pay_again == delivered.number:
        return
    what = f"{work.title} has made this before, and was paid for it; its tracks are not kept here any more"
    raise CloudError(what, None, work.anew(delivered))


def _affordable(work: Work) -> float | None:
    """Minutes left before. Raises CloudError where they are too few."""
    service, takes = work.service, cost_text(work.offer, work.song.seconds)
    if service.minutes is None:
        work.note(f"{work.title}: this takes {takes}")
        return None
    left = work.line.insist(service.minutes, service.read_minutes, "the minutes left are not known", tries=3)
    rounding = work.offer.charged / 60
    if left + rounding < cost_minutes(work.offer, work.song.seconds):
        advice = service.codes.get("exceeded_duration")
        what = f"{work.title}: there are {minutes_text(left)} minutes left, and this takes {takes}"
        raise CloudError(what, None, advice.hint if advice else "")
    work.note(f"{work.title}: {minutes_text(left)} minutes left, this takes {takes}")
    return left


def started(work: Work, booking: Booking) -> Booking:
    """The booking with its task started. Raises CloudError."""
    if booking.state == STARTED:
        return booking
    if booking.doubts and not work.service.keyed:
        raise _in_doubt(work, booking, "the answer to an earlier order of this song was lost")
    booking, fresh = _with_source(work, booking)
    try:
        return _sent(work, booking)
    except Refused as refused:
        now = work.book.reread(booking)
        if now.doubts:
            raise _in_doubt(work, now, work.line.told(refused).what) from refused
        if fresh or refused.code in work.service.codes:
            raise work.line.told(refused) from refused
        _log.info("refused with a source of an earlier run: %s", refused)
        return _once_more(work, now)


def _once_more(work: Work, booking: Booking) -> Booking:
    """With a new source: the old one may be gone before its time. Nothing was started with it."""
    booking, _ = _with_source(work, work.book.renew(booking))
    try:
        return _sent(work, booking)
    except Refused as refused:
        now = work.book.reread(booking)
        raise (_in_doubt(work, now, str(refused)) if now.doubts else work.line.told(refused)) from refused


def _with_source(work: Work, booking: Booking) -> tuple[Booking, bool]:
    """The booking with a song at the service, and whether it was uploaded just now.

    While it is not known what became of an order, it stays with its source: with another it would be another order.
    """
    if work.service.upload is None or (booking.source_id and booking.doubts):
        return booking, True
    if booking.source_id and booking.source_until > work.line.clock.now() + _MARGIN_SECONDS:
        return booking, False
    if booking.source_id:
        booking = work.book.renew(booking)
    if booking.source_id or booking.state != OPEN:
        return booking, False  # another process was first
    return work.book.uploaded(booking, _upload(work)), True


def _upload(work: Work) -> Source:
    """Send the song; what the service says of it has to agree. Raises CloudError."""
    service, song = work.service, work.song
    if service.upload is None or service.read_upload is None:
        return Source("", 0.0)
    size, read = song.path.stat().st_size, service.read_upload
    if size > service.most_bytes:
        what = f"the song is {size / 1e9:.1f} GB, and {work.title} takes {service.most_bytes / 1e9:.0f} at most"
        raise CloudError(what, None, "Take a stretch of it with --time.")

    _log.info("%s: %d bytes go up as %s", work.title, size, song.path.name)
    return work.line.insist(
        service.upload(song.path),
        lambda answer: _agreeing(read(answer), size, song.seconds),
        "the song could not be uploaded",
        _UPLOADS,
    )


def _agreeing(source: Source, size: int, seconds: float) -> Source:
    """Raises ValueError where the service has not got what was sent: bytes, and seconds as it rounds them."""
    if source.bytes not in (None, size) or abs((source.seconds or seconds) - seconds) > _ROUNDING_SECONDS:
        raise ValueError(f"{source.bytes} bytes, {source.seconds} s came there instead of {size}, {seconds}")
    return source


def _sent(work: Work, booking: Booking) -> Booking:
    """Send the order until it is known that the task was started. Raises Refused, CloudError."""
    call = work.service.start(Ask(work.offer, work.song.path, booking.source_id, booking.id))
    problem = ""
    for pause in _SENT_AFTER_SECONDS:
        work.line.clock.sleep(pause)
        outcome = _tried(work, booking, call)
        if isinstance(outcome, Booking):
            return outcome
        problem = outcome
        if not work.service.keyed and work.book.reread(booking).doubts:
            break
    now = work.book.reread(booking)
    if now.doubts:
        raise _in_doubt(work, now, problem)
    raise CloudError(problem, None, "Nothing was paid. Try again later: the same command goes on.")


def _tried(work: Work, booking: Booking, call: Call) -> Booking | str:
    """Send the order once: the booking with its task, or why it may be sent again. Raises Refused, CloudError."""
    line, book = work.line, work.book
    now = book.sending(booking)
    if now.state == STARTED:
        return now
    if now.state != OPEN or (now.id, now.source_id) != (booking.id, booking.source_id):
        raise dealt_with()
    try:
        return _unbroken(lambda: book.started(booking, line.ask(call, work.service.read_start), line.clock.now()))
    except Unsent as error:
        book.not_started(booking)
        return str(error)
    except Unanswered as error:
        return str(error)
    except Refused as refused:
        if refused.used:
            return _found(work, booking)
        if refused.busy or not refused.passing:
            book.not_started(booking)
        if not refused.passing:
            raise
        return line.told(refused).what


def _unbroken(question: Callable[[], Booking]) -> Booking:
    """Its answer; where Ctrl-C comes first, the answer is waited for and written down all the same."""
    pool, answered = ThreadPoolExecutor(1), threading.Event()

    def ask() -> Booking:
        try:
            return question()
        finally:
            answered.set()

    try:
        return pool.submit(ask).result()
    except KeyboardInterrupt:
        answered.wait(_LAST_WORD_SECONDS)
        raise
    finally:
        pool.shutdown(wait=False)


def _found(work: Work, booking: Booking) -> Booking:
    """The task that was started with this key before, by a process beside us. Raises CloudError where no one knows."""
    for pause in PAUSES_SECONDS[:3]:
        now = work.book.reread(booking)
        if now.state == STARTED:
            return now
        work.line.clock.sleep(pause)
    what = f"{work.title} has started this task and charges it, but the answer that named it was lost"
    raise CloudError(f"{what}{_minutes(work, now)}", None, _look(work, now))


def _in_doubt(work: Work, booking: Booking, problem: str) -> CloudError:
    """It is not known whether the task was started; the same order, sent again, finds out and is not paid twice."""
    what = f"{problem}. Whether {work.title} has started the task is not known{_minutes(work, booking)}"
    if not work.service.keyed or booking.source_until < work.line.clock.now():
        return CloudError(what, None, _look(work, booking))
    again = "The same command asks again, and nothing is paid twice."
    return CloudError(what, None, f"{again} Should that go on: {_look(work, booking)}")


def _look(work: Work, booking: Booking) -> str:
    return f"Look for {work.song.path.name} on {work.service.key_page}. {work.anew(booking)}"


def _minutes(work: Work, booking: Booking) -> str:
    """What the account tells about it."""
    left = work.minutes_left()
    if left is None or booking.minutes_before is None:
        return ""
    before, after, cost = map(minutes_text, (booking.minutes_before, left, booking.cost_minutes))
    return f" (minutes left: {before} before, {after} now; it costs {cost})"
