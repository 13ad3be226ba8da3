"""How a separation is told on stderr: a bar on a terminal, plain lines elsewhere, JSON lines for programs."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from stem_cli.track import Track

STYLES = ("auto", "bar", "plain", "json", "off")
_PLAIN_SECONDS = 10.0
_OUTCOMES = {"cached": "taken from the cache", "there": "its stems are there already"}
_JSON_SECONDS = 0.5


class Progress:
    """Held open over one song. The shape every style has: begin, advance, note, end."""

    def __init__(self) -> None:
        self.track: Track | None = None
        self.frames, self.done, self._started, self._shown = 1, 0, 0.0, 0.0

    def begin(self, track: Track, engine: str, why: str, frames: int) -> None:
        """Work on a song begins."""
        self.track, self.frames, self.done = track, max(1, frames), 0
        self._started = self._shown = time.monotonic()
        self.show_begin(engine, why)

    def advance(self, frames: int) -> None:
        """So many more frames are separated."""
        self.done += frames
        self.show()

    def note(self, text: str) -> None:
        """Something the user should know."""
        sys.stderr.write(f"stem: {text}\n")

    def fault(self, text: str) -> None:
        """A song failed, and others come."""
        self.note(text)

    def outcome(self, name: str, status: str, engine: str) -> None:
        """How a song came to its stems, where no work was needed. engine: the id of what once made them."""
        if status in _OUTCOMES:
            by = " ".join(engine.split("/")[:2])
            sys.stderr.write(f"stem: {name}: {_OUTCOMES[status]} (made by {by})\n")

    def end(self) -> None:
        """Nothing more will come for this song."""

    def show_begin(self, engine: str, why: str) -> None:
        """Say that work begins."""

    def show(self) -> None:
        """Say how far it is."""

    @property
    def share(self) -> float:
        """How much is done, 0 to 1."""
        return min(1.0, self.done / self.frames)

    @property
    def times_real_time(self) -> float:
        """Seconds of song a second."""
        spent = time.monotonic() - self._started
        return self.done / self.track.rate / spent if self.track and spent > 0 else 0.0

    @property
    def seconds_left(self) -> float:
        """As things go now."""
        speed = self.times_real_time
        return (self.frames - self.done) / self.track.rate / speed if self.track and speed else 0.0

    def due(self, seconds: float) -> bool:
        """Whether so many seconds have gone since this was last true."""
        if time.monotonic() - self._shown < seconds:
            return False
        self._shown = time.monotonic()
        return True


class Off(Progress):
    """Nothing at all."""

    def note(self, text: str) -> None:
        """Ignore."""

    def outcome(self, name: str, status: str, engine: str) -> None:
        """Ignore."""

    def fault(self, text: str) -> None:
        """Who wants to hear nothing wants to hear this."""
        super().note(text)


class Plain(Progress):
    """A line when work begins and every ten seconds."""

    def show_begin(self, engine: str, why: str) -> None:
        """Name the song and the engine."""
        sys.stderr.write(f"{_name(self.track)}: separating with {engine} ({why})\n")

    def show(self) -> None:
        """Per cent, speed and time left."""
        if self.due(_PLAIN_SECONDS):
            sys.stderr.write(
                f"{_name(self.track)}: {self.share:.0%}, {self.times_real_time:.1f}x real time,"
                f" {self.seconds_left:.0f} s left\n"
            )


class Json(Progress):
    """One JSON object a line."""

    def show_begin(self, engine: str, why: str) -> None:
        """The event "begin"."""
        self._say(
            event="begin", engine=engine, why=why, seconds=round(self.frames / self.track.rate, 3) if self.track else 0
        )

    def show(self) -> None:
        """The event "progress", twice a second."""
        if self.due(_JSON_SECONDS) or self.share == 1:
            self._say(
                event="progress",
                share=round(self.share, 4),
                times_real_time=round(self.times_real_time, 2),
                seconds_left=round(self.seconds_left, 1),
            )

    def note(self, text: str) -> None:
        """The event "note"."""
        self._say(event="note", text=text)

    def outcome(self, name: str, status: str, engine: str) -> None:
        """The result tells it."""

    def end(self) -> None:
        """The event "end", once a song that was begun."""
        if self.track is not None:
            self._say(event="end")
            self.track = None

    def _say(self, **values: Any) -> None:
        path = str(self.track.path) if self.track else None
        sys.stderr.write(json.dumps({**values, "file": path}, ensure_ascii=True) + "\n")
        sys.stderr.flush()


class Bar(Progress):
    """A Rich bar with speed and time left."""

    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn
        from rich.progress import Progress as Rich

        self._rich = Rich(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[speed]}"),
            console=Console(file=sys.stderr),
            transient=True,
            refresh_per_second=4,
        )
        self._task: Any = None

    def show_begin(self, engine: str, why: str) -> None:  # noqa: ARG002 - the reason stands in `--explain` and in the result
        """Show the bar."""
        from rich.markup import escape

        self._rich.start()
        self._task = self._rich.add_task(escape(f"{_name(self.track)} · {engine}"), total=self.frames, speed="")

    def show(self) -> None:
        """Move the bar."""
        speed = f"{self.times_real_time:.1f}x real time, {self.seconds_left:.0f} s left"
        self._rich.update(self._task, completed=self.done, speed=speed)

    def note(self, text: str) -> None:
        """A line above the bar."""
        self._rich.console.print(f"stem: {text}", markup=False, highlight=False)

    def end(self) -> None:
        """Take the bar away."""
        if self._task is not None:
            self._rich.stop()
            self._rich.remove_task(self._task)
            self._task = None


def _name(track: Track | None) -> str:
    return track.path.name if track else ""


def progress(style: str, quiet: bool) -> Progress:
    """The style a user wants; "auto" is a bar on a terminal and plain lines elsewhere."""
    if quiet or style == "off":
        return Off()
    if style == "auto":
        style = "bar" if sys.stderr.isatty() else "plain"
    return {"bar": Bar, "plain": Plain, "json": Json}[style]()
