"""Songs made here: composed and played by arithmetic, with the truth about them.

::

    song = compose(style="house", seed=1, seconds=40)   # a score: tempo, beats, key, chords, every hit and note
    stems = render(song)                                # vocals, drums, bass, other: float32 [2, frames] at 44.1 kHz
    song.to_dict()                                      # the score for JSON

Only numpy is needed and nothing is downloaded. The same arguments give the same song and the same samples.
A new style is a row of :data:`stem_cli.synth.styles.STYLES`; ``scripts/songs_with_truth.py`` writes a song of any style
to files.
"""

from stem_cli.synth.compose import compose
from stem_cli.synth.demo import demo_song, pcm16
from stem_cli.synth.render import mix, render
from stem_cli.synth.song import Chord, Hit, Note, Section, Song, Tempo
from stem_cli.synth.styles import STYLES

__all__ = [
    "STYLES",
    "Chord",
    "Hit",
    "Note",
    "Section",
    "Song",
    "Tempo",
    "compose",
    "demo_song",
    "mix",
    "pcm16",
    "render",
]
