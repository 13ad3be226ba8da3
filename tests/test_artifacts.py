"""Every stem made is an artifact: of a kind, from a song, usable as a song itself; and the typed interface to it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import Stem, music
from workshop import files, integers, opened, run, total

from stem_cli import artifacts, engines, stems
from stem_cli.engines import Missing
from stem_cli.errors import InputError
from stem_cli.separation import Shop, StemRequest, make
from stem_cli.settings import Settings
from stem_cli.track import open_track

KINDS = {
    "vocals": "audio_stem_vocal",
    "drums": "audio_stem_drum",
    "bass": "audio_stem_bass",
    "other": "audio_stem_other",
}


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """A short song, as nothing here depends on its sound."""
    path = tmp_path / "work" / "song.wav"
    soundfile.write(path, music(1.0), 44100, subtype="PCM_16")
    return path


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with opened(tmp_path) as made:
        yield made


# -------------------------------------------------------------------------------------------------------- the registry


def test_each_stem_has_its_kind(shop: Shop, song: Path, tmp_path: Path) -> None:
    result = run(shop, song, tmp_path / "stems")
    found = {one.name: one.kind for one in artifacts.find(shop.database)}
    assert found == KINDS
    assert {stems.kind(name) for name in stems.FOUR} == set(KINDS.values())
    assert [artifacts.get(shop.database, one).name for one in result.artifacts] == list(stems.FOUR)


def test_complements_and_aliases_have_kinds_of_their_own(shop: Shop, song: Path, tmp_path: Path) -> None:
    run(shop, song, tmp_path / "stems", two_stems="vocals", also=("acapella",))
    kinds = {one.name: one.kind for one in artifacts.find(shop.database)}
    assert kinds == {
        "vocals": "audio_stem_vocal",
        "instrumental": "audio_stem_instrumental",
        "acapella": "audio_stem_acapella",
    }


def test_an_artifact_says_what_it_is_and_from_what(shop: Shop, song: Path, tmp_path: Path) -> None:
    result = run(shop, song, tmp_path / "stems", span=(0.25, 0.5))
    one = artifacts.get(shop.database, result.artifacts[1])
    assert result.folder is not None
    drums = next(file for file in result.folder.record.files if file.name == "drums")
    assert (one.name, one.sha256, one.span) == ("drums", drums.sha256, "0.25-0.5")
    assert one.path == files(result)["drums"].absolute()
    assert one.source_digest == open_track(song).digest
    assert one.source_artifact == ""
    assert one.engine_id == result.engine
    assert one.meta == {"source": str(song), "format": "wav", "depth": "16"}


def test_the_same_stem_again_is_the_same_artifact_in_its_new_place(shop: Shop, song: Path, tmp_path: Path) -> None:
    first = run(shop, song, tmp_path / "one").artifacts
    assert run(shop, song, tmp_path / "two").artifacts == first
    assert run(shop, song, tmp_path / "two").artifacts == first
    assert len(artifacts.find(shop.database)) == 4
    assert {one.path.parent.parent.name for one in artifacts.find(shop.database)} == {"two"}


def test_another_format_or_stretch_is_another_artifact(shop: Shop, song: Path, tmp_path: Path) -> None:
    ids = {
        *run(shop, song, tmp_path / "1").artifacts,
        *run(shop, song, tmp_path / "2", format="flac").artifacts,
        *run(shop, song, tmp_path / "3", bit_depth="24").artifacts,
        *run(shop, song, tmp_path / "4", span=(0.0, 0.5)).artifacts,
    }
    assert len(ids) == 16


def test_an_id_may_be_shortened_while_it_is_the_only_one(shop: Shop, song: Path, tmp_path: Path) -> None:
    one, *others = run(shop, song, tmp_path / "stems").artifacts
    short = next(one[:count] for count in range(1, 13) if not any(other.startswith(one[:count]) for other in others))
    assert artifacts.get(shop.database, f"artifact:{short}").id == one
    shop.database.run("UPDATE artifacts SET id = 'aa' || id")
    with pytest.raises(InputError, match="4 artifacts begin"):
        artifacts.get(shop.database, "aa")


@pytest.mark.parametrize("wrong", ["", "zzzz", "%", "_", "a' OR 1=1 --", "artifact:"])
def test_an_id_that_is_none_is_an_input_error(shop: Shop, song: Path, tmp_path: Path, wrong: str) -> None:
    run(shop, song, tmp_path / "stems")
    with pytest.raises(InputError):
        artifacts.get(shop.database, wrong)


def test_an_artifact_that_was_separated_itself_is_the_origin_of_what_came_of_it(
    shop: Shop, song: Path, tmp_path: Path
) -> None:
    first = run(shop, song, tmp_path / "one")
    drums = artifacts.get(shop.database, first.artifacts[1])
    second = run(shop, artifacts.resolve(shop.database, f"artifact:{drums.id}"), tmp_path / "two")
    bass = artifacts.get(shop.database, second.artifacts[2])
    third = run(shop, artifacts.resolve(shop.database, f"artifact:{bass.id}"), tmp_path / "three")
    last = artifacts.get(shop.database, third.artifacts[0])
    assert [one.id for one in artifacts.chain(shop.database, last)] == [last.id, bass.id, drums.id]
    assert artifacts.chain(shop.database, last)[-1].meta["source"] == str(song)


def test_a_chain_survives_that_its_beginning_was_deleted(shop: Shop, song: Path, tmp_path: Path) -> None:
    first = run(shop, song, tmp_path / "one")
    second = run(shop, files(first)["drums"], tmp_path / "two")
    shutil.rmtree(tmp_path / "one")
    last = artifacts.get(shop.database, second.artifacts[0])
    assert len(artifacts.chain(shop.database, last)) == 2
    with pytest.raises(InputError, match="no longer there"):
        artifacts.resolve(shop.database, f"artifact:{first.artifacts[1]}")


# ---------------------------------------------------------------------------------------------------- by command line


def test_an_artifact_stands_where_a_file_may(stem: Stem, shop: Shop, song: Path, tmp_path: Path) -> None:
    first = run(shop, song, tmp_path / "one")
    drums = first.artifacts[1]
    again = json.loads(stem("separate", f"artifact:{drums}", "--json").stdout)
    assert again["file"] == str(files(first)["drums"])
    told = stem("artifacts", again["artifacts"][0]).stdout
    assert f"from artifact:{drums}" in told
    assert str(song) in told


def test_artifacts_are_listed_by_kind(stem: Stem, shop: Shop, song: Path, tmp_path: Path) -> None:
    run(shop, song, tmp_path / "stems")
    assert len(stem("artifacts").stdout.splitlines()) == 4
    listed = json.loads(stem("artifacts", "--kind", "audio_stem_drum", "--json").stdout)
    assert [one["name"] for one in listed] == ["drums"]
    assert "there is no artifact" in stem("artifacts", "artifact:nothing", code=3).stderr


# ----------------------------------------------------------------------------------------------- the typed interface


def request(song: Path, tmp_path: Path, *names: str, **options: object) -> StemRequest:
    return StemRequest(song, names, settings=Settings(output=str(tmp_path / "stems")), **options)  # type: ignore[arg-type]


def test_a_request_gives_typed_artifacts_in_the_tables_order(shop: Shop, song: Path, tmp_path: Path) -> None:
    result = make(request(song, tmp_path, "other", "vocals", "bass", "drums"), shop)
    assert (result.state, result.warnings) == ("done", ())
    assert [(row.stem, row.kind) for row in result.stems] == [(name, KINDS[name]) for name in stems.FOUR]
    assert result.folder is not None
    assert all(
        row.artifact is not None and row.artifact.path.parent == result.folder.absolute() for row in result.stems
    )
    paths = {row.stem: row.artifact.path for row in result.stems if row.artifact}
    assert np.array_equal(total(paths, "16"), integers(song, "16"))


def test_without_names_all_stems_come(shop: Shop, song: Path, tmp_path: Path) -> None:
    assert [row.stem for row in make(request(song, tmp_path), shop).stems] == list(stems.FOUR)


def test_the_same_request_gives_the_same_result(shop: Shop, song: Path, tmp_path: Path) -> None:
    first = make(request(song, tmp_path, "drums", "vocals"), shop)
    second = make(request(song, tmp_path, "vocals", "drums"), shop)
    assert first.stems == second.stems
    assert first.folder is not None
    assert second.folder is not None
    assert first.folder.absolute() == second.folder.absolute()


def test_stems_that_no_engine_makes_come_back_empty_with_a_warning(shop: Shop, song: Path, tmp_path: Path) -> None:
    result = make(request(song, tmp_path, "piano", "kazoo", "drums", "guitar"), shop)
    assert result.state == "done"
    assert [row.stem for row in result.stems] == ["drums", "guitar", "piano", "kazoo"]
    assert [row.artifact is not None for row in result.stems] == [True, False, False, False]
    for name in ("guitar", "piano", "kazoo"):
        assert any(name in warning for warning in result.warnings)
        assert next(row for row in result.stems if row.stem == name).why


def test_only_stems_that_no_engine_makes_are_skipped(shop: Shop, song: Path, tmp_path: Path) -> None:
    result = make(request(song, tmp_path, "kazoo"), shop)
    assert result.state == "skipped"
    assert "no engine that is ready makes" in result.why
    assert [(row.stem, row.artifact) for row in result.stems] == [("kazoo", None)]
    assert not (tmp_path / "stems").exists()


def test_without_an_engine_the_request_is_skipped_with_a_reason(
    shop: Shop, song: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    gone = replace(engines.load("builtin"), unavailable=lambda request: Missing("it was taken away", "Bring it back."))
    monkeypatch.setattr(engines, "all_engines", lambda: (gone,))
    result = make(request(song, tmp_path), shop)
    assert result.state == "skipped"
    assert "no engine is ready" in result.why
    assert [(row.stem, row.artifact) for row in result.stems] == [(name, None) for name in stems.FOUR]
    named = make(request(song, tmp_path, engine="builtin"), shop)
    assert named.state == "skipped"
    assert "it was taken away" in named.why
    assert "Bring it back." in named.why


def test_an_engine_that_is_not_known_is_skipped(shop: Shop, song: Path, tmp_path: Path) -> None:
    result = make(request(song, tmp_path, engine="steam"), shop)
    assert (result.state, result.folder) == ("skipped", None)
    assert "steam" in result.why


@pytest.mark.parametrize("name", ["missing.wav", "artifact:nothing", "empty.wav", "text.mp3", "a\0b.wav", "."])
def test_a_song_that_cannot_be_read_is_failed_and_raises_nothing(shop: Shop, tmp_path: Path, name: str) -> None:
    Path("empty.wav").touch()
    Path("text.mp3").write_text("not a song")
    result = make(StemRequest(name, ("drums",)), shop)
    assert result.state == "failed"
    assert result.why
    assert [(row.stem, row.artifact) for row in result.stems] == [("drums", None)]
    assert result.warnings == (result.why,)


def test_a_disk_that_takes_nothing_is_failed(shop: Shop, song: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = make(StemRequest(song, settings=Settings(output=str(tmp_path / "file" / "below"))), shop)
    assert result.state == "failed"
    assert "file" in result.why


def test_settings_that_make_no_sense_are_failed(song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEM_FORMAT", "vinyl")
    result = make(StemRequest(song))
    assert result.state == "failed"
    assert "vinyl" in result.why


def test_an_artifact_can_be_requested_as_a_song(shop: Shop, song: Path, tmp_path: Path) -> None:
    first = make(request(song, tmp_path), shop)
    drums = first.stems[1].artifact
    assert drums is not None
    second = make(StemRequest(f"artifact:{drums.id}", settings=Settings(output=str(tmp_path / "two"))), shop)
    assert second.state == "done"
    assert {row.artifact.source_artifact for row in second.stems if row.artifact} == {drums.id}


def test_without_a_shop_one_is_opened_and_closed(song: Path) -> None:
    result = make(StemRequest(song, ("bass",), span=(0.25, 0.75)))
    assert result.state == "done"
    assert result.stems[0].artifact is not None
    assert soundfile.info(result.stems[0].artifact.path).frames == 22050
