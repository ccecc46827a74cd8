"""The last good value on disk, for a start while the store is away.

One JSON file per pair. It is replaced as a whole (written beside, then renamed), so that a reader sees the old value
or the new one. A file that cannot be read or written costs a warning and nothing else.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from hubswitch_client.errors import BadPointer
from hubswitch_client.pointer import Pointer, parse_pointer, write_pointer

LOGGER = logging.getLogger("hubswitch_client")


class DiskCache:
    """The file of one pair. Processes may share it: none puts a lower epoch over a higher one that it has seen."""

    def __init__(self, path: Path, pair: str) -> None:
        self._path = path
        self._pair = pair
        self._saved: Pointer | None = None

    def load(self) -> Pointer | None:
        """What the file holds; None if it is not there, damaged, or another pair's."""
        try:
            text = self._path.read_text(encoding="utf-8")
            value = parse_pointer(text, str(self._path))
            self._check_pair(json.loads(text).get("pair"))
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError, BadPointer) as fault:
            LOGGER.warning("the cache of the pointer is ignored: %s", fault)
            return None
        return value

    def save(self, value: Pointer) -> None:
        """Replace the file, unless it holds a higher epoch. What failed is tried again with the next call."""
        if value == self._saved:
            return
        there = self.load()
        try:
            if there is None or there.epoch <= value.epoch:
                self._replace(write_pointer(value, pair=self._pair))
            self._saved = value
        except OSError as fault:
            LOGGER.warning("the cache of the pointer cannot be written: %s", fault)

    def _replace(self, text: str) -> None:
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.", text=True)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())  # without it, a power cut can leave the new name with nothing in it
            Path(name).replace(self._path)
        except OSError:
            with suppress(OSError):
                Path(name).unlink()
            raise

    def _check_pair(self, pair: object) -> None:
        if pair != self._pair:
            raise BadPointer(str(self._path), "pair", repr(self._pair), pair)
