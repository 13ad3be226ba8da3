"""Settings: each has one default, one line in the sample file, and one way in which it is decided."""

from __future__ import annotations

import json
import os
import re
import tomllib
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest
import soundfile
from conftest import Stem

from stem_cli import settings as settings_of
from stem_cli.audio import DEPTHS, FORMATS
from stem_cli.errors import UsageError
from stem_cli.settings import CHOICES, Settings

SAMPLE = Path(__file__).parent.parent / "configs" / "stem.toml"
NAMES = [field.name for field in fields(Settings)]
OTHER: dict[str, Any] = {
    "output": "elsewhere",
    "mirror": "music",
    "layout": "flat",
    "name_template": "{title}",
    "format": "flac",
    "bit_depth": "24",
    "engine": "builtin",
    "model": "htdemucs",
    "ensemble": "htdemucs,Kim_Vocal_2",
    "effort": "best",
    "overlap": 0.25,
    "shifts": 2,
    "segment_seconds": 5.0,
    "precision": "f32",
    "device": "cpu",
    "vocal_sub_separation": True,
    "split_model": "UVR_MDXNET_KARA_2",
    "stall_minutes": 5.0,
    "judge": "off",
    "poor_below_db": 5.5,
    "priority": "high",
    "licences": "free",
    "time_limit_hours": 3.0,
    "large_file_mb": 80.0,
    "engine_rules": "large=demucs",
    "engine_order": "onnx, builtin",
    "batch_rules": "bpm above 100",
    "damaged": "take",
    "downmix": "stereo",
    "seed": 7,
    "threads": 3,
    "link": True,
    "check_written": False,
    "cache_dir": "kept",
    "cache_limit_gb": 1.5,
    "data_dir": "data",
    "models_dir": "models",
    "database_url": "sqlite:///x",
    "allow_cloud": True,
    "cloud_minutes": 30.0,
    "cloud_url": "https://here",
}
"""A value for each setting that is not its default."""
CLEAN = {"STEM_CONFIG": "nowhere.toml"}


def configured(text: str) -> dict[str, str]:
    """The environment of a file of settings that says this."""
    Path("stem.toml").write_text(text)
    return {"STEM_CONFIG": "stem.toml"}


# -------------------------------------------------------------------------------------------------------- the sample


def test_the_sample_file_holds_every_setting_with_its_default() -> None:
    assert tomllib.loads(SAMPLE.read_text()) == asdict(Settings())
    assert list(tomllib.loads(SAMPLE.read_text())) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_setting_is_explained_above_its_line(name: str) -> None:
    lines = SAMPLE.read_text().splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith(f"{name} ="))
    above = lines[place - 1]
    assert above.startswith("# ")
    assert len(above) > 20


@pytest.mark.parametrize("name", CHOICES)
def test_the_sample_names_all_choices(name: str) -> None:
    text = SAMPLE.read_text()
    comment = text[: text.index(f"\n{name} =")].rpartition("\n\n")[2]
    assert all(choice in comment for choice in CHOICES[name])


def test_the_sample_is_itself_a_good_file_of_settings() -> None:
    assert settings_of.load(configured(SAMPLE.read_text())).settings == Settings()


def test_choices_agree_with_the_tables_they_come_from() -> None:
    assert CHOICES["format"] == tuple(FORMATS)
    assert CHOICES["bit_depth"] == ("", *DEPTHS)
    assert all(getattr(Settings(), name) in choices for name, choices in CHOICES.items())


# --------------------------------------------------------------------------------------------------------- the layers


def test_this_test_knows_all_settings() -> None:
    assert list(OTHER) == NAMES
    assert all(OTHER[name] != getattr(Settings(), name) for name in NAMES)


def test_without_a_file_everything_is_default() -> None:
    sourced = settings_of.load(CLEAN)
    assert sourced.settings == Settings()
    assert set(sourced.sources.values()) == {"default"}


@pytest.mark.parametrize("name", NAMES)
def test_each_layer_wins_over_the_one_below(name: str) -> None:
    """Default < file < environment < option, each time with its origin told."""
    value = OTHER[name]
    environment = configured(f"{name} = {json.dumps(value)}")
    found = settings_of.load(environment)
    assert (getattr(found.settings, name), found.sources[name]) == (value, "stem.toml")

    default = getattr(Settings(), name)
    variable = f"STEM_{name.upper()}"
    found = settings_of.load({**environment, variable: str(default)})
    assert (getattr(found.settings, name), found.sources[name]) == (default, variable)

    found = settings_of.load({**environment, variable: str(default)}, **{name: value})
    assert (getattr(found.settings, name), found.sources[name]) == (value, "option")

    found = settings_of.load(environment, **{name: None})
    assert getattr(found.settings, name) == value


