"""Reading what others wrote: keys in any casing, times in any precision, ids in any spelling. Nothing raises."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

LONGEST_ID = 2048
LONGEST_KEY = 300
USUAL_KEYS = 40
"""Keys of an object up to which its spellings are remembered."""

LONGEST_NAME = 64
LONGEST_WORD = 120
LONGEST_EMBEDDED = 1024 * 1024
"""Characters of a text that may hold JSON: Event Grid sends at most 1 MB at once."""

MOST_ENCODINGS = 3
_OPENINGS = ("{", "[", '"')
_BASE64_OPENINGS = ("e", "W", "I", "77u/", "77u_", "C", "D")
"""How base64 of an object, an array, a text, a byte order mark or blanks begins."""

_SHORTEST_TIME = len("2026-02-27")
_LONGEST_TIME = 40
_RESOURCE_HEALTH = "/providers/microsoft.resourcehealth/"


def pick(holder: Any, *names: str) -> Any:
    """The first of these keys that is there and not null, compared without case and blanks around."""
    if not isinstance(holder, dict):
        return None
    for name in names:
        value = holder.get(name)
        if value is not None:
            return value
    return _pick_loosely(holder, names)


def _pick_loosely(holder: dict[Any, Any], names: tuple[str, ...]) -> Any:
    """The same, for a key that is spelt differently."""
    keys = tuple(holder)
    for key in _like(keys, names) if _are_usual(keys) else _alike(keys, names):
        if holder[key] is not None:
            return holder[key]
    return None


def _are_usual(keys: tuple[Any, ...]) -> bool:
    """Whether these are keys that a memory has room for: few, short, and texts."""
    try:
        return 0 < len(keys) <= USUAL_KEYS and max(map(len, keys)) <= LONGEST_NAME
    except TypeError:
        return False


@lru_cache(maxsize=2048)
def _like(keys: tuple[str, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """Senders use the same few sets of keys: which of them are meant is found once for each."""
    return _alike(keys, names)


def _alike(keys: tuple[Any, ...], names: tuple[str, ...]) -> tuple[str, ...]:
    """Keys that are names in another spelling. Most are told apart by their length alone."""
    wanted, lengths = _spellings(names)
    return tuple(
        key for key in keys if isinstance(key, str) and _may_be(key, lengths) and key.strip().casefold() in wanted
    )


def _may_be(key: str, lengths: frozenset[int]) -> bool:
    return len(key) <= LONGEST_NAME and (len(key) in lengths or key[:1] == " " or key[-1:] == " ")


@lru_cache(maxsize=512)
def _spellings(names: tuple[str, ...]) -> tuple[frozenset[str], frozenset[int]]:
    return frozenset(name.casefold() for name in names), frozenset(len(name) for name in names)


def branch(holder: Any, *path: str) -> dict[str, Any]:
    """The object at the end of a path of keys, each of them also as JSON in a text; empty if there is none."""
    found = open_object(holder)
    for name in path:
        found = open_object(pick(found, name))
    return found


def text(value: Any) -> str | None:
    """The text, without blanks around; None for anything else, and for nothing."""
    if not isinstance(value, str):
        return None
    return value.strip() or None


def word(value: Any) -> str:
    """A word for tables: lower case, without blanks, hyphens, underscores and points. Numbers read as digits."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = _DIGITS.get(value, "")
    if not isinstance(value, str) or len(value) > LONGEST_WORD:
        return ""
    return _squeeze(value)


@lru_cache(maxsize=4096)
def _squeeze(said: str) -> str:
    return said.strip().casefold().translate(_GAPS)


_DIGITS = {number: str(number) for number in range(10)}
_GAPS = {ord(c): None for c in " -_.\t\n\u00a0"}


def is_true(value: Any) -> bool:
    """True for ``true``, ``"True"``, ``1`` and their like."""
    return value is True or word(value) in {"true", "1", "yes"}


