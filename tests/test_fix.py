"""`stem check --fix`: files and folders mended on a copy, which passes the check and the other checker."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import SHARED, Stem
from decks import XML, faults, others_fail, rules, snapshot, wav

from stem_cli import tags
from stem_cli.dj import atoms
from stem_cli.dj.ni_stem import BOX, metadata, write_stem
from stem_cli.dj.ni_stem_reader import read_stem
from stem_cli.dj.repair.crate import repaired as fixed_crate
from stem_cli.dj.repair.m3u import repaired as fixed_m3u
from stem_cli.dj.repair.rekordbox import repair_rekordbox
from stem_cli.dj.repair.stem import repair_stem
from stem_cli.dj.serato_crate import Field, parse, paths_of, to_bytes
from stem_cli.dj.serato_crate import crate as made_crate
from stem_cli.errors import InputError
from stem_cli.tags import Tags

DAMAGED = SHARED / "data" / "dj" / "damaged"
NOTHING_TO_MEND = ("truncated.crate",)


@pytest.mark.shared
@pytest.mark.skipif(not DAMAGED.is_dir(), reason="the project's shared files are not here")
def test_every_damaged_file_is_mended_or_told(stem: Stem) -> None:
    before = snapshot(DAMAGED)
    for path in sorted(DAMAGED.iterdir()):
        done = stem("check", path, "--fix", "mended", code=9 if path.name in NOTHING_TO_MEND else 0)
        assert ("still a fault" in done.stdout) == (path.name in NOTHING_TO_MEND)
    mended = sorted(Path("mended").iterdir())
    assert len(mended) == len(before) - len(NOTHING_TO_MEND)
    assert [path.name for path in mended if faults(path)] == []
    assert [path.name for path, failed in others_fail(mended, "--no-files").items() if failed] == []
    assert snapshot(DAMAGED) == before


def test_what_a_crate_is_mended_to() -> None:
    wanted = [
        (["/Users/dj/x.wav"], ["Users/dj/x.wav"]),
        (["C:\\Music\\x.wav", "C:/Music/y.wav"], ["Music/x.wav", "Music/y.wav"]),
        (["/Volumes/USB/a.wav", "/Volumes/USB/b.wav"], ["a.wav", "b.wav"]),
        (["/media/dj/STICK/a.wav"], ["a.wav"]),
        (["a\\b.wav"], ["a/b.wav"]),
    ]
    for old, new in wanted:
        assert paths_of(fixed_crate(made_crate(old))) == tuple(new)
    whole = made_crate(["Stems/ä.wav"])
    assert fixed_crate(whole) == whole
    assert fixed_crate(to_bytes(as_little(whole))) == whole
    with pytest.raises(ValueError, match="several drives"):
        fixed_crate(made_crate(["C:/a.wav", "D:/b.wav"]))


def as_little(raw: bytes) -> list[Field]:
    """A crate whose text has the lowest byte first."""

    def turned(field: Field) -> Field:
        if field.tag[0] == "o":
            return Field(field.tag, to_bytes(map(turned, parse(field.body))))
        text = field.body.decode("utf-16-be").encode("utf-16-le") if field.tag[0] in "vtp" else field.body
        return Field(field.tag, text)

    return [turned(field) for field in parse(raw)]


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("\ufeff#EXTM3U\r\na.wav\r\n".encode(), "#EXTM3U\na.wav\n"),
        ("ä.wav\n".encode("cp1252"), "#EXTM3U\nä.wav\n"),
        ("#EXTM3U\nä.wav\n".encode("utf-16"), "#EXTM3U\nä.wav\n"),
        (b"#EXTM3U\n#EXTINF:1,A\\B\n..\\Stems\\a.wav\n", "#EXTM3U\n#EXTINF:1,A\\B\n../Stems/a.wav\n"),
        (b"#EXTM3U\nfile:///C:/M%C3%BC/a.wav\nhttp://a/b.mp3\n", "#EXTM3U\nC:/Mü/a.wav\nhttp://a/b.mp3\n"),
    ],
)
def test_what_a_playlist_is_mended_to(raw: bytes, wanted: str) -> None:
    assert fixed_m3u(raw).decode() == wanted
    assert fixed_m3u(wanted.encode()).decode() == wanted


def mended_xml(path: Path, text: str) -> str:
    path.write_text(text, "utf-8")
    out = io.BytesIO()
    repair_rekordbox(path, out)
    path.write_bytes(out.getvalue())
    return out.getvalue().decode()


EDITS = [
    ('Entries="3"', 'Entries="4"', ""),
    ('TrackID="2"', "", 'TrackID="2"'),
    ('AverageBpm="124.00"', 'AverageBpm="124,0"', ""),
    ('AverageBpm="124.00"', 'AverageBpm="124"', ""),
    ('Rating="153"', 'Rating="3"', ""),
    ('Colour="0xFF007F"', 'Colour="#FF007F"', ""),
    ('Tonality="8A"', 'Tonality="A minor"', 'Tonality="Am"'),
    ("file://localhost/", "file:///", ""),
    ("file://localhost/", "file://localhost//", ""),
    ("S%C3%B6ng%20", "Söng ", ""),
    ('Bpm="124.00" Metro', 'Bpm="124,00" Metro', ""),
    ('Start="1.000"', 'Start="1,000"', ""),
    ('End="4.000"', 'End="4,000"', ""),
    ('Count="4"', 'Count="9"', ""),
    ('Name="Vocals" Type="1" KeyType="0" Entries="1"', 'Name="Vocals" Type="1" KeyType="0" Entries="7"', ""),
    (' Company=""', "", ""),
    ('<?xml version="1.0" encoding="UTF-8"?>\n', "", ""),
]


@pytest.mark.parametrize(("whole", "broken", "wanted"), EDITS, ids=[one[1][:30] for one in EDITS])
def test_what_a_rekordbox_xml_is_mended_to(tmp_path: Path, whole: str, broken: str, wanted: str) -> None:
    path, text = tmp_path / "a.xml", XML.decode()
    good = mended_xml(path, text)
    assert ElementTree.tostring(ElementTree.fromstring(good)) == ElementTree.tostring(ElementTree.fromstring(text))
    assert whole in text
    told = mended_xml(path, text.replace(whole, broken))
    assert told == good or wanted in told
    assert rules(path) == set()
    assert not any(others_fail([path], "--no-files").values())


def test_entries_that_name_no_track_are_left_out_and_places_follow(tmp_path: Path) -> None:
    path, text = tmp_path / "a.xml", XML.decode()
    told = mended_xml(path, text.replace('<TRACK Key="2"/>', '<TRACK Key="33"><X/></TRACK>'))
    assert "33" not in told
    assert "<X" not in told
    assert rules(path) == set()
    first = text.index("file://localhost/Volumes")
    place = text[first : text.index('"', first)]
    keyed = text.replace('KeyType="0" Entries="1"', 'KeyType="1" Entries="1"', 1).replace(
        'Key="1"', f'Key="{place}"', 1
    )
    told = mended_xml(path, keyed.replace("file://localhost/", "file://localhost//"))
    assert f'Key="{place}"' in told
    assert rules(path) == set()


def test_what_is_no_rekordbox_file_is_not_mended(tmp_path: Path) -> None:
    for text in ("<NML/>", XML.decode()[:-30], "<!DOCTYPE a><DJ_PLAYLISTS/>", ""):
        with pytest.raises(InputError):
            mended_xml(tmp_path / "a.xml", text)


@pytest.fixture(scope="module")
def whole_stem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stems")
    names = ("drums", "bass", "other", "vocals")
    write_stem(folder / "a.stem.mp4", {name: wav(folder / f"{name}.wav") for name in names}, Tags(title="a"))
    return folder / "a.stem.mp4"


def told(**changes: object) -> bytes:
    return json.dumps(json.loads(metadata()) | changes).encode()


@pytest.mark.parametrize(
    ("payload", "fixed"),
    [
        (told(version="1.0"), True),
        (told(version=True), True),
        (told(mastering_dsp=None), True),
        (told(mastering_dsp={"compressor": {"enabled": True, "ratio": 2}, "limiter": 3}), True),
        (told(stems=[{"name": name, "color": "red"} for name in ("A", "B", "C", "D")]), True),
        (told(stems=[{"name": name, "color": "#000000"} for name in ("Vocals", "Drums", "Bass", "Other")]), False),
        (told(stems=[]), False),
        (b"{", False),
    ],
)
def test_what_the_box_of_a_stem_file_is_mended_to(
    stem: Stem, whole_stem: Path, tmp_path: Path, payload: bytes, fixed: bool
) -> None:
    path = tmp_path / "a.stem.mp4"
    atoms.front_with(whole_stem, path, BOX, payload)
    done = stem("check", path, "--fix", "mended", "--json", code=0 if fixed else 9)
    assert bool(json.loads(done.stdout)["left"]) != fixed
    if fixed:
        new = Path("mended/a.stem.mp4")
        assert tags.read(new) == tags.read(whole_stem)
        assert not any(others_fail([new]).values())
        assert not [block["enabled"] for block in read_stem(new).told["mastering_dsp"].values() if block["enabled"]]


def test_which_track_plays_is_mended(whole_stem: Path, tmp_path: Path) -> None:
    raw = bytearray(whole_stem.read_bytes())
    for number, found in enumerate(re.finditer(b"tkhd", bytes(raw))):
        raw[found.start() + 7] = 2 if number == 0 else 3
    path = tmp_path / "a.stem.mp4"
    path.write_bytes(raw)
    assert faults(path) == {"stem.enabled.song", "stem.enabled.stems"}
    repair_stem(path, tmp_path / "b.stem.mp4")
    assert rules(tmp_path / "b.stem.mp4") == set()
    sounds = [whole_stem.read_bytes(), (tmp_path / "b.stem.mp4").read_bytes()]
    assert len({one[one.index(b"mdat") :] for one in sounds}) == 1
