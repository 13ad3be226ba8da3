"""One song on its way through a service: what belongs to it, what it costs, and what a user is told to do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stem_cli.engines.cloud import shelf
from stem_cli.engines.cloud.booking import Book, Booking
from stem_cli.engines.cloud.line import Line, Refused, Unanswered, Unsent
from stem_cli.engines.cloud.service import Offer, Service
from stem_cli.engines.cloud.song import Song

PAY_AGAIN = "STEM_PAY_AGAIN"
"""The variable that names a booking whose task may be paid a second time; nothing else makes that happen."""


@dataclass(frozen=True)
class Work:
    """A song, what is ordered, where it is written down and where tracks lie. pay_again: a booking that is given up."""

    line: Line
    book: Book
    offer: Offer
    song: Song
    data_dir: Path
    note: Callable[[str], None]
    pay_again: str = ""

    @property
    def service(self) -> Service:
        """Who does it."""
        return self.line.service

    @property
    def title(self) -> str:
        """The service's name, for messages."""
        return self.line.service.title

    @property
    def hours(self) -> str:
        """How long the service keeps songs and results."""
        return f"{self.service.lifetime_seconds / 3600:.0f} hours"

    def folder(self, booking: Booking) -> Path:
        """Where the tracks of a booking lie."""
        return shelf.folder_of(self.data_dir, booking.id)

    def over(self, booking: Booking) -> bool:
        """Whether the results of a booking are gone by now."""
        return 0 < booking.started < self.line.clock.now() - self.service.lifetime_seconds

    def goes_on(self, booking: Booking) -> str:
        """What to do where a task was started and its tracks are not here yet."""
        if self.over(booking):
            return f"Its results were kept for {self.hours} and are gone. {self.anew(booking)}"
        return f"The task goes on there and is not paid twice: the same command takes it up again, within {self.hours}."

    def anew(self, booking: Booking) -> str:
        """How to have a task made and paid for a second time."""
        return f"To have it made anew, and pay again, set {PAY_AGAIN}={booking.number} and type the same command."

    def minutes_left(self) -> float | None:
        """Minutes left on the account, where the service says so at once."""
        if self.service.minutes is None:
            return None
        with suppress(Unsent, Unanswered, Refused):
            return self.line.ask(self.service.minutes, self.service.read_minutes)
        return None


def cost_minutes(offer: Offer, seconds: float) -> float:
    """Minutes that a song of so many seconds takes."""
    return offer.charged * seconds / 60


def cost_text(offer: Offer, seconds: float) -> str:
    """The same in words: `12.4 minutes (4:08 x 3)`."""
    whole = round(seconds)
    return f"{minutes_text(cost_minutes(offer, seconds))} minutes ({whole // 60}:{whole % 60:02} x {offer.charged})"


def minutes_text(minutes: float) -> str:
    """With a digit more where there are few."""
    return f"{minutes:.1f}" if minutes >= 1 else f"{minutes:.2f}"
