"""The options that every command which separates songs has: which stems, by what, as what, where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from stem_cli import stems
from stem_cli.errors import UsageError
from stem_cli.options import ENGINE, EXTRA_NAMES, MODEL, STEM_NAMES, Number, Option, default_of
from stem_cli.settings import CHOICES


def refuse_contradictions(options: Mapping[str, Any]) -> None:
    """Raises UsageError for options that contradict one another."""
    if options["names"] and options["two_stems"]:
        raise UsageError("--stems and --two-stems contradict one another", None, "Give one of them.")
    if options["ensemble"] and (options["model"] or options["engine"]):
        raise UsageError("--ensemble contradicts --model and --engine", None, "Give one of them.")


def choice(name: str) -> click.Choice[str]:
    """The words that a setting takes."""
    return click.Choice([value for value in CHOICES[name] if value])


WHAT: tuple[Option, ...] = (
    click.option("--engine", type=ENGINE, help="The engine to use.", show_default=default_of("engine")),
    click.option("--stems", "names", type=STEM_NAMES, help="Only these stems, parted by commas.", show_default="all"),
    click.option("--two-stems", type=click.Choice(tuple(stems.TABLE)), help="That stem, and the song without it."),
    click.option("--also", type=EXTRA_NAMES, help="More files: instrumental, acapella, no_drums ..."),
)
"""Which engine and which stems."""

WHERE: tuple[Option, ...] = (
    click.option("--output", metavar="DIR|same", help="Where stems go; 'same' is next to the song.",
                 show_default="stems"),
    click.option("--mirror", metavar="ROOT", help="Repeat the tree below ROOT in the output folder."),
    click.option("--layout", type=choice("layout"), help="A folder a song, or files side by side.",
                 show_default="folder"),
    click.option("--name-template",
                 help="Name of the folder or of the files' prefix, such as '{artist} - {title}_{hash8}'."),
    click.option("--format", "format_", type=choice("format"), help="Format of the stems.", show_default="wav"),
    click.option("--bit-depth", type=choice("bit_depth"), help="Depth of the stems.",
                 show_default="that of a 16- or 24-bit song, else 24"),
)  # fmt: skip
"""Where the files go, and their format."""

HOW: tuple[Option, ...] = (
    click.option("--effort", type=choice("effort"), help="Speed against quality.", show_default=default_of("effort")),
    click.option("--model", type=MODEL, help="One of `stem engines`, or one of yours in --models-dir.",
                 show_default="the best that is there"),
    click.option("--ensemble", metavar="MODEL,MODEL...",
                 help="The mean of several models; MODEL:2 or MODEL:vocals=2 weighs one."),
    click.option("--models-dir", metavar="DIR", help="Look for models here first."),
    click.option("--overlap", type=Number(0, 0.95), help="Share of a segment that its neighbour covers.",
                 show_default="by --effort"),
    click.option("--shifts", type=click.IntRange(0), help="Separate so often, shifted in time, and average.",
                 show_default="by --effort"),
    click.option("--segment", "segment_seconds", type=Number(0, min_open=True), metavar="SECONDS",
                 help="Length of a segment; shorter takes less memory.", show_default="the model's own"),
    click.option("--device", type=choice("device"), help="Where networks run.", show_default=default_of("device")),
    click.option("--precision", type=choice("precision"), help="Of a network's sums.",
                 show_default=default_of("precision")),
    click.option("--split-vocals", "vocal_sub_separation", is_flag=True, default=None,
                 help="Divide the vocals into lead and backing vocals."),
    click.option("--split-model", type=MODEL, help="The model that divides them.",
                 show_default="the best that is there"),
    click.option("--mute", type=STEM_NAMES, help="Silence these stems; what is in them goes to the rest."),
    click.option("--keep", is_flag=True, help="Keep the vocals beside their parts."),
    click.option("--allow-cloud", is_flag=True, default=None,
                 help="Cloud services may be used: sends the song, and pays."),
    click.option("--cloud-minutes", type=Number(0), metavar="MINUTES",
                 show_default=default_of("cloud_minutes"),
                 help="Of a service that may be paid for where an engine here would do."),
    click.option("--priority", type=choice("priority"), help="High: vocals are worth a service's minutes.",
                 show_default=default_of("priority")),
    click.option("--licences", type=choice("licences"), help="Of the weights that may be used.",
                 show_default=default_of("licences")),
)  # fmt: skip
"""How the engine works, and what it may cost."""

LIMITS: tuple[Option, ...] = (
    click.option("--seed", type=click.IntRange(0), help="Of every random number.", show_default=default_of("seed")),
    click.option("--judge", type=choice("judge"),
                 help="Listen to the result, and try another engine where it is poor.",
                 show_default=default_of("judge")),
    click.option("--threads", type=click.IntRange(0), help="Threads for the engine.", show_default="one for each core"),
    click.option("--damaged", type=choice("damaged"), help="What to do with damaged songs.", show_default="error"),
    click.option("--downmix", type=choice("downmix"), help="Fold songs with more than two channels down."),
    click.option("--cache-limit-gb", type=Number(0), help="Largest size of the cache; 0 keeps nothing.",
                 show_default=default_of("cache_limit_gb")),
    click.option("--link", is_flag=True, default=None,
                 help="Hard links from the cache instead of copies, without tags."),
)  # fmt: skip
"""What holds for all songs alike."""
