"""Names that every file system takes: by rule on any text, and forty nasty ones through the command line."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from pathlib import Path
from typing import Any

import mutagen.flac
import pytest
import soundfile
from conftest import Stem, music
from hypothesis import example, given
from hypothesis import strategies as st

from stem_cli import stems, verify
from stem_cli.audio import FORMATS
from stem_cli.errors import UsageError
from stem_cli.folder import Place, find_folders, names

RATE = 8000
HASH = "1a2b3c4d"
FORBIDDEN = set('<>:"/\\|?*\x7f') | {chr(code) for code in range(32)}
DEVICES = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"} | {
    f"{port}{digit}" for port in ("COM", "LPT") for digit in "0123456789¹²³"
}

NASTY = (
    "plain",
    "with space  twice",
    " leading and trailing ",
    "🎧🔥 emoji 👩‍🚀",
    "quote ' single",
    'quote " double',
    "back`tick $HOME $(id) ;rm -rf &",
    "percent %s %d %% {braces} {0}",
    "--force",
    "-q",
    "..",
    "...",
    ".hidden",
    "trailing dot.",
    "..\\..\\windows",
    "colon: pipe| star* question? <angle>",
    "CON",
    "con.tar",
    "NUL",
    "COM1",
    "LPT9.foo",
    "aux .b",
    "new\nline",
    "tab\tand\rreturn",
    "bell\x07 escape\x1b[31m red",
    "delete\x7f",
    "Case Clash",
    "case clash",
    "CASE CLASH",
    unicodedata.normalize("NFC", "Beyoncé"),
    unicodedata.normalize("NFD", "Beyoncé"),
    "مرحبا بالعالم",
    "שלום",
    "日本語のタイトル",
    "mixed \u202eevil\u202c bidi",
    "zero\u200bwidth\ufeff",
    "line\u2028paragraph\u2029",
    "z" + "\u0301" * 60,
    "a" * 251,
    "é" * 125,
    "𝄞" * 62,
    "nonchar \uffff \ufdd0",
)
"""As file names on this disk; those below are no UTF-8 or too long for a name and come by bytes and by tags."""


def on_windows(name: str) -> bool:
    """The rules of Python 3.13's ntpath.isreserved, and no name at all."""
    device = name.partition(".")[0].rstrip(" ").upper()
    return bool(name) and name[-1] not in ". " and not FORBIDDEN & set(name) and device not in DEVICES


def on_macos(name: str) -> bool:
    """APFS takes what is UTF-8 without noncharacters; decomposed and composed names are one."""
    strange = any(ord(letter) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(letter) <= 0xFDEF for letter in name)
    return not strange and unicodedata.is_normalized("NFC", name) and not name.startswith(".")


def short(name: str) -> bool:
    """A name may have 255 bytes on Linux, 255 UTF-16 units elsewhere."""
    return len(name.encode()) <= 255 and len(name.encode("utf-16-le")) <= 510


TEXTS = st.text(st.characters(), max_size=400) | st.text(
    st.sampled_from(" ._%/:\\COMNUL1¹é\u0301\u0338=<\x00\ud800\uffff🎧‍𝄞"), max_size=200
)


@given(TEXTS)
@example("")
@example("...")
@example("\x00")
@example("\ud800")
@example("e\x00\u0301")
@example("CON .wav")
@example("conin$")
@example("con." + "x" * 200)
@example("\u0301" * 300)
@example("%" * 300)
def test_any_text_becomes_a_name_that_every_system_takes(text: str) -> None:
    name = names.safe(text)
    assert on_windows(name), name
    assert on_macos(name), name
    assert short(name), name


@given(TEXTS)
def test_a_safe_name_stays_as_it_is(text: str) -> None:
    name = names.safe(text)
    assert names.safe(name) == name


@given(TEXTS, st.integers(2, 130))
@example("CONSTANT", 3)
def test_a_name_is_never_longer_than_wanted_and_never_empty(text: str, units: int) -> None:
    name = names.safe(text, units)
    assert 0 < len(name.encode("utf-16-le")) <= 2 * units or name == "untitled"
    assert on_windows(name)


@given(TEXTS)
def test_names_stay_short_with_everything_we_put_behind_them(text: str) -> None:
    prefix = f"{names.safe(text)}_{HASH}"  # where another song of the same name lies there already
    place = Place(Path("stems"), prefix)
    known = (*stems.TABLE, *stems.COMPLEMENTS, *stems.ALIASES)
    files = [place.file_name(stem, form.suffix) for stem in known for form in FORMATS.values()]
    sibling = f".{place.label[:80]}.{HASH}.partial"
    for name in (*files, place.metadata.name, sibling):
        assert short(name), name


@given(st.dictionaries(st.sampled_from(("artist", "title", "album")), TEXTS, max_size=3))
def test_no_tag_leads_out_of_the_output_folder(tags: dict[str, str]) -> None:
    fields = {"artist": "", "title": "", "album": "", "hash8": HASH, **tags}
    path = names.from_template("{album}/{artist} - {title}_{hash8}", fields)
    assert len(path.parts) == 2
    assert path.name.endswith(f"_{HASH}")
    for part in path.parts:
        assert on_windows(part), part
        assert on_macos(part), part


@pytest.mark.parametrize(
    "letters", ["Ünïcödé", "日本語", "مرحبا", "🎧 Mix", "AC⁄DC", "Rock & Roll, Pt. 2 (live) [12'']"]
)
def test_letters_of_every_script_stay(letters: str) -> None:
    assert names.safe(letters) == letters


@pytest.mark.parametrize("template", ["", "/", "../..", " . / . "])
def test_a_template_that_gives_no_name_is_refused(template: str) -> None:
    with pytest.raises(UsageError, match="gives no name"):
        names.from_template(template, {})


