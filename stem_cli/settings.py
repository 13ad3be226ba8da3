"""What a user may change, once: defaults < file < environment < options.

Every field `x` is `STEM_X` in the environment and `x` in `stem.toml`; `configs/stem.toml` is the commented copy.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

from stem_cli.errors import OutputError, UsageError

APP = "stem-cli"


@dataclass(frozen=True)
class Settings:
    """Every setting with its default. An empty text means "decide for me"."""

    output: str = "stems"
    mirror: str = ""
    layout: str = "folder"
    name_template: str = ""
    format: str = "wav"
    bit_depth: str = ""
    engine: str = "auto"
    model: str = ""
    ensemble: str = ""
    effort: str = "normal"
    overlap: float = -1.0
    shifts: int = -1
    segment_seconds: float = 0.0
    precision: str = "auto"
    device: str = "auto"
    vocal_sub_separation: bool = False
    split_model: str = ""
    stall_minutes: float = 30.0
    judge: str = "auto"
    poor_below_db: float = 7.0
    priority: str = "normal"
    licences: str = "any"
    time_limit_hours: float = 12.0
    large_file_mb: float = 50.0
    engine_rules: str = "vip=cloud, fast=builtin, large=cloud, best=uvr, poor=uvr+cloud"
    engine_order: str = "demucs, onnx, uvr, builtin, cloud"
    batch_rules: str = "crate in *; genre contains House; bpm above 120; vocals yes"
    damaged: str = "error"
    downmix: str = ""
    seed: int = 0
    threads: int = 0
    link: bool = False
    check_written: bool = True
    cache_dir: str = ""
    cache_limit_gb: float = 20.0
    data_dir: str = ""
    models_dir: str = ""
    database_url: str = ""
    allow_cloud: bool = False
    cloud_minutes: float = 0.0
    cloud_url: str = ""


CHOICES: dict[str, tuple[str, ...]] = {
    "layout": ("folder", "flat"),
    "format": ("wav", "flac", "aiff", "alac", "aac", "mp3"),
    "bit_depth": ("", "16", "24", "float"),
    "effort": ("fast", "normal", "best"),
    "precision": ("auto", "f32", "bf16"),
    "device": ("auto", "cpu", "cuda", "mps"),
    "judge": ("auto", "off", "quick", "full"),
    "priority": ("normal", "high"),
    "licences": ("any", "known", "free"),
    "damaged": ("error", "ask", "skip", "take"),
    "downmix": ("", "stereo"),
}
"""Settings that take one of a few words."""

ALIASES = {"STEM_LALAL_URL": "cloud_url", "VOCAL_SUB_SEPARATION": "vocal_sub_separation"}
"""Other names of the environment that mean a setting."""

_LEAST: dict[str, float] = {
    "seed": 0,
    "threads": 0,
    "cache_limit_gb": 0,
    "overlap": -1,
    "shifts": -1,
    "segment_seconds": 0,
    "poor_below_db": -100,
    "time_limit_hours": 0,
    "stall_minutes": 0,
    "large_file_mb": 0,
    "cloud_minutes": 0,
}
_ANY = ("", "auto")
_TYPES: dict[str, type] = get_type_hints(Settings)
_WORDS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True)
class Sourced:
    """The settings in force, and for each field where its value comes from ("default", a file, a variable)."""

    settings: Settings
    sources: Mapping[str, str]


def config_path(environment: Mapping[str, str] = os.environ) -> Path:
    """The file of settings: STEM_CONFIG, else stem.toml in the user's configuration folder."""
    if named := environment.get("STEM_CONFIG"):
        return Path(named).expanduser()
    import platformdirs

    return platformdirs.user_config_path(APP, appauthor=False) / "stem.toml"


def load(environment: Mapping[str, str] = os.environ, **options: Any) -> Sourced:
    """The settings in force. Options that are None do not count. Raises UsageError naming what is wrong and where."""
    values: dict[str, Any] = {}
    sources = {field.name: "default" for field in fields(Settings)}
    path = config_path(environment)
    layers = (
        {name: (raw, str(path)) for name, raw in _from_file(path).items()},
        _from_environment(environment),
        {name: (raw, "option") for name, raw in options.items() if raw is not None},
    )
    for layer in layers:
        for name, (raw, place) in (_without_ensemble(layer) | layer).items():
            values[name], sources[name] = check(name, raw, place), place
    return Sourced(replace(Settings(), **values), sources)


