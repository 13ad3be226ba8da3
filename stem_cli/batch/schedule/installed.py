"""A schedule that is installed, as it is found again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Installed:
    """One schedule. when: "at 03:00", "every 6h", or the scheduler's own words where a user changed them.

    place: the file it stands in, or "crontab". active: whether the scheduler will run it; None where it does not say.
    told: what else the scheduler says of it, such as its last result.
    """

    name: str
    kind: str
    when: str
    command: tuple[str, ...]
    place: str
    active: bool | None = None
    told: dict[str, str] = field(default_factory=dict)

    @property
    def problem(self) -> str:
        """Why it would not work, or ""."""
        program = next((word for word in self.command if word.startswith("/")), "")
        if not self.command:
            return f"no command of ours stands in {self.place}"
        if program and not Path(program).exists():
            return f"{program} is gone; install the schedule again"
        return "the scheduler does not run it; install it again" if self.active is False else ""
