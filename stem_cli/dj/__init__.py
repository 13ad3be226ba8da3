"""What DJ programs are given, and its check. Values in, bytes or lines out; one function of each writes the file.

`ni_stem` .stem.mp4 (read by `ni_stem_reader`), `rekordbox_xml`, `serato_crate`, `serato_tags` (grid and cues in a
file's own tags), `m3u8`, `names` of files and folders, `check` and `repair`. What a DJ has prepared of a song comes in
as values of `stem_cli.cues`.
"""