def _without_ensemble(layer: Mapping[str, tuple[Any, str]]) -> dict[str, tuple[Any, str]]:
    """A layer that names a model or an engine takes back the ensemble of the layers below it."""
    named = [place for name in ("engine", "model") if name in layer for raw, place in [layer[name]] if raw not in _ANY]
    return {"ensemble": ("", named[0])} if named else {}


def variable(name: str) -> str:
    """The environment's name of a setting."""
    return f"STEM_{name.upper()}"


def check(name: str, raw: Any, place: str) -> Any:
    """The value in the setting's own type. Raises UsageError where it has none such."""
    if name not in _TYPES:
        known = ", ".join(sorted(_TYPES))
        raise UsageError(f"{place}: there is no setting {name!r}", None, f"There are: {known}.")
    try:
        value = _converted(_TYPES[name], raw)
    except (ValueError, KeyError, TypeError) as error:
        hint = f"It wants {'true or false' if _TYPES[name] is bool else _TYPES[name].__name__}."
        raise UsageError(f"{place}: {name} = {raw!r} makes no sense", None, hint) from error
    if name in CHOICES and value not in CHOICES[name]:
        raise UsageError(f"{place}: {name} = {raw!r} is not known", None, f"Choose one of {', '.join(CHOICES[name])}.")
    if name in _LEAST and not value >= _LEAST[name]:
        raise UsageError(f"{place}: {name} = {raw!r} is too small", None, f"The least is {_LEAST[name]:g}.")
    return value


def _converted(kind: type, raw: Any) -> Any:
    if kind is bool:
        return raw if isinstance(raw, bool) else _WORDS[str(raw).lower()]
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise TypeError(raw)
    value = kind(raw)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(raw)
    if isinstance(value, int) and value != float(raw):
        raise ValueError(raw)
    return value


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the settings cannot be read ({error})", path, "Mend that line or remove the file."
        ) from error
    except OSError as error:
        raise UsageError(f"the settings cannot be read ({error.strerror})", path, "Check its permissions.") from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """By setting its value and the variable that it stands in; an alias gives way to the setting's own name."""
    names = [*((alias, name) for alias, name in ALIASES.items()), *((variable(name), name) for name in _TYPES)]
    return {name: (environment[place], place) for place, name in names if place in environment}


def save(path: Path, name: str, raw: str) -> Any:
    """Set one value in the file, keeping its comments; an empty text takes the setting out. Returns the value."""
    import tomlkit

    value = None if raw == "" else check(name, raw, "value")
    if name not in _TYPES:
        check(name, raw, "value")
    try:
        document = tomlkit.parse(path.read_text("utf-8")) if path.exists() else tomlkit.document()
        if value is None:
            document.pop(name, None)
        else:
            document[name] = value
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        partial.write_text(tomlkit.dumps(document), "utf-8")
        partial.replace(path)
    except tomlkit.exceptions.TOMLKitError as error:
        raise UsageError(f"the settings cannot be read ({error})", path, "Mend or remove the file.") from error
    except OSError as error:
        raise OutputError(
            f"the settings cannot be written ({error.strerror})", path, "Check its permissions."
        ) from error
    return value


def cache_dir(settings: Settings) -> Path:
    """Where separated stems are kept."""
    if settings.cache_dir:
        return Path(settings.cache_dir).expanduser()
    import platformdirs

    return platformdirs.user_cache_path(APP, appauthor=False)


def data_dir(settings: Settings) -> Path:
    """Where the database, the locks and the log lie."""
    if settings.data_dir:
        return Path(settings.data_dir).expanduser()
    import platformdirs

    return platformdirs.user_data_path(APP, appauthor=False)


def models_dir(settings: Settings) -> Path:
    """Where models lie that were downloaded or added."""
    return Path(settings.models_dir).expanduser() if settings.models_dir else data_dir(settings) / "models"