@pytest.mark.parametrize(("text", "value"), [("true", True), ("YES", True), ("1", True), ("off", False), ("0", False)])
def test_words_for_true_and_false(text: str, value: bool) -> None:
    assert settings_of.load({**CLEAN, "STEM_LINK": text}).settings.link is value


def test_a_depth_may_be_written_as_a_number() -> None:
    assert settings_of.load(configured("bit_depth = 24")).settings.bit_depth == "24"


# ----------------------------------------------------------------------------------------------------- what is refused

BAD = [
    ("format", '"vinyl"'),
    ("format", "true"),
    ("bit_depth", "8"),
    ("layout", "[]"),
    ("threads", '"many"'),
    ("threads", "-1"),
    ("threads", "1.5"),
    ("seed", "-3"),
    ("seed", "true"),
    ("link", '"perhaps"'),
    ("link", "2"),
    ("cache_limit_gb", "-1"),
    ("cache_limit_gb", "nan"),
    ("cache_limit_gb", "inf"),
    ("cache_limit_gb", '"much"'),
    ("output", "2024-01-01"),
    ("output", "{a = 1}"),
    ("colour", '"blue"'),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_in_the_file_names_file_and_setting(name: str, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        settings_of.load(configured(f"{name} = {value}"))
    assert "stem.toml" in str(caught.value)
    assert name in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("name", "value"), [("FORMAT", "vinyl"), ("THREADS", "x"), ("LINK", ""), ("CACHE_LIMIT_GB", "inf"), ("SEED", "1.5")]
)
def test_a_bad_value_in_the_environment_names_the_variable(name: str, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        settings_of.load({**CLEAN, f"STEM_{name}": value})
    assert f"STEM_{name}" in str(caught.value)


@pytest.mark.parametrize("text", ["format = ", "format = 'wav' format = 'flac'", "[[[", "\x00"])
def test_a_file_that_is_no_toml_names_the_file(text: str) -> None:
    with pytest.raises(UsageError, match=r"stem\.toml"):
        settings_of.load(configured(text))


def test_a_file_that_is_no_text_names_the_file() -> None:
    Path("stem.toml").write_bytes(b"output = '\xff\xfe'")
    with pytest.raises(UsageError, match=r"stem\.toml"):
        settings_of.load({"STEM_CONFIG": "stem.toml"})


def test_a_bad_value_ends_the_command_with_exit_code_2(stem: Stem, song: Path, tmp_path: Path) -> None:
    (tmp_path / "stem.toml").write_text('format = "vinyl"\n')
    told = stem("separate", song, code=2).stderr
    assert str(tmp_path / "stem.toml") in told
    assert "format" in told
    assert "wav, flac" in told
    assert not Path("stems").exists()


# ---------------------------------------------------------------------------------------------------- where it all lies


def test_places_may_begin_with_a_tilde(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    settings = Settings(cache_dir="~/c", data_dir="~/d", models_dir="~/m")
    found = settings_of.cache_dir(settings), settings_of.data_dir(settings), settings_of.models_dir(settings)
    assert found == (tmp_path / "c", tmp_path / "d", tmp_path / "m")
    assert settings_of.models_dir(Settings(data_dir="d")) == Path("d/models")
    assert settings_of.config_path({"STEM_CONFIG": "~/x.toml"}) == tmp_path / "x.toml"


def test_places_that_are_not_set_are_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in (
        settings_of.cache_dir(Settings()),
        settings_of.data_dir(Settings()),
        settings_of.config_path({}),
    ):
        assert place.is_absolute()
        assert "stem-cli" in place.parts


# ------------------------------------------------------------------------------------------------------- stem config


def test_config_show_tells_each_value_and_where_it_comes_from(stem: Stem, tmp_path: Path) -> None:
    (tmp_path / "stem.toml").write_text('format = "flac"\nseed = 3\n')
    told = json.loads(stem("config", "show", "--json", env={**os.environ, "STEM_SEED": "5"}).stdout)
    assert list(told) == NAMES
    assert told["format"] == {"value": "flac", "from": str(tmp_path / "stem.toml")}
    assert told["seed"] == {"value": 5, "from": "STEM_SEED"}
    assert told["effort"] == {"value": "normal", "from": "default"}
    assert told["data_dir"]["from"] == "STEM_DATA_DIR"
    lines = stem("config", "show").stdout.splitlines()
    assert [line.split(" = ")[0] for line in lines] == NAMES
    assert f'format = "flac"  ({tmp_path / "stem.toml"})' in lines


def test_config_path_tells_where_the_file_lies(stem: Stem, tmp_path: Path) -> None:
    assert stem("config", "path").stdout == f"{tmp_path / 'stem.toml'}\n"


def test_config_set_keeps_comments_and_order(stem: Stem, tmp_path: Path) -> None:
    (tmp_path / "stem.toml").write_text(SAMPLE.read_text())
    stem("config", "set", "format", "flac")
    stem("config", "set", "cache_limit_gb", "7.5")
    before, after = SAMPLE.read_text().splitlines(), (tmp_path / "stem.toml").read_text().splitlines()
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert changed == [('format = "wav"', 'format = "flac"'), ("cache_limit_gb = 20.0", "cache_limit_gb = 7.5")]


def test_config_set_makes_the_file_and_takes_a_setting_out_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "stem.toml"
    assert settings_of.save(path, "threads", "4") == 4
    assert settings_of.save(path, "link", "yes") is True
    assert tomllib.loads(path.read_text()) == {"threads": 4, "link": True}
    assert settings_of.save(path, "threads", "") is None
    assert tomllib.loads(path.read_text()) == {"link": True}
    assert [entry.name for entry in path.parent.iterdir()] == ["stem.toml"]


@pytest.mark.parametrize(("name", "value"), [("format", "vinyl"), ("colour", "blue"), ("colour", ""), ("threads", "x")])
def test_config_set_refuses_what_makes_no_sense_and_leaves_the_file(name: str, value: str, tmp_path: Path) -> None:
    path = tmp_path / "stem.toml"
    path.write_text("# mine\nseed = 1\n")
    with pytest.raises(UsageError):
        settings_of.save(path, name, value)
    assert path.read_text() == "# mine\nseed = 1\n"


def test_config_set_on_the_command_line_refuses_unknown_names(stem: Stem, tmp_path: Path) -> None:
    assert "colour" in stem("config", "set", "colour", "blue", code=2).stderr
    assert not (tmp_path / "stem.toml").exists()


def test_a_file_that_is_no_toml_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "stem.toml"
    path.write_text("format = = broken")
    with pytest.raises(UsageError):
        settings_of.save(path, "seed", "1")
    assert path.read_text() == "format = = broken"


def test_settings_of_the_file_reach_a_separation(stem: Stem, song: Path, tmp_path: Path) -> None:
    (tmp_path / "stem.toml").write_text('format = "flac"\nbit_depth = "24"\noutput = "mine"\n')
    made = [Path(line) for line in stem("separate", song, "--quiet", "--bit-depth", "16").stdout.splitlines()]
    assert {path.suffix for path in made} == {".flac"}
    assert {path.parts[0] for path in made} == {"mine"}
    assert {soundfile.info(path).subtype for path in made} == {"PCM_16"}


def test_no_module_spells_a_default_again() -> None:
    """`show_default` texts come from the table: the words of the options are those of the settings."""
    from stem_cli.commands.separate import separate

    shown = {param.name: param.show_default for param in separate.params if hasattr(param, "show_default")}
    for name in ("engine", "effort", "judge", "damaged", "layout", "seed"):
        assert str(shown[name]) == str(getattr(Settings(), name)), name
    assert re.match(r"stems", str(shown["output"]))


def test_a_model_takes_back_an_ensemble_of_a_layer_below() -> None:
    environment = configured('ensemble = "one,two"')
    assert settings_of.load(environment).settings.ensemble == "one,two"
    found = settings_of.load({**environment, "STEM_MODEL": "three"})
    assert (found.settings.ensemble, found.sources["ensemble"]) == ("", "STEM_MODEL")
    assert settings_of.load(environment, engine="builtin").settings.ensemble == ""
    assert settings_of.load(environment, engine="auto").settings.ensemble == "one,two"
    assert (
        settings_of.load({**environment, "STEM_MODEL": "three"}, ensemble="four,five").settings.ensemble == "four,five"
    )
    assert settings_of.load(configured('ensemble = "one,two"\nmodel = "three"')).settings.ensemble == "one,two"
