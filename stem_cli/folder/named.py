"""What the name of a file says of a stem, as other tools write it: which one it is, and of which song."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stem_cli import stems

_THEIRS = {
    "vocal": "vocals",
    "voice": "vocals",
    "acapella": "vocals",
    "drum": "drums",
    "percussion": "drums",
    "inst": "instrumental",
    "accompaniment": "instrumental",
    "no vocals": "instrumental",
    "minus vocals": "instrumental",
    "karaoke": "instrumental",
    "guitars": "guitar",
    "keys": "piano",
    "others": "other",
    "melody": "other",
    "instruments": "other",
    "hihat": "hats",
    "hi hat": "hats",
    "lead": "lead_vocals",
    "backing": "backing_vocals",
    "back vocals": "backing_vocals",
}
WORDS = {name.replace("_", " "): name for name in (*stems.TABLE, *stems.COMPLEMENTS)} | _THEIRS
"""Our own names and those of other tools (Spleeter, UVR, LALAL.AI, Serato, VirtualDJ), parted by blanks."""

_LONGEST_FIRST = sorted(WORDS, key=len, reverse=True)
_WORD = f"(?P<word>{'|'.join(word.replace(' ', '[ _-]?') for word in _LONGEST_FIRST)})"
_KINDS = {word.replace(" ", ""): WORDS[word] for word in WORDS}
_BARE = rf"(?:[0-9]+[ _.-]+)?{_WORD}(?P<song>)(?P<rest>)"
_ROUND = rf"(?P<song>.+)_\({_WORD}\)(?P<rest>.*)"
_BRACKETS = rf"(?P<song>.+?) *[(\[] *{_WORD} *[)\]](?P<rest>.*)"
_PARTED = rf"(?P<song>.+?)(?: - |[ _-]){_WORD}(?P<rest>(?:_split_by_.*|-.*)?)"
_FIRST = rf"{_WORD}(?P<rest>)(?: - |[_-])(?P<song>.+)"
_FORMS = tuple(
    (re.compile(form, re.IGNORECASE | re.DOTALL), sure)
    for form, sure in (
        (_BARE, True),  # Demucs, Spleeter: SONG/vocals.wav
        (_ROUND, True),  # UVR, audio-separator: 1_Song_(Vocals)_model.wav
        (_BRACKETS, False),  # Song (Vocals).wav, Song [vocals].mp3
        (_PARTED, False),  # LALAL.AI: Song_vocals_split_by_lalalai.mp3; Moises: Song-vocals-Am-120bpm.wav; Song_Vocals
        (_FIRST, False),  # vocals_Song.wav
    )
)
_NUMBER = re.compile(r"[0-9]+_(?=.)")


@dataclass(frozen=True)
class Named:
    """song: "" where only the folder says it. kind: a stem or a complement.

    mark: what the stems of one separation have in common beside the song: its number in a batch, the name of a model.
    sure: whether no song would be called so.
    """

    song: str
    kind: str
    mark: str
    sure: bool


def named(text: str) -> Named | None:
    """What a name without its ending says; None where it speaks of no stem.

    >>> named("1_Ann - Song_(Vocals)_model_x")
    Named(song='Ann - Song', kind='vocals', mark='1__model_x', sure=True)
    >>> named("no_vocals").kind, named("Song [drums]").song, named("Bass_no_vocals_split_by_lalalai").song
    ('instrumental', 'Song', 'Bass')
    """
    for form, sure in _FORMS:
        found = form.fullmatch(text)
        if found:
            number = _NUMBER.match(found["song"]) if sure else None
            song = found["song"][number.end() if number else 0 :].strip(" _-")
            kind = _KINDS[re.sub("[ _-]", "", found["word"].lower())]
            return Named(song, kind, f"{number[0] if number else ''}{found['rest']}", sure)
    return None
