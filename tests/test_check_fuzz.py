"""Whatever bytes a file for decks holds, the check ends with findings."""

from __future__ import annotations

import io
import random
from pathlib import Path, PurePosixPath

from decks import FUZZED, XML, damaged, wav

from stem_cli.dj.check import check, crate, m3u, rekordbox
from stem_cli.dj.serato_crate import crate as made_crate


def test_ten_thousand_damaged_files_give_findings(quick_folder: Path) -> None:
    chance = random.Random(1)
    one = made_crate(["Stems/a.wav", "Stems/b.wav"])
    header = wav(quick_folder / "a.wav").read_bytes()
    target = quick_folder / "b.wav"
    for round_ in range(FUZZED):
        list(rekordbox.judge(io.BytesIO(damaged(XML, chance))))
        list(crate.judge(damaged(one, chance), PurePosixPath("a.crate")))
        list(m3u.judge(damaged(b"#EXTM3U\n#EXTINF:1,a\nb.wav\n", chance), ".m3u8"))
        if round_ % 4 == 0:
            target.write_bytes(damaged(header[:60], chance) + header[-300:])
            list(check(target))
