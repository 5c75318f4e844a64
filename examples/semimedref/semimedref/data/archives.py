"""What damage to a zip archive looks like: xlsx files and the cache's files are such archives."""

import struct
import zlib
from zipfile import BadZipFile

DAMAGED_ZIP = (BadZipFile, zlib.error, struct.error, RuntimeError)
"""What `zipfile` raises on damaged archives; by RuntimeError it says that they are encrypted or of a newer kind."""