def test_a_template_cannot_climb_out_of_the_folder() -> None:
    assert str(names.from_template("/../../{title}", {"title": "../../x"})) == "-..-x"


unix = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="only Linux takes any bytes as a file name")


def songs(folder: Path, file_names: list[str]) -> list[str]:
    """A song of its own for each name, each a fifth of a second long."""
    folder.mkdir()
    for number, name in enumerate(file_names):
        soundfile.write("one.wav", music(0.2, RATE, 1, seed=number), RATE, subtype="PCM_16", format="WAV")
        os.rename("one.wav", folder / name)  # noqa: PTH104 - soundfile refuses what is no UTF-8
    return [f"./{folder.name}/{name}" for name in file_names]


def made_of(printed: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed.splitlines()]


def whole(folder: Path) -> int:
    """How many folders of stems lie there; all are as they were written."""
    report = verify.verify(find_folders(folder))
    assert report.findings == ()
    return report.folders


def everything_below(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


@pytest.mark.slow
@unix
def test_forty_nasty_names_are_separated_into_names_that_every_system_takes(stem: Stem) -> None:
    nasty = [f"{name}.wav" for name in NASTY] + ["latin1 \udce9\udcff.wav", "\udcf0\udc9f.wav"]
    assert len(nasty) >= 40
    files = songs(Path("in"), nasty)
    for layout in ("folder", "flat"):
        done = stem("separate", *files, "--output", layout, "--layout", layout, "--json", "--progress", "off")
        results = made_of(done.stdout)
        assert {result["status"] for result in results} <= {"made", "cached"}
        written = {Path(path) for result in results for path in result["stems"].values()}
        assert len(written) == 4 * len(nasty)
        assert all(path.is_file() for path in written)
        below = everything_below(Path(layout))
        assert len(below) == (6 if layout == "folder" else 5) * len(nasty)
        for path in below:
            assert on_windows(path.name), path
            assert on_macos(path.name), path
            assert short(path.name), path
        assert whole(Path(layout)) == len(nasty)
    folders = {str(path).casefold() for path in Path("folder").iterdir()}
    assert len(folders) == len(nasty)  # no two of them are one on Windows or macOS


HOSTILE = (
    "../../etc/passwd",
    "/etc/passwd",
    "C:\\Windows\\System32",
    "a\x00b",
    "\x00",
    "..",
    "CON",
    "x" * 5000,
    "line\nfeed\x1b[2J",
    "{title}_{hash8}",
    "%(x)s",
    "",
    " ",
    "𝄞" * 300,
)


def test_tags_that_hold_paths_and_control_letters_stay_inside_the_output_folder(stem: Stem, tmp_path: Path) -> None:
    files = []
    for number, text in enumerate(HOSTILE):
        path = Path(f"{number}.flac")
        soundfile.write(path, music(0.2, RATE, 1, seed=number), RATE, subtype="PCM_16")
        tagged = mutagen.flac.FLAC(path)
        tagged["title"], tagged["artist"], tagged["album"] = text, text, text
        tagged.save()
        files.append(path)
    before = set(everything_below(tmp_path / "work"))
    template = "{album}/{artist} - {title}_{hash8}"
    done = stem("separate", *files, "--name-template", template, "--output", "out", "--json", "--progress", "off")
    assert {result["status"] for result in made_of(done.stdout)} == {"made"}
    new = set(everything_below(tmp_path / "work")) - before
    inside = {path for path in new if path.is_relative_to(tmp_path / "work" / "out")}
    assert new == inside
    assert len([path for path in inside if path.suffix == ".wav"]) == 4 * len(HOSTILE)
    for path in inside:
        assert on_windows(path.name), path
    assert whole(Path("out")) == len(HOSTILE)


def test_a_title_that_is_a_path_survives_in_the_tags_of_the_stems(stem: Stem) -> None:
    soundfile.write("song.flac", music(0.5, RATE, 1), RATE, subtype="PCM_16")
    tagged = mutagen.flac.FLAC("song.flac")
    tagged["title"] = "../../etc"
    tagged.save()
    done = stem("separate", "song.flac", "--format", "flac")
    title = mutagen.flac.FLAC(done.stdout.splitlines()[0])["title"][0]
    assert title.startswith("../../etc")


@unix
def test_the_same_song_under_composed_and_decomposed_names_is_one_song(stem: Stem) -> None:
    soundfile.write("plain.wav", music(0.5, RATE, 1), RATE, subtype="PCM_16")
    for form in ("NFC", "NFD"):
        Path(unicodedata.normalize(form, "Beyoncé.wav")).write_bytes(Path("plain.wav").read_bytes())
    files = [unicodedata.normalize(form, "Beyoncé.wav") for form in ("NFC", "NFD")]
    done = stem("separate", *files, "--json", "--progress", "off")
    assert [result["status"] for result in made_of(done.stdout)] == ["made", "there"]
    assert len(list(Path("stems").iterdir())) == 1


@pytest.mark.parametrize("length", [256, 300])
def test_a_name_longer_than_any_file_has_is_an_input_error(stem: Stem, length: int) -> None:
    done = stem("separate", "a" * length + ".wav", code=3)
    assert "cannot be read" in done.stderr or "no such file" in done.stderr
    assert done.stdout == ""


def test_an_output_path_longer_than_the_system_allows_is_an_output_error(stem: Stem, song: Path) -> None:
    done = stem("separate", song, "--output", "/".join(["d" * 200] * 30), code=5)
    assert "the path is too long" in done.stderr
    assert not list(Path.cwd().glob("d*"))
