"""stem-cli: songs into stems that line up with the original, add up to it exactly and carry its tags."""

__version__ = "0.1.0"
