"""Live sets: stems as a project that Ableton Live 11 and 12 open, in time from the first bar to the last.

`song` finds stems, `plan` names files, `warp` and `arrange` decide where beats lie, `content` puts both together,
`project` writes, `told` says what, `left_out` what not. The set is built, member by member: `live_set`, `track`,
`master`, `mixer`, `clip`, `xml`.
"""

from stem_cli.ableton.arrange import ARRANGEMENTS
from stem_cli.ableton.clip import WARPS
from stem_cli.ableton.content import key_name
from stem_cli.ableton.left_out import LeftOut, gaps
from stem_cli.ableton.plan import How, Plan, plan
from stem_cli.ableton.project import Done, carry_out, foretold
from stem_cli.ableton.song import FASTEST_BPM, SLOWEST_BPM, Song, Stems, find_stems
from stem_cli.ableton.told import as_dict, lines

__all__ = [
    "ARRANGEMENTS",
    "FASTEST_BPM",
    "SLOWEST_BPM",
    "WARPS",
    "Done",
    "How",
    "LeftOut",
    "Plan",
    "Song",
    "Stems",
    "as_dict",
    "carry_out",
    "find_stems",
    "foretold",
    "gaps",
    "key_name",
    "lines",
    "plan",
]
