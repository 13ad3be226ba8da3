"""Files of trained models: where they are looked for, whether they are whole, and how they are downloaded.

Nothing is ever loaded from the network unasked: `download` is called by `stem engines download` only.
"""

from stem_cli.models.download import download
from stem_cli.models.files import ModelFile, check, digest, find, memory_of, places

__all__ = ["ModelFile", "check", "digest", "download", "find", "memory_of", "places"]
