"""Many songs one after another: which comes first, what came of them, and when the next run begins by itself."""
