"""Files for decks as tests make and damage them, and what two checkers say of them."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path, PurePosixPath

import soundfile
from conftest import SHARED, music

from stem_cli import tags
from stem_cli.cues import Cue, Prepared, Tempo
from stem_cli.dj.check import FAULT, check
from stem_cli.dj.rekordbox_xml import XmlTrack, by_stem_and_crate, document
from stem_cli.tags import Tags

FUZZED = 10_000
TOOL = SHARED / "tools" / "dj_check.py"


def faults(path: Path, *programs: str) -> set[str]:
    return {finding.rule for finding in check(path, programs) if finding.severity == FAULT}


def rules(path: Path, *programs: str) -> set[str]:
    return {finding.rule for finding in check(path, programs)}


def others_fail(paths: list[Path], *options: str) -> dict[Path, bool]:
    """What the other checker says of each, in one go; {} where it is absent."""
    if not TOOL.exists():
        return {}
    command = [sys.executable, TOOL, "auto", "--json", *options, *paths]
    told = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
    return {Path(one["file"]): not one["pass"] for one in told}


def wav(path: Path, rate: int = 44100, channels: int = 2, container: str = "WAV", subtype: str = "PCM_16",
        tagged: bool = True) -> Path:  # fmt: skip
    soundfile.write(path, music(0.1, rate, channels), rate, format=container, subtype=subtype)
    if tagged:
        tags.write(path, Tags(title="a"))
    return path


XML = b"".join(
    document(
        [
            XmlTrack(
                PurePosixPath("/Volumes/USB", f"Söng {number}.wav"),
                Tags(title="Söng", bpm=124.0),
                Prepared((Tempo(0.025, 124.0), Tempo(9.0, 125.0)), (Cue(1.0, "a", pad=0, colour="#010203"),
                         Cue(2.0, "b", "loop", 4.0)), "8A", 3, "#FF007F"),
            )
            for number in range(3)
        ],
        3,
        by_stem_and_crate([("Vocals", ("Gigs",)), ("Drums", ()), ("Bass", ("Gigs/Late",))]),
    )
)  # fmt: skip


def damaged(raw: bytes, chance: random.Random) -> bytes:
    data = bytearray(raw[: chance.choice((len(raw), chance.randrange(len(raw))))])
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(data) or 1)
        data[at : at + chance.choice((1, 1, 4))] = chance.choice(
            (b"\0", b"\xff", bytes([chance.randrange(256)]), b"\xff\xff\xff\xff", b"", b"<", b'"', b"&", b"9")
        )
    return bytes(data)


def snapshot(folder: Path) -> dict[str, tuple[int, str]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
