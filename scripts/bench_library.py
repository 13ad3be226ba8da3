"""A large library and a long queue: python scripts/bench.py scan queue [--files 20000] [--queued 10000]

scan: small tagged songs in folders of a hundred; read for the first time, then with nothing changed, then `stem batch`
with nothing to do. queue: how long it takes to take the next song, on SQLite, and on PostgreSQL where it is installed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from measure import STEM, show, timed

_SONGS = """
import sys, pathlib, numpy, soundfile, mutagen.id3
home, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
blank = home / "blank.mp3"
soundfile.write(blank, numpy.random.default_rng(0).standard_normal((44100, 2)) * 0.1, 44100, format="MP3")
sound = blank.read_bytes()
blank.unlink()
for number in range(count):
    path = home / f"{number // 100:04}" / f"{number:06}.mp3"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(sound)
    tags = mutagen.id3.ID3()
    texts = {"TIT2": f"Song {number}", "TPE1": "Artist", "TCON": "House", "TBPM": "124", "TKEY": "8A"}
    for frame, text in texts.items():
        tags.add(getattr(mutagen.id3, frame)(encoding=3, text=[text]))
    tags.add(mutagen.id3.APIC(encoding=3, mime="image/jpeg", type=3, desc="", data=bytes(30_000)))
    tags.save(path)
"""
_DONE = """
import sys, json, pathlib
from sqlalchemy import text
from stem_cli import settings as settings_of
from stem_cli.batch import queue
from stem_cli.batch.command import how_of
from stem_cli.batch.wish import output_of, wish_of
from stem_cli.separation import open_shop
settings = settings_of.load(output=sys.argv[2], engine="builtin").settings
with open_shop(settings) as shop:
    wish, output = wish_of(how_of((sys.argv[1],), {}).asked, settings), output_of(settings)
    songs = shop.database.rows("SELECT path, size, mtime_ns FROM library")
    queue.enter(shop.database, "bench", output, [
        queue.Entry(pathlib.Path(row["path"]), 0, "", row["size"], row["mtime_ns"], 1.0) for row in songs])
    with shop.database.change() as connection:
        connection.execute(text("DELETE FROM wanted"))
        for row in songs:
            home = pathlib.Path(output) / pathlib.Path(row["path"]).stem
            home.mkdir(parents=True)
            (home / "metadata.json").write_text("{}")
            metadata = (home / "metadata.json").stat()
            files = {".": [0, home.stat().st_mtime_ns], "metadata.json": [metadata.st_size, metadata.st_mtime_ns]}
            connection.execute(
                text("UPDATE queue SET state = 'done', status = 'made', wish = :wish, folder = :folder, files = :files"
                     " WHERE path = :path"),
                {"wish": wish, "folder": str(home / "metadata.json"), "files": json.dumps(files), "path": row["path"]})
"""
"""All songs are done, as a batch of days would have left them, but for the stems themselves."""
_CLAIMS = """
import sys, time, pathlib, json
from stem_cli.batch import queue
from stem_cli.database import open_database
home, url, count, turns = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
database = open_database(url, home)
queue.enter(database, "bench", "out", [
    queue.Entry(home / f"{number}.mp3", number % 4, "", 1, 1, 200.0) for number in range(count)])
spent = []
for _ in range(turns):
    begin = time.perf_counter()
    assert queue.claim(database, "bench") is not None
    spent.append((time.perf_counter() - begin) * 1000)
print(json.dumps(spent))
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `bench.py scan queue`."""
    group = parser.add_argument_group("scan, queue")
    group.add_argument("--files", type=int, default=20_000)
    group.add_argument("--queued", type=int, default=10_000)


def scan(home: Path, args: argparse.Namespace) -> None:
    """Cold, warm, and a batch with nothing new."""
    folder, output = home / "library", home / "library stems"
    folder.mkdir()
    subprocess.run([sys.executable, "-c", _SONGS, folder, str(args.files)], check=True)
    load = os.getloadavg()[0]
    cold = timed([*STEM, "scan", folder])
    show(f"scan, {args.files} files, cold (load {load:.1f})", f"{cold.wall:.1f} s", "< 60 s")
    show("  CPU seconds; peak memory", f"{cold.cpu:.1f} s {cold.peak_mib:.0f} MiB", "")
    warm = [timed([*STEM, "scan", folder]) for _ in range(args.runs)]
    show("  nothing changed", f"{statistics.median(one.wall for one in warm):.2f} s", "< 2 s")
    subprocess.run([sys.executable, "-c", _DONE, folder, output], check=True)
    batch = [*STEM, "batch", folder, "--output", output, "--engine", "builtin", "--quiet"]
    plan = subprocess.run([*map(str, batch), "--plan"], check=True, capture_output=True, text=True)
    assert plan.stdout == "", "all are done"
    none = [timed(batch) for _ in range(args.runs)]
    show("  batch with nothing new", f"{statistics.median(one.wall for one in none):.2f} s", "< 2 s")
    show("  CPU seconds of these two", f"{warm[-1].cpu:.2f} s, {none[-1].cpu:.2f} s", "")
    shutil.rmtree(folder)


def queue(home: Path, args: argparse.Namespace) -> None:
    """The time of a claim."""
    for name, database in (("SQLite", nullcontext("")), ("PostgreSQL", _postgresql())):
        if database is None:
            show(f"{args.queued} queued, the next, {name}", "not installed", "< 5 ms")
            continue
        with database as url:
            place = home / f"queue {name}"
            ask = [sys.executable, "-c", _CLAIMS, str(place), url, str(args.queued), str(min(1000, args.queued))]
            done = subprocess.run(ask, check=True, capture_output=True, text=True)
        spent = sorted(float(one) for one in done.stdout.strip("[]\n").split(","))
        median, late = statistics.median(spent), spent[int(len(spent) * 0.99)]
        load = os.getloadavg()[0]
        what = f"{args.queued} queued, the next, {name}, median / p99 (load {load:.1f})"
        show(what, f"{median:.2f} / {late:.2f} ms", "< 5 ms")


def _postgresql() -> AbstractContextManager[str] | None:
    """A server of the tests' own, where it is installed."""
    sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))
    import postgres

    return None if postgres.missing() else postgres.fresh_database()