def when(value: Any) -> datetime | None:
    """The moment that an ISO 8601 text names, UTC; one without a zone is taken to be UTC. None for anything else."""
    if not isinstance(value, str) or not _SHORTEST_TIME <= len(value) <= _LONGEST_TIME:
        return None
    try:
        moment = datetime.fromisoformat(value.strip().upper())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def arm_id(value: Any) -> str | None:
    """An ARM id in lower case, without a Resource Health tail and without stray blanks; None if it is none."""
    if not isinstance(value, str) or len(value) > LONGEST_ID:
        return None
    lowered = value.strip().lower()
    if not lowered.startswith("/subscriptions/"):
        return None
    cut = lowered.find(_RESOURCE_HEALTH)
    if cut >= 0:
        lowered = lowered[:cut]
    if " " in lowered:
        lowered = "/".join(part.strip() for part in lowered.split("/"))
    return lowered.rstrip("/")


def arm_type(resource: str) -> str:
    """The type of the resource that an id in lower case names: ``microsoft.storage/storageaccounts``."""
    _, found, tail = resource.rpartition("/providers/")
    if not found:
        return ""
    parts = tail.split("/")
    return "/".join([parts[0], *parts[1::2]])


def key_of(*parts: object) -> str:
    """A key made of parts, in lower case; long ones end in a hash."""
    key = "|".join(["" if part is None else str(part).casefold() for part in parts])
    if len(key) <= LONGEST_KEY:
        return key
    return f"{key[:LONGEST_KEY]}#{digest_of(key)}"


def digest_of(value: Any) -> str:
    """A short hash of a text or of plain data."""
    data = value.encode(errors="replace") if isinstance(value, str) else _bytes_of(value)
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def _bytes_of(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value, order="deterministic")
    except (TypeError, ValueError, RecursionError):
        return type(value).__name__.encode()


def open_text(value: Any) -> dict[str, Any] | list[Any] | None:
    """The object or array, also where it is JSON in a text, or base64 of that, encoded at most three times.

    None for anything else, and for texts of more than ``LONGEST_EMBEDDED`` characters. Raises nothing.
    """
    for _ in range(MOST_ENCODINGS):
        if not isinstance(value, str):
            break
        value = _decode_once(value)
    return value if isinstance(value, dict | list) else None


def open_object(value: Any) -> dict[str, Any]:
    """The same for what must be an object; empty for anything else."""
    found = open_text(value)
    return found if isinstance(found, dict) else {}


def _decode_once(said: str) -> Any:
    if len(said) > LONGEST_EMBEDDED:
        return None
    said = said.strip().removeprefix("\ufeff").lstrip()
    if said[:1] in _OPENINGS:
        return _decode_or_none(said)
    squeezed = "".join(said.split())
    if not squeezed.startswith(_BASE64_OPENINGS):
        return None
    try:
        raw = base64.b64decode(squeezed.rstrip("=") + "=" * (-len(squeezed.rstrip("=")) % 4), altchars=b"-_")
        return _decode_or_none(raw.decode("utf-8-sig"))
    except ValueError:
        return None


def _decode_or_none(said: str) -> Any:
    try:
        return decode_leniently(said)
    except (ValueError, RecursionError):
        return None


def decode_leniently(said: str | bytes) -> Any:
    """JSON, also with what strict UTF-8 refuses: a byte order mark, UTF-16, half of a surrogate pair.

    Raises ``ValueError`` for what is no JSON, ``RecursionError`` for what is nested too deeply.
    """
    try:
        return msgspec.json.decode(said)
    except (msgspec.DecodeError, UnicodeError):
        said = said.removeprefix("\ufeff") if isinstance(said, str) else said.removeprefix(b"\xef\xbb\xbf")
        return well_formed(json.loads(said, parse_constant=_refuse_constant))


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def well_formed(value: Any) -> Any:
    """The value with texts that can be encoded again."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [well_formed(item) for item in value]
    if isinstance(value, dict):
        return {well_formed(key): well_formed(item) for key, item in value.items()}
    return value
