"""What a batch makes of each song, in words: where they differ, --upgrade makes the stems anew."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

from stem_cli import engines, router, split
from stem_cli.database import text_of
from stem_cli.engines import Request
from stem_cli.errors import EngineError
from stem_cli.router import Choice
from stem_cli.settings import Settings
from stem_cli.split import Asked

_SETTINGS = (
    *("layout", "name_template", "mirror", "format", "bit_depth", "vocal_sub_separation", "split_model", "downmix"),
    *("effort", "overlap", "shifts", "segment_seconds", "precision", "seed"),
)
"""What the files depend on, beside the engine."""


def output_of(settings: Settings) -> str:
    """The folder that a batch writes into, as the queue names it; "same" is beside each song."""
    if settings.output == "same":
        return settings.output
    return text_of(Path(os.path.abspath(os.path.expanduser(settings.output))))  # noqa: PTH100, PTH111 - as songs are


def typical(asked: Asked, settings: Settings) -> Choice:
    """The engine that a song of four minutes would get now. Raises EngineError where none is ready."""
    request = _request(asked, settings)
    facts = router.facts_of(settings, seconds=240.0, batch=True)
    return router.rank(engines.all_engines(), request, facts, router.this_machine(request.device)).best


def is_light(asked: Asked, settings: Settings, choice: Choice) -> bool:
    """Whether no song can get an engine that wants a device, much memory or money: then each needs only a core.

    choice: of a typical song.
    """
    request = _request(asked, settings)
    if settings.vocal_sub_separation or request.ensemble:
        return False
    named = request.engine != "auto" or request.model
    able = [choice.engine] if named else [one for one in engines.all_engines() if one.unavailable(request) is None]
    return not any(engine.networks or engine.pays for engine in able)


def wish_of(asked: Asked, settings: Settings, choice: Choice) -> str:
    """The stems, the settings and the engine of a typical song as one line of JSON."""
    files = {key: value for key, value in asdict(replace(asked, force=False)).items() if value}
    chosen = {name: getattr(settings, name) for name in _SETTINGS if getattr(settings, name) != getattr(Settings, name)}
    return json.dumps({"engine": _id(asked, settings, choice), **files, **chosen}, sort_keys=True)


def _request(asked: Asked, settings: Settings) -> Request:
    return split.order_of(asked, settings, batch=True).request


def _id(asked: Asked, settings: Settings, choice: Choice) -> str:
    try:
        return choice.engine.identify(replace(_request(asked, settings), model=choice.model.name)).text
    except EngineError:
        return f"{choice.engine.name}/{choice.model.name}"  # its model has to be downloaded or converted first
