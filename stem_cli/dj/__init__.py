"""What DJ programs are given: `.stem.mp4`, rekordbox.xml, crates, tags, playlists, names, and their check."""
