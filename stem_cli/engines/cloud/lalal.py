"""LALAL.AI, API v1.1: paths, bodies, labels and codes as its specification has them (gathered on 2026-08-13).

What costs what: length times stems, said for several stems in one task; for lead and backing vocals it says nothing,
and one stem is assumed. Splitter "auto", the newest that there is for the stems, is asked for by naming none: the
specification's own list of splitters does not hold that word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from stem_cli import stems
from stem_cli.engines import Model
from stem_cli.engines.cloud.service import AGAIN, USED, Advice, Ask, Call, Offer, Service, Source, Status, Track

_DAY_SECONDS = 24 * 3600
_PREFIX = "lalal-"
_LABELS = {
    "vocals": ("vocals",),
    "drums": ("drum",),
    "bass": ("bass",),
    "guitar": ("electric_guitar", "acoustic_guitar"),
    "piano": ("piano",),
}
"""Our stems in the words of the service; what is left of the song is `other`."""
_LEAD_BACK = {"lead_vocals": ("vocals@0",), "backing_vocals": ("vocals@1",), stems.REMAINDER: ("no_vocals",)}
_WISHES = {"encoder_format": "flac", "dereverb_enabled": False, "extraction_level": "deep_extraction"}
_FEWER = "Buy minutes, or choose a model that takes fewer: lalal-vocals takes the song's length once."

_CODES = {
    "forbidden": Advice(
        "it does not accept the key", "Copy the key of your account anew; it needs a plan with an API."
    ),
    "idempotency_key_used": Advice("the task was started before", follows=USED),
    "internal_error": Advice("it has trouble", "Try again later: the same command goes on.", AGAIN),
    "exceeded_duration": Advice("there are not enough minutes left on the account", _FEWER),
    "max_duration": Advice("the song is longer than the account's plan allows", "Take a stretch of it with --time."),
    "exceeded_size": Advice("the song is larger than the account's plan allows", "Take a stretch of it with --time."),
    "batch_not_avaliable": Advice("the account's plan has no batches"),  # the service's own spelling
}


def _model(name: str, title: str, names: tuple[str, ...]) -> Model:
    return Model(name, title, stems.ordered(names), "a paid service; the results are yours (its terms)")


def _offer(name: str, title: str, wanted: tuple[str, ...]) -> Offer:
    """Some stems and the rest of the song, in one task."""
    labels = [label for stem in wanted for label in _LABELS[stem]]
    alone = len(labels) == 1
    return Offer(
        model=_model(name, title, (*wanted, stems.REMAINDER)),
        charged=len(labels),
        parts={
            **{stem: _LABELS[stem] for stem in wanted},
            stems.REMAINDER: (f"no_{labels[0]}" if alone else "no_multistem",),
        },
        path="/api/v1/split/stem_separator/" if alone else "/api/v1/split/multistem/",
        wishes={**_WISHES, **({"stem": labels[0]} if alone else {"stem_list": labels})},
    )


def _without_rest(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name != stems.REMAINDER)


_FOUR = _offer("lalal-four", "Vocals, drums and bass; the rest is other", _without_rest(stems.FOUR))
_SIX = _offer("lalal-six", "Vocals, drums, bass, guitar and piano; the rest is other", _without_rest(stems.SIX))
_LEAD = Offer(
    model=_model("lalal-lead-back", "Lead and backing vocals; the rest is other", tuple(_LEAD_BACK)),
    charged=1,
    parts=_LEAD_BACK,
    path="/api/v1/split/stem_separator/",
    wishes={**_WISHES, "stem": "vocals", "multivocal": "lead_back"},
    optional=_LEAD_BACK["backing_vocals"],
)
_SINGLE = tuple(
    _offer(_PREFIX + stem, f"{stems.title(stem)}; the rest of the song is other", (stem,)) for stem in _LABELS
)
OFFERS = (_FOUR, _SIX, _LEAD, *_SINGLE)


def _by_name(name: str) -> Offer | None:
    """One of the table, or any of its stems together: `lalal-drums-bass`."""
    known = {offer.model.name: offer for offer in OFFERS}
    wanted = tuple(name.removeprefix(_PREFIX).split("-"))
    if name in known or not name.startswith(_PREFIX) or not set(wanted) <= set(_LABELS):
        return known.get(name)
    return _together(wanted)


def _together(wanted: tuple[str, ...]) -> Offer:
    names = stems.ordered(wanted)
    return _offer(_PREFIX + "-".join(names), "Only these; the rest of the song is other", names)


def _cheapest(wanted: tuple[str, ...]) -> Offer:
    """The offer that makes the most of these stems, and among such the one that costs least.

    `other` is what other engines mean by it, so it comes from offers that take at least drums and bass out of it.
    """
    if not wanted:
        return _FOUR
    voices = set(_LEAD_BACK) - {stems.REMAINDER}
    offers = [_FOUR, _SIX, *([_LEAD] if voices & set(wanted) else [])]
    singles = stems.ordered([name for name in wanted if name in _LABELS])
    if singles and stems.REMAINDER not in wanted:
        named = _by_name(_PREFIX + "-".join(singles))
        offers += [named] if named else []
    return max(offers, key=lambda offer: (len(set(wanted) & set(offer.model.stems)), -offer.charged))


def _sign(call: Call, key: str) -> Call:
    return replace(call, headers={**call.headers, "X-License-Key": key})


def _upload(file: Path) -> Call:
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f'attachment; filename="{file.name}"',
    }
    return Call("/api/v1/upload/", headers=headers, file=file)


def _read_upload(answer: Any) -> Source:
    return Source(_text(answer["id"]), float(answer["expires"]), int(answer["size"]), float(answer["duration"]))


def _start(ask: Ask) -> Call:
    body = {"source_id": ask.source_id, "presets": dict(ask.offer.wishes), "idempotency_key": ask.key}
    return Call(ask.offer.path, body=body)


def _check(task: str) -> Call:
    return Call("/api/v1/check/", body={"task_ids": [task]})


def _read_check(answer: Any, task: str) -> Status:
    """A task that failed answers 200 as well: only its `status` tells."""
    row = answer["result"][task]
    state = row["status"]
    if state == "success":
        tracks = tuple(Track(_text(one["label"]), _text(one["url"])) for one in row["result"]["tracks"])
        return Status("done", tracks=tracks, made_by=str(_presets(row).get("splitter") or ""))
    if state == "progress":
        return Status("waiting")
    if state == "error":
        return Status("failed", _reason(row["error"]))
    if state == "cancelled":
        return Status("cancelled")
    if state == "server_error":
        return Status("unsure", str(row["error"]))
    raise ValueError(f"the state {state!r} is not known")


def _presets(row: Mapping[str, Any]) -> Mapping[str, Any]:
    presets = row.get("presets")
    return presets if isinstance(presets, dict) else {}


def _reason(error: Mapping[str, Any]) -> str:
    marks = [str(error[name]) for name in ("code", "id") if error.get(name)]
    return str(error["detail"]) + (f" ({', '.join(marks)})" if marks else "")


def _read_cancel(answer: Any, task: str) -> bool:
    """Whether it was cancelled; a task that has ended cannot be."""
    return bool(answer["result"][task]["status"] == "success")


def _read_refusal(answer: Any) -> tuple[str, Any]:
    """The code, "" without any, and what is said, which may be text, an object or a list."""
    code = answer.get("code")
    return code if isinstance(code, str) else "", answer.get("detail", answer)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} should be text")
    return value


LALAL = Service(
    name="lalal",
    title="LALAL.AI",
    url="https://www.lalal.ai",
    key_variable="STEM_LALAL_KEY",
    key_page="the page of your account at LALAL.AI",
    sound={"extraction": str(_WISHES["extraction_level"]), "splitter": "auto"},
    keyed=True,
    lifetime_seconds=_DAY_SECONDS,
    most_bytes=10 * 10**9,
    codes=_CODES,
    offers=OFFERS,
    offer=_by_name,
    cheapest=_cheapest,
    sign=_sign,
    read_refusal=_read_refusal,
    upload=_upload,
    read_upload=_read_upload,
    start=_start,
    read_start=lambda answer: _text(answer["task_id"]),
    check=_check,
    read_check=_read_check,
    minutes=Call("/api/v1/limits/minutes_left/"),
    read_minutes=lambda answer: float(answer["minutes_left"]),
    cancel=lambda task: Call("/api/v1/cancel/", body={"task_ids": [task]}),
    read_cancel=_read_cancel,
    delete=lambda source: Call("/api/v1/delete/", body={"source_id": source}),
)
