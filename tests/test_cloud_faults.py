"""Every fault of a cloud service, one by one: overcome, or told as what it is with what to do now."""

from __future__ import annotations

import re
import socket
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from lalal_choices import Fault, Habits, VirtualClock
from lalal_runs import Made, Song, assert_equal, request, separate
from lalal_service import DAY, Lalal

from stem_cli.errors import CloudError, OutputError, StemError

pytestmark = pytest.mark.usefixtures("no_proxy")
LINES = [{"loc": ["body", "presets", "stem"], "msg": "Input should be 'vocals'", "type": "enum"}]
STEPS = ("minutes_left", "upload", "stem_separator", "check", "files")


def run(lalal: Lalal, data: Path, model: str = "lalal-vocals", clock: Any = None) -> Made:
    return separate(Song(), request(lalal, data, model), clock or lalal.clock)


def refused(
    lalal: Lalal, data: Path, match: str, model: str = "lalal-vocals", kind: type[StemError] = CloudError
) -> str:
    """The message of a run that fails."""
    with pytest.raises(kind, match=match) as caught:
        run(lalal, data, model)
    assert caught.value.exit_code == {CloudError: 8, OutputError: 5}[kind]
    return str(caught.value)


# -------------------------------------------------------------------------------------------------- what is overcome


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    "fault",
    [
        Fault("before"),
        Fault("half"),
        Fault("answer", 500, {"detail": "Internal Server Error"}),
        Fault("answer", 502, b"<html>Bad Gateway</html>"),
        Fault("answer", 503, b""),
        Fault("answer", 429, {"detail": "Too many requests"}),
        Fault("answer", 408, {"detail": "Request Timeout"}),
    ],
    ids=lambda fault: f"{fault.how}{fault.status or ''}",
)
def test_a_passing_fault_anywhere_is_overcome(lalal: Lalal, tmp_path: Path, step: str, fault: Fault) -> None:
    """Twice in a row; the task is started once."""
    lalal.faults[step] += [fault, fault]
    assert_equal(run(lalal, tmp_path), Song(), "lalal-vocals")
    assert len(lalal.charged) == 1


@pytest.mark.parametrize("step", [*STEPS[:4], "delete"])
@pytest.mark.parametrize("said", [b"<html>Log in</html>", [1], {}, {"result": {}}, "text", None, 7])
def test_answers_that_make_no_sense_are_asked_again(lalal: Lalal, tmp_path: Path, step: str, said: Any) -> None:
    lalal.faults[step] += [Fault("answer after", 200, said)]
    lalal.habits = Habits(queue_seconds=60)
    assert_equal(run(lalal, tmp_path), Song(), "lalal-vocals")
    assert len(lalal.tasks) == 1


def test_a_connection_that_drops_in_mid_upload_sends_the_song_again(lalal: Lalal, tmp_path: Path) -> None:
    lalal.faults["upload"] += [Fault("body"), Fault("body")]
    run(lalal, tmp_path)
    assert lalal.steps().count("upload") == 3
    assert len(lalal.sources) == 1


def test_an_upload_that_arrives_cut_is_noticed(lalal: Lalal, tmp_path: Path) -> None:
    """Its size, or its length, is not what was sent."""
    for wrong in ({"size": 17}, {"duration": 90}):
        told = {"id": "x", "name": "x.flac", "size": 0, "duration": 0, "expires": 2e9}
        lalal.faults["upload"] += [Fault("answer", 200, {**told, **wrong})]
    run(lalal, tmp_path)
    assert lalal.steps().count("upload") == 3


def test_a_connection_that_drops_in_mid_download_goes_on_there(lalal: Lalal, tmp_path: Path) -> None:
    lalal.faults["files"] += [Fault("half"), Fault("half")]
    assert_equal(run(lalal, tmp_path), Song(), "lalal-vocals")
    asked = [one for one in lalal.log if one.path.startswith("/files/")]
    assert [one.status for one in asked] == [200, 206, 206, 200]
    starts = [int(one.headers["range"].removeprefix("bytes=").rstrip("-")) for one in asked[1:3]]
    assert 0 < starts[0] < starts[1]
    assert all("if-range" in one.headers for one in asked[1:3])


def test_a_host_that_does_not_go_on_sends_it_anew(lalal: Lalal, tmp_path: Path) -> None:
    lalal.faults["files"] += [Fault("half"), Fault("whole")]
    assert_equal(run(lalal, tmp_path), Song(), "lalal-vocals")


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_an_expired_address_is_asked_for_again(lalal: Lalal, tmp_path: Path, status: int) -> None:
    lalal.faults["files"] += [Fault("answer", status, {"detail": "gone"})]
    assert_equal(run(lalal, tmp_path), Song(), "lalal-vocals")
    assert len({one.path for one in lalal.log if one.path.startswith("/files/")}) == 3


