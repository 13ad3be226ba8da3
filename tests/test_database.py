"""What is remembered, on SQLite and on a PostgreSQL server of our own: the same tests for both."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import postgres
import pytest
import soundfile
from conftest import Stem, music
from sqlalchemy import text
from workshop import files, opened, run

from stem_cli import artifacts
from stem_cli.audio import fingerprint, probe
from stem_cli.database import Database, open_database
from stem_cli.database import migrations as steps
from stem_cli.errors import OutputError, UsageError

TABLES = ("files", "tracks", "jobs", "separations", "quality", "artifacts")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres.server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'db' / 'stem.sqlite'}"
    return postgres.new_database(request.getfixturevalue("server"))


@pytest.fixture
def database(url: str, tmp_path: Path) -> Iterator[Database]:
    made = open_database(url, tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """A short song, as nothing here depends on its sound."""
    path = tmp_path / "work" / "song.wav"
    soundfile.write(path, music(0.5), 44100, subtype="PCM_16")
    return path


# -------------------------------------------------------------------------------------------------------- its schema


def test_a_new_database_has_the_newest_schema(database: Database) -> None:
    assert database.rows("SELECT version FROM schema_version") == [{"version": len(steps.MIGRATIONS)}]
    for table in TABLES:
        assert database.rows(f"SELECT count(*) AS count FROM {table}") == [{"count": 0}]


def test_migrations_are_numbered_without_a_gap_and_explained() -> None:
    for number, step in enumerate(steps.MIGRATIONS, start=1):
        assert re.match(rf"m{number:03}_[a-z0-9_]+$", step.__name__)
        assert step.__doc__
    defined = [name for name in vars(steps) if re.match(r"m\d{3}_", name)]
    assert [step.__name__ for step in steps.MIGRATIONS] == sorted(defined)


def test_opening_again_changes_nothing(url: str, tmp_path: Path) -> None:
    first = open_database(url, tmp_path)
    job = first.start_job("digest", "request")
    first.close()
    for _ in range(2):
        again = open_database(url, tmp_path)
        assert [row["id"] for row in again.rows("SELECT id FROM jobs")] == [job]
        again.close()


def test_only_the_missing_steps_are_taken(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old database gets the new step and keeps its rows; the old steps do not run again."""
    first = open_database(url, tmp_path)
    first.start_job("digest", "request")
    first.close()

    def add_column(connection: object) -> None:
        connection.execute(text("ALTER TABLE jobs ADD COLUMN colour TEXT DEFAULT 'blue'"))  # type: ignore[attr-defined]

    monkeypatch.setattr("stem_cli.database.MIGRATIONS", (*steps.MIGRATIONS, add_column))
    for _ in range(2):
        later = open_database(url, tmp_path)
        assert later.rows("SELECT colour FROM jobs") == [{"colour": "blue"}]
        assert later.rows("SELECT version FROM schema_version") == [{"version": len(steps.MIGRATIONS) + 1}]
        later.close()


