"""Folders of stems: where they go, what they say of themselves, how they come into being whole or not at all."""

from stem_cli.folder.metadata import (
    Made,
    Quality,
    Record,
    Song,
    Source,
    StemFile,
    StemFolder,
    find_folders,
    open_folder,
    to_text,
)
from stem_cli.folder.place import Place, place_for
from stem_cli.folder.staging import (
    Staging,
    disk_errors,
    finish_leftovers,
    refuse_foreign,
    stage,
    write_synced,
)
from stem_cli.folder.writer import Spec, Target, Writer, copy_file, finished

__all__ = [
    "Made",
    "Place",
    "Quality",
    "Record",
    "Song",
    "Source",
    "Spec",
    "Staging",
    "StemFile",
    "StemFolder",
    "Target",
    "Writer",
    "copy_file",
    "disk_errors",
    "find_folders",
    "finish_leftovers",
    "finished",
    "open_folder",
    "place_for",
    "refuse_foreign",
    "stage",
    "to_text",
    "write_synced",
]