@pytest.mark.parametrize("how", ["short", "bent", "page"])
def test_a_track_that_is_not_whole_is_fetched_again(lalal: Lalal, tmp_path: Path, how: str) -> None:
    lalal.faults["files"] += [Fault(how)]
    assert_equal(run(lalal, tmp_path), Song(), "lalal-vocals")


def test_a_track_whose_samples_are_not_those_its_head_promises_is_fetched_again(lalal: Lalal, tmp_path: Path) -> None:
    """A file that decodes without a murmur, and holds other samples than were sent."""
    song = Song()
    other = replace_md5(lalal, song, tmp_path)
    lalal.faults["files"] += [Fault("answer", 200, other)]
    assert_equal(run(lalal, tmp_path / "two"), song, "lalal-vocals")
    assert lalal.steps().count("files") >= 4


def replace_md5(lalal: Lalal, song: Song, data: Path) -> bytes:
    """A track of an earlier run with another MD5 in its head."""
    separate(song, request(lalal, data), lalal.clock)
    body = next(one.answer for one in lalal.log if one.path.endswith("/vocals"))
    return body[:26] + bytes(16 * [7]) + body[42:]


def test_a_full_minute_of_checks_is_never_exceeded(lalal: Lalal, tmp_path: Path) -> None:
    """A long task, then two songs at once after one another."""
    lalal.habits = Habits(work_seconds=900.0)
    for seed in range(3):
        separate(Song(seed=seed), request(lalal, tmp_path), lalal.clock)
    assert lalal.most_checks_a_minute() <= 30


def test_too_many_questions_are_asked_again_slower_and_slower(lalal: Lalal, tmp_path: Path) -> None:
    """429 names no time: 2 s, doubled up to 30."""
    lalal.faults["check"] += [Fault("answer", 429, {"detail": "slow down"})] * 7
    run(lalal, tmp_path)
    times = lalal.clock_of("check")
    gaps = [round(later - earlier, 1) for earlier, later in pairwise(times)]
    assert gaps[:7] == [2.1, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]


def test_internal_errors_are_tried_again_with_the_same_key(lalal: Lalal, tmp_path: Path) -> None:
    trouble = {"detail": "Try again", "code": "internal_error"}
    lalal.faults["stem_separator"] += [Fault("answer", 400, trouble)] * 3
    run(lalal, tmp_path)
    keys = {re.search(rb'"idempotency_key": ?"([^"]+)"', one.body)[1] for one in lalal.log if "stem_sep" in one.path}  # type: ignore[index]
    assert len(keys) == 1
    assert lalal.steps().count("stem_separator") == 4


def test_a_service_that_cannot_tell_for_a_moment_is_asked_again(lalal: Lalal, tmp_path: Path) -> None:
    lalal.faults["check"] += [Fault("unsure"), Fault("unsure")]
    assert_equal(run(lalal, tmp_path), Song(), "lalal-vocals")


def test_minutes_and_deletion_that_fail_in_the_end_harm_nothing(lalal: Lalal, tmp_path: Path) -> None:
    lalal.faults["delete"] += [Fault("answer", 500, {})]
    lalal.faults["minutes_left"] += [Fault("pass"), Fault("answer", 500, {})]
    made = run(lalal, tmp_path)
    assert "LALAL.AI: the song could not be deleted there; it goes by itself within 24 hours" in made.notes
    assert not [note for note in made.notes if "left now" in note]


# ----------------------------------------------------------------------------------------------------- what is told


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"detail": "Something odd"}, r"LALAL\.AI refuses: Something odd \(400\)"),
        ({"detail": {"reason": "odd"}}, r'refuses: \{"reason": "odd"\} \(400\)'),
        ({"detail": LINES}, r"refuses: body\.presets\.stem: Input should be 'vocals' \(400\)"),
        ({"detail": "Odd", "code": "new_code"}, r"refuses: Odd \(new_code\)"),
        ({"detail": None}, r"refuses: answers 400"),
        ({"detail": [LINES[0], "more"], "code": 7}, r"refuses: body\.presets\.stem: .*; more \(400\)"),
        ([], r"refuses: answers 400"),
        (b"<html>", r"refuses: answers 400"),
        ({"detail": "two\nlines \x1b[31mred"}, r"refuses: two lines \[31mred \(400\)"),
        ({"detail": "x" * 5000}, r"refuses: x{300} \(400\)"),
    ],
)
def test_refusals_are_told_whatever_their_form(lalal: Lalal, tmp_path: Path, said: Any, words: str) -> None:
    lalal.faults["stem_separator"] += [Fault("answer", 400, said)] * 2
    message = refused(lalal, tmp_path, words)
    assert "request's number" in message
    assert not lalal.charged


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("exceeded_duration", "there are not enough minutes left on the account"),
        ("max_duration", "longer than the account's plan allows.*--time"),
        ("exceeded_size", "larger than the account's plan allows.*--time"),
        ("batch_not_avaliable", "has no batches"),
    ],
)
def test_codes_are_told_in_our_words(lalal: Lalal, tmp_path: Path, code: str, words: str) -> None:
    lalal.faults["stem_separator"] += [Fault("answer", 400, {"detail": "No", "code": code})]
    refused(lalal, tmp_path, words)
    assert lalal.steps().count("stem_separator") == 1


