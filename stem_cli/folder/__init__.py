"""Folders of stems: where they go, what they say of themselves, how they come into being whole or not at all."""

from stem_cli.folder.copying import copy_file
from stem_cli.folder.metadata import (
    Attempt,
    Made,
    Quality,
    Record,
    Song,
    Source,
    StemFile,
    StemFolder,
    find_folders,
    hides_stems,
    is_foreign,
    open_folder,
    to_text,
)
from stem_cli.folder.place import Place, place_for
from stem_cli.folder.staging import (
    Staging,
    finish_leftovers,
    refuse_foreign,
    stage,
)
from stem_cli.folder.writer import Measured, Spec, Tag, Target, Writer, finished, untagged

__all__ = [
    "Attempt",
    "Made",
    "Measured",
    "Place",
    "Quality",
    "Record",
    "Song",
    "Source",
    "Spec",
    "Staging",
    "StemFile",
    "StemFolder",
    "Tag",
    "Target",
    "Writer",
    "copy_file",
    "find_folders",
    "finish_leftovers",
    "finished",
    "hides_stems",
    "is_foreign",
    "open_folder",
    "place_for",
    "refuse_foreign",
    "stage",
    "to_text",
    "untagged",
]
