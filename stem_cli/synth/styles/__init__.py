"""The table of styles: what each kind of music plays in each part of its songs. Composing walks this table."""

from stem_cli.errors import UsageError
from stem_cli.synth.styles.band import BALLAD, ROCK, SEVEN, WALTZ
from stem_cli.synth.styles.breaks import DNB, HIPHOP, TRAP
from stem_cli.synth.styles.club import CHANGE, HOUSE, SYNCOPATED, TECHNO
from stem_cli.synth.styles.style import Scene, Style

__all__ = ["STYLES", "Scene", "Style", "find"]

STYLES: dict[str, Style] = {
    style.name: style for style in (HOUSE, TECHNO, DNB, HIPHOP, TRAP, SYNCOPATED, ROCK, WALTZ, SEVEN, BALLAD, CHANGE)
}
"""Every style by its name."""


def find(name: str) -> Style:
    """The style of that name."""
    if name not in STYLES:
        raise UsageError(f'there is no style "{name}"', hint=f"Choose one of: {', '.join(STYLES)}.")
    return STYLES[name]
