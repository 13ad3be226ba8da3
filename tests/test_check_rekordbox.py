"""rekordbox.xml: everything that is damaged is found, the other checker agrees."""

from __future__ import annotations

from pathlib import Path

import pytest
from decks import XML, faults, others_fail, rules, wav

from stem_cli.dj.check import check, shortened
from stem_cli.dj.rekordbox_xml import XmlTrack, document

EDITS: dict[str, tuple[str, str, str]] = {
    "cut": ("</DJ_PLAYLISTS>", "", "rb.xml"),
    "root": ("DJ_PLAYLISTS", "DJ_LISTS", "rb.root"),
    "version": ('Version="1.0.0"', 'Version="2"', "rb.version"),
    "entries": ('Entries="3"', 'Entries="4"', "rb.entries"),
    "no_collection": ("COLLECTION", "COLLECTED", "rb.missing"),
    "id": ('TrackID="2"', "", "rb.id"),
    "twice": ('TrackID="2"', 'TrackID="1"', "rb.twice"),
    "place_twice": ("%20%31", "%20%31", ""),
    "comma": ('AverageBpm="124.00"', 'AverageBpm="124,00"', "rb.value"),
    "bpm": ('AverageBpm="124.00"', 'AverageBpm="1240.00"', "rb.bpm"),
    "rating": ('Rating="153"', 'Rating="3"', "rb.value"),
    "colour": ('Colour="0xFF007F"', 'Colour="#FF007F"', "rb.value"),
    "place": ("file://localhost/", "file:///", "rb.location"),
    "slashes": ("file://localhost/", "file://localhost//", "rb.slashes"),
    "space": ("S%C3%B6ng%20", "S%C3%B6ng ", "rb.encoding"),
    "latin": ("%C3%B6", "%F6", "rb.encoding"),
    "umlaut": ("%C3%B6", "ö", "rb.encoding"),
    "backslash": ("file://localhost/Volumes/USB/", "file://localhost/C:%5C", "rb.backslash"),
    "no_place": ("Location=", "Remixer=", "rb.location"),
    "tempo": ('Bpm="124.00" Metro', 'Bpm="0.00" Metro', "rb.tempo"),
    "nan": ('Bpm="124.00" Metro', 'Bpm="NaN" Metro', "rb.tempo"),
    "backwards": ('Inizio="0.025"', 'Inizio="10.000"', "rb.tempo"),
    "beat": ('Battito="1"', 'Battito="5"', "rb.tempo"),
    "no_beat": ('Battito="1"', "", "rb.tempo"),
    "cue": ('Type="0" Start="1.000"', 'Type="7" Start="1.000"', "rb.cue"),
    "cue_start": ('Start="1.000"', 'Start="-1.000"', "rb.cue"),
    "pad": ('Num="0"', 'Num="8"', "rb.cue"),
    "loop": ('End="4.000"', 'End="1.000"', "rb.cue"),
    "red": ('Red="1"', 'Red="256"', "rb.cue"),
    "key": ('Key="1"', 'Key="33"', "rb.keys"),
    "key_type": ('KeyType="0"', 'KeyType="2"', "rb.keys"),
    "count": ('Name="Stems" Count="4"', 'Name="Stems" Count="5"', "rb.count"),
    "list": ('Entries="1"', 'Entries="2"', "rb.count"),
    "node": ('Name="Vocals" Type="1"', 'Name="Vocals" Type="5"', "rb.node"),
    "nameless": ('Name="Vocals" Type="1"', 'Name="" Type="1"', "rb.node"),
    "playlists": ('Name="ROOT"', 'Name="TOP"', "rb.playlists"),
    "entities": ("<DJ_PLAYLISTS", '<!DOCTYPE a [<!ENTITY b "c">]><DJ_PLAYLISTS', "rb.doctype"),
}


def test_every_damage_to_a_rekordbox_xml_is_found(tmp_path: Path) -> None:
    expected = {}
    for name, (old, new, rule) in EDITS.items():
        text = XML.decode()
        assert not rule or old in text, name
        (tmp_path / f"{name}.xml").write_text(text.replace(old, new), "utf-8")
        expected[tmp_path / f"{name}.xml"] = rule
    found = {path.name: faults(path) for path in expected}
    wrong = {path.name: found[path.name] for path, rule in expected.items() if bool(rule) != bool(found[path.name])
             or (rule and rule not in found[path.name])}  # fmt: skip
    assert wrong == {}
    for path, failed in others_fail(list(expected), "--no-files").items():
        assert not failed or expected[path], f"the other checker refuses {path.name}"


def test_files_of_a_rekordbox_xml_that_are_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(XML)
    assert faults(path) == set()
    findings = list(check(path, drive=tmp_path))
    assert [one.rule for one in findings] == ["rb.file"] * 3
    assert [one.what for one in shortened(findings, 1)][-1] == "and the same 2 more times"


def test_playlists_that_stand_before_the_collection(tmp_path: Path) -> None:
    text = XML.decode()
    collection = text[text.index("  <COLLECTION") : text.index("  <PLAYLISTS")]
    turned = text.replace(collection, "").replace("</DJ_PLAYLISTS>", f"{collection}</DJ_PLAYLISTS>")
    (tmp_path / "a.xml").write_text(turned, "utf-8")
    assert rules(tmp_path / "a.xml") == {"rb.order"}
    (tmp_path / "a.xml").write_text(turned.replace('Key="3"', 'Key="9"'), "utf-8")
    assert faults(tmp_path / "a.xml") == {"rb.keys"}


@pytest.mark.parametrize(
    ("text", "told"), [("8A", False), ("1m", False), ("F#m", False), ("A minor", True), ("?", True)]
)
def test_how_keys_are_written(tmp_path: Path, text: str, told: bool) -> None:
    (tmp_path / "a.xml").write_bytes(XML.replace(b'Tonality="8A"', f'Tonality="{text}"'.encode()))
    assert rules(tmp_path / "a.xml") == ({"rb.tonality"} if told else set())


def test_two_lists_of_one_name(tmp_path: Path) -> None:
    text = XML.decode().replace('Name="Drums" Type="1"', 'Name="Vocals" Type="1"')
    (tmp_path / "a.xml").write_text(text, "utf-8")
    assert rules(tmp_path / "a.xml") == {"rb.same"}


def test_files_that_are_not_as_the_list_says(tmp_path: Path) -> None:
    song = wav(tmp_path / "a.wav")
    lines = document([XmlTrack(song, seconds=9, rate=48000)], 1, ())
    (tmp_path / "a.xml").write_bytes(b"".join(lines))
    assert {one.rule for one in check(tmp_path / "a.xml", drive=tmp_path)} == {"rb.time", "rb.rate"}
    assert rules(tmp_path / "a.xml") == set()
