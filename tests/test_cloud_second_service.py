"""A second service is a second description: one that works like MVSEP, whose order carries the song in a form.

It knows no key that makes a repetition harmless, no minutes, no cancelling and no deleting. So an order whose answer is
lost is never sent again by itself.
"""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from lalal_choices import VirtualClock
from lalal_runs import FULL, Made, Song, cloud, separate

from stem_cli.engines import Model, Request
from stem_cli.engines.cloud.service import Advice, Ask, Call, Offer, Service, Status, Track
from stem_cli.errors import CloudError

pytestmark = pytest.mark.usefixtures("no_proxy")
TOKEN = "token-of-mvsep"
OFFER = Offer(
    model=Model("toy-vocals", "Vocals; the rest is other", ("vocals", "other"), "paid"),
    charged=1,
    parts={"vocals": ("Vocals",), "other": ("Instrumental",)},
    path="/api/separation/create",
    wishes={"sep_type": "40", "output_format": "2", "is_demo": "0"},
)


def start(ask: Ask) -> Call:
    return Call(ask.offer.path, form=dict(ask.offer.wishes), file=ask.file, file_field="audiofile")


def read_check(answer: Any, task: str) -> Status:
    if answer["status"] == "done":
        return Status("done", tracks=tuple(Track(one["name"], one["url"]) for one in answer["data"]["files"]))
    return Status("failed", "it failed") if answer["status"] == "failed" else Status("waiting")


TOY = Service(
    name="toy",
    title="Toy",
    url="https://toy.example",
    key_variable="STEM_TOY_TOKEN",
    key_page="the page of your account",
    sound={"algorithm": "40"},
    keyed=False,
    lifetime_seconds=24 * 3600,
    most_bytes=10**8,
    codes={"forbidden": Advice("it does not accept the token", "Copy it anew.")},
    offers=(OFFER,),
    offer=lambda name: OFFER if name == OFFER.model.name else None,
    cheapest=lambda wanted: OFFER,
    sign=lambda call, key: replace(call, form={**call.form, "api_token": key}) if call.file else call,
    read_refusal=lambda answer: ("", answer["errors"]),
    start=start,
    read_start=lambda answer: str(answer["data"]["hash"]),
    check=lambda task: Call(f"/api/separation/get?hash={task}", method="GET"),
    read_check=read_check,
)


@dataclass
class Toy:
    """The service. lose: drop the connection instead of answering the next orders."""

    url: str = ""
    lose: int = 0
    orders: list[bytes] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def tracks(self) -> dict[str, bytes]:
        body = self.orders[-1]
        song, rate = soundfile.read(io.BytesIO(body[body.index(b"fLaC") :]), dtype="int32", always_2d=True)
        vocals = (song >> 8) // 3
        made = {"Vocals": vocals, "Instrumental": (song >> 8) - vocals}
        return {name: flac(whole, rate) for name, whole in made.items()}


def flac(whole: np.ndarray, rate: int) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, (whole << 8).astype(np.int32), rate, format="FLAC", subtype="PCM_24")
    return out.getvalue()


@contextmanager
def serving() -> Iterator[Toy]:
    toy = Toy()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if TOKEN.encode() not in body:
                return self.say(401, {"success": False, "errors": "bad token"})
            toy.orders.append(body)
            if toy.lose:
                toy.lose -= 1
                return None
            return self.say(200, {"success": True, "data": {"hash": f"task{len(toy.orders)}"}})

        def do_GET(self) -> None:
            toy.asked.append(self.path)
            if self.path.startswith("/api/"):
                done = len(toy.asked) > 2
                files = [{"name": name, "url": f"{toy.url}/{name}"} for name in ("Vocals", "Instrumental")]
                return self.say(200, {"status": "done" if done else "waiting", "data": {"files": files}})
            return self.say(200, toy.tracks()[self.path.strip("/")])

        def say(self, status: int, body: Any) -> None:
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        toy.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield toy
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Toy]:
    monkeypatch.setattr(cloud, "SERVICES", (cloud.LALAL, TOY))
    monkeypatch.setenv("STEM_TOY_TOKEN", TOKEN)
    with serving() as server:
        yield server


def run(toy: Toy, data: Path, song: Song) -> Made:
    asked = Request(engine="cloud", model="toy-vocals", allow_cloud=True, cloud_url=toy.url, data_dir=data)
    return separate(song, asked, VirtualClock())


def test_it_works_by_its_description_alone(toy: Toy, tmp_path: Path) -> None:
    song = Song()
    made = run(toy, tmp_path, song)
    assert np.array_equal(made.stems["vocals"], song.whole // 3)
    assert np.array_equal(sum(made.stems.values()), song.whole)
    assert made.notes == ["Toy: this takes 0.01 minutes (0:00 x 1)"]
    (order,) = toy.orders
    for name, value in {**OFFER.wishes, "api_token": TOKEN}.items():
        assert re.search(rb'name="%b"\r\n\r\n%b\r\n' % (name.encode(), value.encode()), order)
    assert b'name="audiofile"; filename="stem-' in order
    assert cloud.ENGINE.cost(Request(model=OFFER.model.name), 60.0) == "Toy charges 1.0 minutes (1:00 x 1)"
    assert abs(made.stems["vocals"]).max() < FULL


def test_an_order_whose_answer_is_lost_is_not_sent_again(
    toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.lose = 1
    for _ in range(3):
        with pytest.raises(CloudError, match="Whether Toy has started the task is not known") as caught:
            run(toy, tmp_path, Song())
    assert len(toy.orders) == 1
    number = re.search(r"STEM_PAY_AGAIN=(\w{8})", str(caught.value))[1]  # type: ignore[index]
    monkeypatch.setenv("STEM_PAY_AGAIN", number)
    run(toy, tmp_path, Song())
    assert len(toy.orders) == 2


def test_its_token_is_told_nowhere(toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEM_TOY_TOKEN", "wrong")
    with pytest.raises(CloudError, match=r"Toy: it does not accept the token \(bad token\)"):
        run(toy, tmp_path, Song())
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
