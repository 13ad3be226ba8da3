"""One run of `stem organize`: what was found, what is told of it, and what was written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from stem_cli import logbook, stems
from stem_cli.dj.serato_crate import SUFFIX
from stem_cli.errors import InputError, StemError, UsageError, counted
from stem_cli.folder import StemFolder, find_folders
from stem_cli.organize import manifest, room
from stem_cli.organize.before import completed
from stem_cli.organize.carry import Done, How, carry, looked, refuse_foreign
from stem_cli.organize.foreign import Adopted, adopted
from stem_cli.organize.inherit import known_of, remembered, unknown
from stem_cli.organize.install import install, refuse_install
from stem_cli.organize.lists import Lists, write_lists
from stem_cli.organize.manifest import Manifest, songs_with
from stem_cli.organize.plan import Arrangement, Plan, plan
from stem_cli.organize.programs import PROGRAMS, demand
from stem_cli.organize.seen import seen
from stem_cli.organize.sidecars import FORM, sidecars
from stem_cli.settings import Settings, data_dir

Tell = Callable[[str], None]
_MOST_NOTES = 20
"""Lines about what was passed over: a music library named by mistake has thousands."""


@dataclass(frozen=True)
class Asked:
    """What a user wants. path_map: beginnings of paths here, and how the DJ's computer sees them.

    rekordbox_xml, crates, libraries, mapping: what his programs know of the songs, as `inherit.known_of` takes them.
    """

    folders: tuple[Path, ...]
    programs: tuple[str, ...]
    output: Path
    how: Arrangement
    files: How
    path_map: Mapping[str, str] = field(default_factory=dict)
    install: bool = False
    dry_run: bool = False
    serato_stems: bool = False
    rekordbox_xml: Path | None = None
    crates: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    mapping: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """plan: what was decided. written, there, failed: as `Done` has them, lists included. notes: what was told."""

    plan: Plan
    written: tuple[str, ...]
    there: tuple[str, ...]
    notes: tuple[str, ...]
    failed: Mapping[str, StemError] = field(default_factory=dict)


def organized(asked: Asked, settings: Settings, tell: Tell) -> Outcome:
    """Do it, or with `dry_run` only decide it. tell: hears each note before anything is written, and how far it is.

    A song that cannot be done does not stop the others. Raises UsageError, InputError, OutputError, BusyError.
    """
    _refuse_wishes(asked)
    output, place = asked.output, seen(asked.path_map, asked.output)
    folders, notes, damaged = _stem_folders(asked, tell)
    with _alone(asked, settings, tell):
        ours = completed(output, manifest.read(output))
        decided, large = room.without_large(plan(folders, asked.how, output, ours), output, asked.files.codec)
        failed = damaged | large
        _refuse_nothing(asked, folders)
        songs = {*(folder.record.source.path for folder in folders), *(song.source for song in ours.songs)}
        known = known_of(songs, asked.rekordbox_xml, asked.crates, asked.libraries, asked.mapping)
        programs = tuple(dict.fromkeys((*asked.programs, *(name for name in ours.programs if name in PROGRAMS))))
        lists = Lists(output, remembered(ours.songs, decided, known), demand(programs), place)
        beside = sidecars(decided) if asked.serato_stems else Plan((), ())
        refuse_foreign(output, [*lists.paths(), *(str(item.path) for item in beside.items)], ours)
        room.require((*decided.items, *beside.items), output, asked.files.link, asked.files.codec)
        more = [*decided.without, *beside.without, *unknown(known, decided), *_sums(decided)]
        notes = (*notes, *_each_told([*more, *room.told(decided, output, asked.files.link)], tell))
        if asked.dry_run:
            done = looked(decided, output, asked.files, ours) + looked(beside, output, How(codec=FORM), ours)
            return Outcome(decided, (*done.written, *lists.paths()), tuple(done.there), notes, failed)
        done = _write(asked, settings, (decided, beside), lists, programs, ours, tell)
    return Outcome(decided, tuple(done.written), tuple(done.there), notes, failed | done.failed)


def _each_told(notes: Sequence[str], tell: Tell) -> Sequence[str]:
    for note in notes:
        tell(note)
    return notes


def _write(
    asked: Asked,
    settings: Settings,
    plans: tuple[Plan, Plan],
    lists: Lists,
    programs: Sequence[str],
    ours: Manifest,
    tell: Tell,
) -> Done:
    if asked.install:
        refuse_install(asked.output)
    with logbook.native_quiet(settings):
        ours.songs, ours.programs = list(lists.songs), tuple(programs)
        done = carry(plans[0], asked.output, asked.files, ours, tell)
        done += carry(plans[1], asked.output, How(codec=FORM), ours, tell)
        lists = replace(lists, songs=songs_with(ours.files, lists.songs))  # a song that failed lacks files
        done.written += write_lists(lists, programs, ours)
        if asked.install:
            crates = [path for path in lists.paths() if path.endswith(SUFFIX)]
            done.written += install(asked.output, crates, data_dir(settings), ours, tell)
    return done


def _refuse_wishes(asked: Asked) -> None:
    """Raises UsageError for options that make no sense together."""
    if asked.install and "serato" not in asked.programs:
        raise UsageError("--install is for Serato's crates", None, "Add serato to --for, or leave it out.")
    if asked.serato_stems and "serato" not in asked.programs:
        raise UsageError("--serato-stems is for Serato", None, "Add serato to --for, or leave it out.")
    if asked.install and asked.path_map:
        what = "--install puts crates into the Serato of this computer, --path-map names the files for another one"
        raise UsageError(what, None, "Leave one of them out.")
    if asked.files.codec == "alac" and "traktor-win" in asked.programs:
        raise UsageError("Traktor on Windows opens no ALAC stems", None, "Leave out --codec alac.")


def _refuse_nothing(asked: Asked, folders: Sequence[StemFolder]) -> None:
    """Raises InputError where no song has one of the stems that are asked for."""
    kinds = stems.ordered({file.name for folder in folders for file in folder.record.files})
    if asked.how.only and not set(asked.how.only) & set(kinds):
        what = f"none of these songs has the stems of --stems ({', '.join(asked.how.only)})"
        raise InputError(what, asked.folders[0], f"There are {', '.join(kinds)}.")


def _alone(asked: Asked, settings: Settings, tell: Tell) -> AbstractContextManager[None]:
    if asked.dry_run:
        return nullcontext()
    waiting = f"another `stem organize` writes to {asked.output}; waiting for it"
    return manifest.alone(asked.output, data_dir(settings), lambda: tell(waiting))


def _stem_folders(asked: Asked, tell: Tell) -> tuple[list[StemFolder], tuple[str, ...], dict[str, StemError]]:
    """The stems that were named, ours and those of other tools, and those below, each once.

    And what was told of them, and by name the folders of ours whose metadata is damaged.

    Raises InputError where a path has none, UsageError where the output would lie among them.
    """
    found: dict[Path, StemFolder] = {}
    notes: list[str] = []
    damaged: dict[str, StemError] = {}
    for path in asked.folders:
        _refuse_output(path, asked.output)
        before = len(damaged)
        songs: list[StemFolder] = list(
            find_folders(path, False, lambda error: damaged.update({_song_of(error): error}))
        )
        if path.is_dir() and [folder.place.home for folder in songs] != [path.absolute()]:
            theirs = adopted(path)
            songs += theirs.songs
            notes += theirs.notes
        if not songs and len(damaged) == before:
            for note in _shortened(notes):
                tell(note)
            hint = "Separate songs first: `stem batch`. Stems of others are called vocals.wav, or Song (Vocals).wav."
            what = "there are no stems of ours here, and none of another tool that are known by their names"
            raise InputError(what, path, hint)
        found |= {folder.place.metadata: folder for folder in songs}
    if damaged and not found:
        raise next(iter(damaged.values()))
    for note in _shortened(notes):
        tell(note)
    return list(found.values()), tuple(notes), damaged


def _song_of(error: InputError) -> str:
    """What a folder of stems is called by whose metadata is damaged."""
    return str(error.path.parent.name if error.path is not None else "")


def _refuse_output(path: Path, output: Path) -> None:
    if output.absolute() == path.absolute():
        raise UsageError("stems cannot be organized into the folder that they lie in", output, "Name another --output.")
    if (path / manifest.PLACE).exists():
        raise InputError("this is what `stem organize` has written", path, "Name the folder that its stems came from.")


def _shortened(notes: Sequence[str]) -> list[str]:
    more = len(notes) - _MOST_NOTES
    return [*notes[:_MOST_NOTES], *([f"and {more} more lines like these; --json has them"] if more > 0 else [])]


def _sums(decided: Plan) -> list[str]:
    """Which `.stem.mp4` files begin with the sum of their stems, as the song is not known."""
    songs = [item.song for item in decided.items if not item.kind]
    without = [song for song in songs if isinstance(song.folder, Adopted) and song.folder.mix is None]
    if not without:
        return []
    more = f" and {counted(len(without) - 1, 'more song')}" if len(without) > 1 else ""
    return [f"{without[0].name}{more}: the song itself is not there; track 1 of the .stem.mp4 is the sum of the stems"]
