"""What the stems of a UVR model are called: its yaml's "instruments" by our names."""

from __future__ import annotations

from collections.abc import Sequence

from stem_cli import stems as table

_THEIRS = {
    "vocal": "vocals",
    "voice": "vocals",
    "acapella": "vocals",
    "inst": "instrumental",
    "instrument": "instrumental",
    "no_vocals": "instrumental",
    "drum": "drums",
    "kick_drum": "kick",
    "snare_drum": "snare",
    "tom": "toms",
    "hh": "hats",
    "hihat": "hats",
    "hi_hat": "hats",
    "hi_hats": "hats",
    "cymbal": "cymbals",
    "lead": "lead_vocals",
    "lead_vocal": "lead_vocals",
    "karaoke": "lead_vocals",
    "back": "backing_vocals",
    "back_vocals": "backing_vocals",
    "backing": "backing_vocals",
    "backing_vocal": "backing_vocals",
}
"""Their words in lower case, beside those that are ours. A karaoke model's "karaoke" is the lead voice."""
_PAIR = 2


def ours(instrument: str) -> str | None:
    """Our name of an instrument, None where we have none.

    >>> [ours(word) for word in ("Vocals", "No Drums", "Inst", "kazoo")]
    ['vocals', 'no_drums', 'instrumental', None]
    """
    word = instrument.strip().lower().replace(" ", "_").replace("-", "_")
    word = _THEIRS.get(word, word)
    return word if word in table.TABLE or word in table.COMPLEMENTS else None


def stems_of(instruments: Sequence[str], target: str | None) -> tuple[str | None, ...]:
    """What the network makes, in its order: the target, or all instruments; None is a name that we do not know.

    One of two instruments that is called "other" is what the first leaves of the song.

    >>> stems_of(["vocals", "other"], None), stems_of(["Vocals", "Other"], "Other")
    (('vocals', 'instrumental'), ('instrumental',))
    """
    found = [ours(instrument) for instrument in instruments]
    if len(found) == _PAIR and table.REMAINDER in found:
        place = found.index(table.REMAINDER)
        first = found[1 - place]
        if first in table.TABLE:
            found[place] = table.TABLE[first].without
    if target is None:
        return tuple(found)
    named = dict(zip(instruments, found, strict=True))
    return (named.get(target, ours(target)),)


def rest_of(makes: Sequence[str]) -> str | None:
    """The stem that is the song without what the network makes; None where that is everything.

    >>> rest_of(["vocals"]), rest_of(["instrumental"]), rest_of(["vocals", "instrumental"]), rest_of(["drums", "bass"])
    ('instrumental', 'vocals', None, 'other')
    >>> rest_of(["kick", "snare", "hats"])
    """
    if len(makes) == 1:
        (only,) = makes
        return table.COMPLEMENTS.get(only) or table.TABLE[only].without
    if any(set(makes) <= set(parts) for parts in table.PARTS.values()):
        return None  # all the parts of one stem
    whole = table.REMAINDER in makes or any(table.COMPLEMENTS.get(name) in makes for name in makes)
    return None if whole else table.REMAINDER


def told(makes: Sequence[str]) -> tuple[str, ...]:
    """All that comes of a song, in the order of the table of stems."""
    rest = rest_of(makes)
    return table.ordered((*makes, *([rest] if rest else [])))