def test_a_step_that_fails_leaves_nothing_behind(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(connection: object) -> None:
        connection.execute(text("CREATE TABLE half (id INTEGER)"))  # type: ignore[attr-defined]
        connection.execute(text("NO SUCH THING"))  # type: ignore[attr-defined]

    open_database(url, tmp_path).close()
    with monkeypatch.context() as patched:
        patched.setattr("stem_cli.database.MIGRATIONS", (*steps.MIGRATIONS, broken))
        with pytest.raises(OutputError):
            open_database(url, tmp_path)
    after = open_database(url, tmp_path)
    assert after.rows("SELECT version FROM schema_version") == [{"version": len(steps.MIGRATIONS)}]
    with pytest.raises(OutputError):
        after.rows("SELECT * FROM half")
    after.close()


def test_a_database_of_a_newer_program_is_refused(url: str, tmp_path: Path) -> None:
    made = open_database(url, tmp_path)
    made.run("UPDATE schema_version SET version = 9999")
    made.close()
    with pytest.raises(OutputError, match="newer"):
        open_database(url, tmp_path)


OPEN = """
import sys
from pathlib import Path
from stem_cli.database import open_database
sys.stdin.read(1)
database = open_database(sys.argv[1], Path(sys.argv[2]))
print(database.start_job("digest " + sys.argv[3], "request"))
database.close()
"""


def test_processes_that_migrate_at_once_do_not_meet(url: str, tmp_path: Path) -> None:
    """Four start together on a database that is not there yet; each then writes into it."""
    for attempt in range(2):
        place = f"{url}{attempt}" if url.startswith("sqlite") else url
        started = [
            subprocess.Popen(
                [sys.executable, "-c", OPEN, place, str(tmp_path), str(number)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for number in range(4)
        ]
        for process in started:
            assert process.stdin is not None
            process.stdin.write("g")
            process.stdin.flush()
        ends = [process.communicate(timeout=60) for process in started]
        assert [process.returncode for process in started] == [0] * 4, ends
        assert len({out for out, _ in ends}) == 4
        if not place.startswith("sqlite"):
            break
        shutil.rmtree(tmp_path / "db")


def test_writers_of_several_processes_wait_for_one_another(url: str, tmp_path: Path) -> None:
    script = OPEN.replace(
        'print(database.start_job("digest " + sys.argv[3], "request"))',
        """
for number in range(40):
    job = database.start_job(f"digest {sys.argv[3]} {number}", "request")
    database.end_job(job, "done")
""",
    )
    open_database(url, tmp_path).close()
    command = [sys.executable, "-c", script, url, str(tmp_path)]
    started = [subprocess.Popen([*command, str(number)], stdin=subprocess.DEVNULL) for number in range(3)]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    after = open_database(url, tmp_path)
    assert after.rows("SELECT count(*) AS done FROM jobs WHERE state = 'done'") == [{"done": 120}]
    after.close()


# ------------------------------------------------------------------------------------------------------ transactions


def test_a_change_that_fails_half_way_is_not_there(database: Database) -> None:
    def change() -> None:
        with database.change() as connection:
            connection.execute(text("INSERT INTO quality VALUES (1, 'vocals', 'share_db', 0.5)"))
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        change()
    assert database.rows("SELECT * FROM quality") == []


def test_silence_is_null(database: Database) -> None:
    database.run("INSERT INTO quality VALUES (1, 'vocals', 'rms_db', :value)", value=None)
    assert database.rows("SELECT value FROM quality") == [{"value": None}]


def test_what_the_database_refuses_is_an_output_error(database: Database) -> None:
    with pytest.raises(OutputError, match="cannot be used"):
        database.run("INSERT INTO nothing VALUES (1)")


# -------------------------------------------------------------------------------------------------------------- jobs


def state_of(database: Database, job: int) -> dict[str, object]:
    return dict(database.rows("SELECT * FROM jobs WHERE id = :id", id=job)[0])


def test_a_job_goes_from_running_to_done(database: Database) -> None:
    job = database.start_job("digest", "request")
    running = state_of(database, job)
    assert (running["state"], running["attempts"], running["error"]) == ("running", 1, "")
    assert (running["host"], running["pid"]) == (platform.node(), os.getpid())
    database.end_job(job, "done")
    done = state_of(database, job)
    assert done["state"] == "done"
    assert str(done["finished_at"]) >= str(done["started_at"]) > "2020"


def test_a_failed_job_says_why(database: Database) -> None:
    job = database.start_job("digest", "request")
    database.end_job(job, "failed", "no space for \udcff.mp3")
    assert "no space" in str(state_of(database, job)["error"])


def test_a_job_whose_process_died_is_interrupted_by_the_next_try(database: Database) -> None:
    dead = database.start_job("digest", "request")
    other_song, other_request = database.start_job("another", "request"), database.start_job("digest", "another")
    again = database.start_job("digest", "request")
    assert state_of(database, dead)["state"] == "interrupted"
    assert state_of(database, again)["attempts"] == 2
    assert state_of(database, other_song)["state"] == state_of(database, other_request)["state"] == "running"


def test_a_job_of_another_machine_is_left_alone(database: Database) -> None:
    """The lock that tells whether its process lives lies on that machine."""
    there = database.start_job("digest", "request")
    database.run("UPDATE jobs SET host = 'another machine' WHERE id = :id", id=there)
    database.start_job("digest", "request")
    assert state_of(database, there)["state"] == "running"


# ------------------------------------------------------------------------------------------------------ fingerprints


def test_a_fingerprint_is_remembered_while_the_file_is_the_same(database: Database, song: Path) -> None:
    """Proven by changing what is remembered: an unchanged file is not read again."""
    first = database.fingerprint(probe(song))
    assert first == fingerprint(probe(song))
    database.run("UPDATE files SET digest = 'remembered'")
    assert database.fingerprint(probe(song)).digest == "remembered"


@pytest.mark.parametrize("change", ["mtime", "size", "inode", "path"])
def test_a_changed_file_is_read_again(database: Database, song: Path, change: str) -> None:
    database.fingerprint(probe(song))
    database.run("UPDATE files SET digest = 'remembered'")
    stat = song.stat()
    if change == "mtime":
        os.utime(song, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    elif change == "size":
        soundfile.write(song, music(1.0), 44100, subtype="PCM_16")
        os.utime(song, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    elif change == "inode":
        shutil.copy2(song, song.with_suffix(".copy"))
        song.with_suffix(".copy").replace(song)
    else:
        song = song.rename(song.with_name("renamed.wav"))
    assert database.fingerprint(probe(song)) == fingerprint(probe(song))
    assert len(database.rows("SELECT * FROM files")) == (2 if change == "path" else 1)


# ---------------------------------------------------------------------------------------------------------- the road


def test_a_separation_is_noted_with_its_quality_and_artifacts(url: str, song: Path, tmp_path: Path) -> None:
    with opened(tmp_path, database_url=url) as shop:
        result = run(shop, song, tmp_path / "stems")
        rows = shop.database.rows
        assert [row["state"] for row in rows("SELECT state FROM jobs")] == ["done"]
        (made,) = rows("SELECT * FROM separations")
        assert (made["digest"], made["cached"], made["span"]) == (result.track.digest, 0, "")
        assert Path(made["folder"]) == tmp_path / "stems" / result.place.home.name / "metadata.json"
        stems = {row["stem"] for row in rows("SELECT DISTINCT stem FROM quality")}
        assert stems == set(files(result))
        found = artifacts.find(shop.database, source_digest=result.track.digest)
        assert {one.id for one in found} == set(result.artifacts)
        assert {one.path for one in found} == {path.absolute() for path in files(result).values()}
        assert artifacts.find(shop.database, kind="audio_stem_bass")[0].name == "bass"
        assert artifacts.get(shop.database, result.artifacts[0][:6]).id == result.artifacts[0]


def test_a_cached_separation_is_noted_as_such(url: str, song: Path, tmp_path: Path) -> None:
    with opened(tmp_path, database_url=url) as shop:
        run(shop, song, tmp_path / "one")
        run(shop, song, tmp_path / "two")
        cached = shop.database.rows("SELECT cached FROM separations ORDER BY id")
        assert [row["cached"] for row in cached] == [0, 1]
        assert len(shop.database.rows("SELECT * FROM jobs WHERE state = 'done'")) == 2


def test_a_separation_that_fails_is_a_failed_job(url: str, song: Path, tmp_path: Path) -> None:
    sound, rate = soundfile.read(song, dtype="float32")
    sound[len(sound) // 2] = float("nan")
    soundfile.write(song, sound, rate, subtype="FLOAT")
    with opened(tmp_path, database_url=url) as shop:
        with pytest.raises(Exception, match="no numbers"):
            run(shop, song, tmp_path / "stems")
        (job,) = shop.database.rows("SELECT state, error FROM jobs")
        assert job["state"] == "failed"
        assert "no numbers" in job["error"]
        assert shop.database.rows("SELECT * FROM separations") == []


def test_an_interrupted_separation_is_an_interrupted_job(url: str, song: Path, tmp_path: Path) -> None:
    class Impatient:
        def begin(self, track: object, engine: str, why: str, frames: int) -> None:
            raise KeyboardInterrupt

        def advance(self, frames: int) -> None: ...

        def note(self, text: str) -> None: ...

    with opened(tmp_path, database_url=url) as shop:
        with pytest.raises(KeyboardInterrupt):
            run(shop, song, tmp_path / "stems", listener=Impatient())
        assert [row["state"] for row in shop.database.rows("SELECT state FROM jobs")] == ["interrupted"]
        run(shop, song, tmp_path / "stems")
        jobs = shop.database.rows("SELECT state, attempts FROM jobs ORDER BY id")
        assert [(job["state"], job["attempts"]) for job in jobs] == [("interrupted", 1), ("done", 2)]


def test_an_unforeseen_error_is_a_failed_job_that_says_what_it_was(url: str, song: Path, tmp_path: Path) -> None:
    class Broken:
        def begin(self, track: object, engine: str, why: str, frames: int) -> None:
            raise ZeroDivisionError("a listener's bug")

        def advance(self, frames: int) -> None: ...

        def note(self, text: str) -> None: ...

    with opened(tmp_path, database_url=url) as shop:
        with pytest.raises(ZeroDivisionError):
            run(shop, song, tmp_path / "stems", listener=Broken())
        (job,) = shop.database.rows("SELECT state, error FROM jobs")
        assert job["state"] == "failed"
        assert "a listener's bug" in job["error"]


def test_the_command_line_works_with_postgresql(stem: Stem, song: Path, server: str) -> None:
    url = postgres.new_database(server)
    made = stem("separate", song, "--quiet", env={**os.environ, "STEM_DATABASE_URL": url}).stdout.splitlines()
    assert len(made) == 4
    listed = stem("artifacts", env={**os.environ, "STEM_DATABASE_URL": url}).stdout.splitlines()
    assert len(listed) == 4
    assert not (Path(os.environ["STEM_DATA_DIR"]) / "stem.sqlite").exists()


# -------------------------------------------------------------------------------------------------- where it may lie


def test_without_a_url_it_is_sqlite_in_the_data_folder(tmp_path: Path) -> None:
    open_database("", tmp_path / "new" / "folder").close()
    with sqlite3.connect(tmp_path / "new" / "folder" / "stem.sqlite") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


@pytest.mark.parametrize("wrong", ["mysql://user@host/name", "not a url", "oracle://x", "postgresql+nonsense://h/n"])
def test_a_url_that_makes_no_sense_is_a_usage_error(wrong: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        open_database(wrong, tmp_path)


@pytest.mark.skipif(bool(postgres.missing()), reason="install postgresql")
def test_a_server_that_is_not_there_is_an_output_error_that_hides_the_password(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be used") as caught:
        open_database("postgresql://somebody:secret@127.0.0.1:1/name", tmp_path)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "stem.sqlite").write_text("this is no database, whatever its name says" * 100)
    with pytest.raises(OutputError, match="cannot be used"):
        open_database("", tmp_path)
