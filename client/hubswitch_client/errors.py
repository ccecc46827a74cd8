"""What can go wrong. Wrong arguments raise ``ValueError`` or ``TypeError``."""

from __future__ import annotations


class HubswitchError(Exception):
    """All errors of this package."""


class NothingKnown(HubswitchError):
    """No endpoint gave a pointer, and none was ever known. The message has each endpoint's reason."""


class MissingPackage(HubswitchError, ImportError):
    """A package that is asked for and not installed."""


class BadPointer(HubswitchError):
    """A text that is no pointer. It names where, the field, what was expected and what was found."""

    def __init__(self, where: str, field: str, expected: str, got: object) -> None:
        super().__init__(f"{where}: {field}: expected {expected}, got {repr(got)[:80]}")
