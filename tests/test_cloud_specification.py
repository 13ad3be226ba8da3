"""What the engine sends and what the server of our tests answers, beside the service's own specification.

The specification is OpenAPI 3.1, whose schemas are JSON Schema 2020-12: a validator of that needs no more than to find
the schema of each body.
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import httpx2
import pytest
from conftest import SHARED
from lalal_choices import Fault, Habits
from lalal_runs import ENGINE, Song, request, separate
from lalal_service import DAY, KEY, Exchange, Lalal

from stem_cli.errors import CloudError

pytestmark = [pytest.mark.shared, pytest.mark.usefixtures("no_proxy")]
FILE = SHARED / "data" / "lalal" / "openapi" / "lalal-ai-api-openapi.yml"
UNDECLARED = {403: {"detail"}, 404: {"detail"}}
"""Answers that the specification does not have: 403 was seen at the real service; 404 is any server's."""


class Specification:
    """Finds the schemas of bodies and holds bodies against them."""

    def __init__(self, path: Path) -> None:
        import yaml
        from jsonschema import Draft202012Validator, FormatChecker
        from referencing import Registry, Resource
        from referencing.jsonschema import DRAFT202012

        self.document = yaml.safe_load(path.read_text("utf-8"))
        registry = Registry().with_resource("lalal", Resource.from_contents(self.document, DRAFT202012))
        formats = FormatChecker()
        formats.checks("uuid4", ValueError)(lambda text: uuid.UUID(text).version == 4)
        self._validator = lambda pointer: Draft202012Validator(
            {"$ref": f"lalal#{pointer}"}, registry=registry, format_checker=formats
        )

    def faults(self, one: Exchange) -> list[str]:
        """What in a question or its answer is not as it should be."""
        operation = self.document["paths"].get(one.path, {}).get("post")
        if operation is None:
            return [f"{one.path} is no operation"]
        place = f"/paths/{one.path.replace('~', '~0').replace('/', '~1')}/post"
        found = [f"no {name}" for name in self._required_heads(operation) if name not in one.headers]
        found += self._body_faults(operation, place, one)
        return [f"{one.path} {one.status}: {fault}" for fault in found + self._answer_faults(operation, place, one)]

    def _required_heads(self, operation: Any) -> list[str]:
        schemes = self.document["components"]["securitySchemes"]
        keys = [schemes[name]["name"] for one in operation.get("security", ()) for name in one]
        heads = [one["name"] for one in operation["parameters"] if one["in"] == "header" and one["required"]]
        return [name.lower() for name in (*keys, *heads)]

    def _body_faults(self, operation: Any, place: str, one: Exchange) -> list[str]:
        if "requestBody" not in operation:
            return ["a body where none is expected"] if one.body else []
        (kind,) = operation["requestBody"]["content"]
        if one.headers.get("content-type") != kind:
            return [f"sent as {one.headers.get('content-type')}"]
        if kind != "application/json":
            return []
        return self._schema_faults(f"{place}/requestBody/content/application~1json/schema", one.body)

    def _answer_faults(self, operation: Any, place: str, one: Exchange) -> list[str]:
        if one.status in UNDECLARED and str(one.status) not in operation["responses"]:
            return [] if set(json.loads(one.answer)) == UNDECLARED[one.status] else ["another body"]
        if str(one.status) not in operation["responses"]:
            return ["this status is not declared"]
        return self._schema_faults(f"{place}/responses/{one.status}/content/application~1json/schema", one.answer)

    def _schema_faults(self, pointer: str, body: bytes) -> list[str]:
        return [error.message[:300] for error in self._validator(pointer).iter_errors(json.loads(body))]


@pytest.fixture(scope="module")
def specification() -> Specification:
    pytest.importorskip("jsonschema", reason="pip install jsonschema")
    if not FILE.exists():
        pytest.skip("the specification is shared test material")
    return Specification(FILE)


def calls(lalal: Lalal) -> list[Exchange]:
    """Everything but tracks, which lie on another host."""
    return [one for one in lalal.log if not one.path.startswith("/files/")]


