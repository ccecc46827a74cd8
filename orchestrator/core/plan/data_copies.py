"""Data that are copied ahead to the standby, and what of a workspace is saved to the ledger's account. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from orchestrator.core.base.codec import Value
from orchestrator.core.base.text import is_https_url, spell_duration
from orchestrator.core.plan.faults import Fault, show

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=1)
"""Bounds of ``every``: the timer comes once a minute, and a copy that is a day old helps nobody in an outage."""

MOST_BLOBS, MOST_MEGABYTES = 10_000, 1_000_000
"""Bounds of what is copied in a minute."""

MEGA = 10**6

LONGEST_NAME = 1024
"""Characters of a blob's name (learn.microsoft.com, naming and referencing containers)."""

DATASTORE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}")
"""What names a datastore. Azure takes less than this for new ones."""

CONTAINER = re.compile(r"(?=.{3,63}$)[a-z0-9](?:-?[a-z0-9])*|\$root|\$web")
"""learn.microsoft.com: naming and referencing containers."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")


class DataCopy(Value, kw_only=True):
    """A container, or what in it begins alike, that is copied from the active side to the other one."""

    datastore: str = ""
    """Name of a datastore of the primary; `jobs.datastores` says what it is called in the secondary. Instead of it,
    `primary` and `secondary` may name containers."""

    primary: str = ""
    """URL of a container of the primary, such as ``https://<account>.blob.core.windows.net/<container>``."""

    secondary: str = ""
    """URL of the container of the secondary that holds the same."""

    prefix: str = ""
    """Only blobs whose names begin so are copied; empty for all."""

    every: timedelta = timedelta(minutes=15)
    """Time between the beginnings of two passes, from 1m to 1d. It bounds how much is lost from below: name one well
    below `targets.rpo`."""

    blobs_per_minute: int = 500
    """Most blobs that are copied in a minute, so that first passes leave room for others."""

    megabytes_per_minute: int = 10_000
    """Most megabytes that are copied in a minute. Traffic between regions costs money."""

    bring_back: bool = True
    """Whether a blob that was rewritten on the active side is copied over the other side's own one, from which the
    blob there was copied, if nobody has written that since; false: such blobs are left and told."""

    @property
    def name(self) -> str:
        """For people: the datastore or the primary's container, with the prefix."""
        place = self.datastore or urlsplit(self.primary).path.strip("/")
        return f"{place}/{self.prefix}" if self.prefix else place

    @property
    def key(self) -> str:
        """What tells it from others, in paths of the ledger. Another place or prefix is another copy."""
        told = "\n".join((self.datastore, self.primary.rstrip("/"), self.secondary.rstrip("/"), self.prefix))
        return hashlib.sha256(told.encode()).hexdigest()[:16]


class DataPlan(Value, kw_only=True):
    """Data that are to be at hand when the active side is gone."""

    copies: tuple[DataCopy, ...] = ()
    """Containers whose changed blobs are copied ahead, from whichever side is active."""

    save: tuple[Literal["logs", "notebooks"], ...] = ()
    """What of the active side's workspace is saved to the ledger's account, under ``_saved/<pair>/<side>/``: ``logs``
    is its artefact container, with logs and outputs of runs; ``notebooks`` is its file share."""

    save_every: timedelta = timedelta(hours=1)
    """Time between the beginnings of two passes of what is saved, from 1m to 1d."""


class CopyTask(NamedTuple):
    """One thing that is copied again and again."""

    name: str
    """For people."""

    key: str
    """In paths of the ledger."""

    every: timedelta
    prefix: str
    blobs: int
    """Most that are copied in a minute."""

    size: int
    """Most bytes that are copied in a minute."""

    copy: DataCopy | None
    """What the plan says; None for what is saved to the ledger's account."""

    saves: str = ""
    """The word in ``data.save``."""


def tasks_of(data: DataPlan) -> tuple[CopyTask, ...]:
    """Everything that a plan has copied, what jobs read before what is saved."""
    copies = [
        CopyTask(
            copy.name,
            copy.key,
            copy.every,
            copy.prefix,
            copy.blobs_per_minute,
            copy.megabytes_per_minute * MEGA,
            copy,
        )
        for copy in data.copies
    ]
    usual = DataCopy()
    saved = [
        CopyTask(
            f"saved {word}",
            f"saved-{word}",
            data.save_every,
            "",
            usual.blobs_per_minute,
            usual.megabytes_per_minute * MEGA,
            None,
            word,
        )
        for word in data.save
    ]
    return (*copies, *saved)


