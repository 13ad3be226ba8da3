"""Draw docs/images/batch.svg, the dashboard of a batch, and docs/images/batch-report.png, its report.

The figures are made up, the drawing is the program's own. The report is photographed by Chromium, where it is
installed: python scripts/make_batch_pictures.py
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console

from stem_cli.batch import report
from stem_cli.batch.board import Board, Seat
from stem_cli.batch.dashboard import drawn
from stem_cli.batch.report import Row, Summary

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
START = datetime(2024, 3, 10, 2, 30)
NAMES = (
    "Night Bus - Paper Lanterns", "Die Wölfe - Über den Dächern", "Säule - Neon Garden", "Marlow & Finch - Second Sun",
    "Oona - Salt Water", "Kilo Delta - Warehouse 9", "The Long Weekend - Maybe Tuesday", "Éclair - Boulevard",
    "Tomasz K. - Granat", "Low Tide Orchestra - Harbour", "Nina Vale - Unsent (Vocal Mix)", "Hexagon - Six Sides",
)  # fmt: skip
NEXT = ("Mira Sol - Amber.flac", "Rauch - Kohle.mp3", "Juno Park - Late Train.mp3", "Ada Moss - Fern.aiff")


def rows() -> tuple[Row, ...]:
    """What came of each song."""
    done = [
        Row(
            path=Path(f"/home/dj/Music/{name}.mp3"),
            status="done",
            engine="demucs/htdemucs" if number % 4 else "builtin",
            song_seconds=201.0 + 17 * (number % 5),
            work_seconds=(88.0 if number % 4 else 11.0) + 3 * (number % 7),
            vocals_db=9.4 - 0.55 * (number % 6),
            poor=number == 7,
            folder=Path(f"/home/dj/Stems/{name}"),
        )
        for number, name in enumerate(NAMES)
    ]
    cut = Row(Path("/home/dj/Music/Old Rip 03.mp3"), "failed", error="it is cut off", hint="Copy it again.")
    return (*done, Row(Path("/home/dj/Music/Again.flac"), "cached", "demucs/htdemucs", 212.0, 0.4, 8.1), cut)


def dashboard() -> None:
    """The dashboard as SVG."""
    board = Board(songs=48, seconds=48 * 230.0)
    board.rows = list(rows())
    board.started = time.monotonic() - 1180
    board.seats = [
        Seat("Mira Sol - Copper Wire.flac", "htdemucs", 243.0, 0.62),
        Seat("Die Wölfe - Sechs Uhr früh.mp3", "htdemucs", 198.0, 0.17),
    ]
    console = Console(record=True, width=92, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(drawn(board, list(NEXT), 412_000_000_000))
    text = console.export_svg(title="stem batch ~/Music --output ~/Stems", unique_id="batch")
    plain = re.sub(r"<!--.*?-->|@font-face \{.*?\}", "", text, flags=re.DOTALL)  # it would be fetched from elsewhere
    lines = [line.rstrip() for line in plain.splitlines() if line.strip()]
    (IMAGES / "batch.svg").write_text("\n".join(lines) + "\n", "utf-8")


def page() -> None:
    """The report, as Chromium shows it."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("install Chromium to photograph the report")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "report.html"
        report.write(Summary(START, START + timedelta(seconds=1320), rows()), place)
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=900,1000"]
        shot = f"--screenshot={IMAGES / 'batch-report.png'}"
        subprocess.run([browser, *options, f"--user-data-dir={folder}/profile", shot, place.as_uri()], check=True)


if __name__ == "__main__":
    IMAGES.mkdir(parents=True, exist_ok=True)
    dashboard()
    page()