@pytest.mark.parametrize("step", ["minutes_left", "upload", "stem_separator", "check"])
def test_a_key_that_is_not_accepted_answers_403(lalal: Lalal, tmp_path: Path, step: str) -> None:
    said = {"detail": "Provide license key in 'X-License-Key' header"}
    lalal.faults[step] += [Fault("answer", 403, said)]
    refused(lalal, tmp_path, r"it does not accept the key \(Provide license key.*Copy the key of your account anew")
    assert lalal.steps()[-1] == step


def test_a_wrong_key(lalal: Lalal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEM_LALAL_KEY", "another-key")
    assert "another-key" not in refused(lalal, tmp_path, "it does not accept the key")


def test_a_plan_without_api_is_told_in_the_services_words(lalal: Lalal, tmp_path: Path) -> None:
    said = {"detail": "Premium license required to access this feature."}
    lalal.faults["stem_separator"] += [Fault("answer", 400, said)]
    refused(lalal, tmp_path, "Premium license required to access this feature")


def test_a_failed_task_answers_200_and_is_no_success(lalal: Lalal, tmp_path: Path) -> None:
    lalal.habits = Habits(outcome="error")
    words = r"could not do it: Unable to detect voice in the file \(inference_error, e-17\)"
    assert "1000.0 minutes left" in refused(lalal, tmp_path, words)
    assert all(source.deleted for source in lalal.sources.values())
    lalal.habits = Habits()
    assert_equal(run(lalal, tmp_path), Song(), "lalal-vocals")
    assert len(lalal.charged) == 1


def test_a_task_that_somebody_else_cancelled(lalal: Lalal, tmp_path: Path) -> None:
    lalal.faults["check"] += [Fault("cancelled")]
    refused(lalal, tmp_path, "was cancelled by somebody else")
    assert_equal(run(lalal, tmp_path), Song(), "lalal-vocals")


def test_an_unknown_state_is_no_success(lalal: Lalal, tmp_path: Path) -> None:
    lalal.faults["check"] += [Fault("strange")] * 20
    assert "within 24 hours" in refused(lalal, tmp_path, "an answer that makes no sense")


def test_a_service_that_never_finishes(lalal: Lalal, tmp_path: Path) -> None:
    lalal.habits = Habits(work_seconds=1e9)
    hurried = type("Hurried", (), {"now": lalal.clock.now, "sleep": lambda seconds: lalal.clock.sleep(100 * seconds)})
    with pytest.raises(CloudError, match=r"(does not finish|cannot say).*STEM_PAY_AGAIN="):
        run(lalal, tmp_path, clock=hurried)


def test_a_service_that_is_down_says_that_nothing_was_paid(lalal: Lalal, tmp_path: Path) -> None:
    lalal.surprise = lambda step: Fault("answer", 503, b"")
    assert "Nothing was paid" in refused(lalal, tmp_path, r"the minutes left are not known: LALAL\.AI answers 503")


def test_a_service_that_goes_down_after_the_start_says_how_to_go_on(lalal: Lalal, tmp_path: Path) -> None:
    lalal.faults["check"] += [Fault("answer", 503, b"")] * 20
    assert "the same command takes it up again, within 24 hours" in refused(lalal, tmp_path, "answers 503")
    lalal.faults.clear()
    assert_equal(run(lalal, tmp_path), Song(), "lalal-vocals")
    assert len(lalal.tasks) == 1


def test_no_network_at_all(lalal: Lalal, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{probe.getsockname()[1]}"
    asked = replace(request(lalal, tmp_path), cloud_url=nowhere)
    with pytest.raises(CloudError, match=r"no connection to 127\.0\.0\.1:\d+.*Nothing was paid"):
        separate(Song(), asked, lalal.clock)


def test_tracks_that_cannot_be_fetched_stay_paid(lalal: Lalal, tmp_path: Path) -> None:
    lalal.faults["files"] += [Fault("answer", 500, b"")] * 50
    assert "is not paid twice" in refused(
        lalal, tmp_path, r"vocals of LALAL\.AI cannot be fetched \(the host of the tracks answers 500\)"
    )
    lalal.faults["files"].clear()
    assert_equal(run(lalal, tmp_path), Song(), "lalal-vocals")
    assert len(lalal.tasks) == 1


def test_addresses_that_never_work(lalal: Lalal, tmp_path: Path) -> None:
    lalal.faults["files"] += [Fault("answer", 404, b"")] * 50
    assert "is not paid twice" in refused(lalal, tmp_path, "the address of a track answers 404")


def test_tracks_that_stay_damaged_are_no_success(lalal: Lalal, tmp_path: Path) -> None:
    lalal.faults["files"] += [Fault("bent")] * 50
    refused(lalal, tmp_path, "a track (was damaged|cannot be read)")


def test_a_disk_that_cannot_be_written(lalal: Lalal, tmp_path: Path) -> None:
    (tmp_path / "cloud").write_text("a file in the way")
    refused(lalal, tmp_path, "cannot be written", kind=OutputError)
    assert not lalal.log


# ------------------------------------------------------------------------------------------------ songs that are gone


@pytest.mark.parametrize(("later", "deleted"), [(2 * DAY, False), (10, True)])
def test_a_source_that_is_gone_goes_up_again_where_nothing_was_paid(
    lalal: Lalal, tmp_path: Path, later: int, deleted: bool
) -> None:
    """A day later; also where it is gone before its time."""
    lalal.faults["stem_separator"] += [Fault("answer", 400, {"detail": "No", "code": "max_duration"})]
    refused(lalal, tmp_path, "plan allows", "lalal-vocals")
    lalal.clock.sleep(later)
    for source in lalal.sources.values():
        source.deleted = source.deleted or deleted
    assert_equal(run(lalal, tmp_path), Song(), "lalal-vocals")
    assert lalal.steps().count("upload") == 2


def test_a_source_of_an_hour_ago_is_used_again(lalal: Lalal, tmp_path: Path) -> None:
    lalal.faults["stem_separator"] += [Fault("answer", 400, {"detail": "No", "code": "max_duration"})]
    refused(lalal, tmp_path, "plan allows")
    lalal.clock.sleep(3600)
    run(lalal, tmp_path)
    assert lalal.steps().count("upload") == 1


def test_results_that_are_gone_after_a_day_are_not_paid_again_by_themselves(
    lalal: Lalal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lalal.faults["check"] += [Fault("answer", 503, b"")] * 20
    refused(lalal, tmp_path, "answers 503")
    lalal.clock.sleep(2 * DAY)
    lalal.faults["check"].clear()
    message = refused(lalal, tmp_path, "Its results were kept for 24 hours and are gone")
    assert len(lalal.tasks) == 1
    number = re.search(r"STEM_PAY_AGAIN=(\w+)", message)[1]  # type: ignore[index]
    monkeypatch.setenv("STEM_PAY_AGAIN", "another0")
    refused(lalal, tmp_path, "are gone")
    monkeypatch.setenv("STEM_PAY_AGAIN", number)
    assert_equal(run(lalal, tmp_path), Song(), "lalal-vocals")
    assert len(lalal.tasks) == 2


def test_every_message_says_what_to_do(lalal: Lalal, tmp_path: Path) -> None:
    """Two sentences at least, in one line, without names of Python."""
    faults: list[tuple[str, Fault]] = [
        ("minutes_left", Fault("answer", 503, b"")),
        ("upload", Fault("body")),
        ("upload", Fault("answer", 413, {"detail": "too large"})),
        ("stem_separator", Fault("after")),
        ("stem_separator", Fault("answer", 422, {"detail": LINES})),
        ("check", Fault("strange")),
        ("check", Fault("answer", 400, {"detail": "too old"})),
        ("files", Fault("half")),
        ("files", Fault("short")),
    ]
    for number, (step, fault) in enumerate(faults):
        lalal.faults.clear()
        lalal.faults[step] += [fault] * 60
        with pytest.raises(CloudError) as caught:
            separate(Song(seed=number), request(lalal, tmp_path), lalal.clock)
        text = str(caught.value)
        assert "\n" not in text
        assert "Error" not in text
        assert caught.value.hint.endswith(".")


def test_time_is_not_wasted_where_there_is_no_hope(lalal: Lalal, tmp_path: Path) -> None:
    """A minute without a connection, not an hour."""
    clock = VirtualClock()
    lalal.surprise = lambda step: Fault("before")
    with pytest.raises(CloudError):
        run(lalal, tmp_path, clock=clock)
    assert clock.now() - VirtualClock().now() < 60