def data_faults(data: DataPlan, ledger: str, *, names_all: bool, datastores: Sequence[str]) -> Iterator[Fault]:
    """What of this cannot be meant.

    Args:
        data: the plan's.
        ledger: endpoint of the ledger's account.
        names_all: whether ``jobs.datastores`` has to name each datastore (``jobs.same_names: false``).
        datastores: the primary's names in ``jobs.datastores``.
    """
    for number, copy in enumerate(data.copies):
        field = f"data.copies[{number}]"
        yield from _place_faults(copy, field, ledger)
        if copy.datastore and names_all and copy.datastore not in datastores:
            expected = "a name in jobs.datastores, since jobs.same_names is false"
            yield Fault(f"{field}.datastore", expected, show(copy.datastore), ("jobs.datastores", "jobs.same_names"))
        yield from _bound_faults(copy, field)
        if any(_overlap(before, copy) for before in data.copies[:number]):
            yield Fault(f"{field}.prefix", "blobs that no earlier entry copies", show(copy.name))
    if len(set(data.save)) < len(data.save):
        rests_on = tuple(f"data.save[{number}]" for number in range(len(data.save)))
        yield Fault("data.save", "each word once", ", ".join(data.save), rests_on)
    if not SHORTEST <= data.save_every <= LONGEST:
        yield Fault("data.save_every", "from 1m to 1d", spell_duration(data.save_every))


def data_warnings(data: DataPlan, rpo: timedelta | None) -> Iterator[Fault]:
    """Copies that come too seldom for the plan's target: it is missed before a pass has begun."""
    if rpo is None:
        return
    for number, copy in enumerate(data.copies):
        if copy.every >= rpo:
            expected = f"less than targets.rpo ({spell_duration(rpo)}), with room for the pass itself"
            yield Fault(f"data.copies[{number}].every", expected, spell_duration(copy.every), ("targets.rpo",))


def _place_faults(copy: DataCopy, field: str, ledger: str) -> Iterator[Fault]:
    if copy.datastore:
        if copy.primary or copy.secondary:
            expected = "either datastore, or primary and secondary"
            yield Fault(f"{field}.datastore", expected, "both")
        if not DATASTORE.fullmatch(copy.datastore):
            yield Fault(f"{field}.datastore", "the name of a datastore", show(copy.datastore))
        return
    if not (copy.primary or copy.secondary):
        yield Fault(field, "a datastore, or primary and secondary", "neither")
        return
    for side in ("primary", "secondary"):
        url = getattr(copy, side)
        if not _is_container(url):
            expected = "the https URL of a container, such as https://<account>.blob.core.windows.net/<container>"
            yield Fault(f"{field}.{side}", expected, show(url) if url else "nothing")
        elif _host(url) == _host(ledger):
            yield Fault(f"{field}.{side}", "a container outside the ledger's account", url, ("ledger.account",))
    if _is_container(copy.primary) and _host(copy.primary) == _host(copy.secondary):
        expected = "a container of another account than the primary's"
        yield Fault(f"{field}.secondary", expected, copy.secondary, (f"{field}.primary",))


def _bound_faults(copy: DataCopy, field: str) -> Iterator[Fault]:
    prefix = copy.prefix
    parts = prefix.split("/")
    if prefix and (
        prefix.startswith("/")
        or _CONTROL.search(prefix)
        or len(prefix) > LONGEST_NAME
        or "" in parts[:-1]
        or {".", ".."} & set(parts)
    ):
        expected = "the beginning of blobs' names, such as features/v2/"
        yield Fault(f"{field}.prefix", expected, show(prefix))
    if not SHORTEST <= copy.every <= LONGEST:
        yield Fault(f"{field}.every", "from 1m to 1d", spell_duration(copy.every))
    for name, most in (("blobs_per_minute", MOST_BLOBS), ("megabytes_per_minute", MOST_MEGABYTES)):
        if not 1 <= getattr(copy, name) <= most:
            yield Fault(f"{field}.{name}", f"from 1 to {most}", str(getattr(copy, name)))


def _overlap(one: DataCopy, other: DataCopy) -> bool:
    """Whether two entries copy the same blobs, as far as the plan says where they are."""
    same = (
        one.datastore.casefold() == other.datastore.casefold()
        if one.datastore or other.datastore
        else one.primary.rstrip("/").casefold() == other.primary.rstrip("/").casefold()
    )
    return same and (one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix))


def _is_container(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or "@" in parts.netloc)
    return is_https_url(url) and plain and CONTAINER.fullmatch(parts.path.strip("/")) is not None


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.casefold()
    except ValueError:
        return url