def ask(lalal: Lalal, path: str, body: Any = None, **headers: str) -> Any:
    content = {"content": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
    return httpx2.post(f"{lalal.url}/api/v1/{path}/", headers={"X-License-Key": KEY, **headers}, **content)


@pytest.mark.parametrize("model", [model.name for model in ENGINE.models])
def test_what_is_sent_and_answered_is_as_specified(
    specification: Specification, lalal: Lalal, tmp_path: Path, model: str
) -> None:
    separate(Song(), request(lalal, tmp_path, model), lalal.clock)
    assert len(calls(lalal)) >= 6
    assert [fault for one in calls(lalal) for fault in specification.faults(one)] == []


@pytest.mark.parametrize("outcome", ["error", "cancelled", "gone", "interrupted"])
def test_every_end_of_a_task_is_as_specified(
    specification: Specification, lalal: Lalal, tmp_path: Path, outcome: str
) -> None:
    lalal.habits = Habits(outcome="error" if outcome == "error" else "success", work_seconds=100.0)

    def stop(seconds: float) -> None:
        lalal.clock.time += seconds
        running = [task.id for task in lalal.tasks.values()]
        if running and outcome == "cancelled":
            ask(lalal, "cancel/all")
        if running and outcome == "gone":
            lalal.clock.time += 2 * DAY
        if running and outcome == "interrupted":
            raise KeyboardInterrupt

    watched = type("Watched", (), {"now": lalal.clock.now, "sleep": staticmethod(stop)})()
    with pytest.raises((CloudError, KeyboardInterrupt)):
        separate(Song(), request(lalal, tmp_path), watched)
    assert [fault for one in calls(lalal) for fault in specification.faults(one)] == []


UUID = "2fe8f214-1771-4900-9e7e-570f823bd359"
WRONG: list[tuple[str, Any, int]] = [
    ("check", {"task_ids": "no list"}, 422),
    ("check", {"task_ids": ["no number"]}, 422),
    ("check", {"task_ids": [UUID]}, 200),
    ("check", [], 422),
    ("cancel", {"task_ids": [UUID]}, 200),
    ("cancel", {}, 422),
    ("delete", {"source_id": UUID}, 400),
    ("delete", {"source_id": "x"}, 422),
    ("split/stem_separator", {"source_id": UUID, "presets": {"stem": "vocals"}}, 400),
    ("split/multistem", {"source_id": UUID, "presets": {"stem_list": []}}, 422),
    ("split/multistem", {"source_id": UUID, "presets": {"stem_list": ["vocals"], "splitter": "auto"}}, 422),
]


@pytest.mark.parametrize(("path", "body", "status"), WRONG)
def test_the_servers_refusals_are_as_specified(
    specification: Specification, lalal: Lalal, path: str, body: Any, status: int
) -> None:
    """Of questions that are wrong on purpose only the answers are looked at."""
    assert ask(lalal, path, body).status_code == status
    (one,) = lalal.log
    declared = specification.document["paths"][one.path]["post"]["responses"]
    if str(status) in declared:  # two operations do not declare 422, and answer it all the same
        place = f"/paths/{one.path.replace('/', '~1')}/post"
        assert (
            specification._answer_faults(declared and specification.document["paths"][one.path]["post"], place, one)
            == []
        )


def test_a_missing_key_answers_as_was_seen_at_the_real_service(lalal: Lalal) -> None:
    answer = httpx2.post(f"{lalal.url}/api/v1/check/", json={"task_ids": []})
    assert answer.status_code == 403
    assert answer.json() == {"detail": "Provide license key in 'X-License-Key' header"}
    assert len(answer.headers["x-request-id"]) == 32


def test_the_validator_finds_what_is_wrong(specification: Specification, lalal: Lalal) -> None:
    """So that its silence means something."""
    heads = {"x-license-key": KEY, "content-type": "application/json"}
    split = "/api/v1/split/stem_separator/"
    good = json.dumps({"source_id": UUID, "presets": {"stem": "vocals"}, "idempotency_key": UUID}).encode()
    task = json.dumps({"task_id": UUID}).encode()
    assert specification.faults(Exchange(split, heads, good, 200, task)) == []
    wrong = [
        Exchange(split, heads, good.replace(b"vocals", b"kazoo"), 200, task),
        Exchange(split, heads, good.replace(b"-4900-", b"-1900-"), 200, task),
        Exchange(split, heads, b'{"presets": {"stem": "vocals"}}', 200, task),
        Exchange(split, heads, good, 200, b'{"id": 1}'),
        Exchange(split, heads, good, 418, b"{}"),
        Exchange(split, {"content-type": "application/json"}, good, 200, task),
        Exchange(split, {**heads, "content-type": "text/plain"}, good, 200, task),
        Exchange("/api/v1/upload/", {**heads, "content-type": "application/octet-stream"}, b"x", 200, b"{}"),
        Exchange("/api/v2/split/", heads, b"", 200, b"{}"),
        Exchange(
            "/api/v1/check/", heads, json.dumps({"task_ids": []}).encode(), 200, b'{"result": {"a": {"status": "x"}}}'
        ),
    ]
    assert [bool(specification.faults(one)) for one in wrong] == [True] * len(wrong)


def test_faults_of_the_schedules_that_look_like_answers_are_as_specified(specification: Specification) -> None:
    """A refusal with `detail` as text, object or list, with and without a code."""
    heads = {"x-license-key": KEY, "content-type": "application/json"}
    good = json.dumps({"source_id": UUID, "presets": {"stem": "vocals"}}).encode()
    for said in (
        {"detail": "text"},
        {"detail": {"reason": "x"}},
        {"detail": [{"loc": ["body"], "msg": "x", "type": "y"}]},
        {"detail": "text", "code": "new"},
    ):
        fault = Fault("answer", 400, said)
        one = Exchange("/api/v1/split/stem_separator/", heads, good, fault.status, json.dumps(fault.said).encode())
        assert specification.faults(one) == []
