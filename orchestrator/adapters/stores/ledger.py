"""The ledger: one blob per job, what lists need in its metadata, and everything else that must outlive a region.

``<pair>/jobs/<name>.json`` holds a ``JobRecord``. Its metadata repeats ``status``, ``priority``, ``epoch``, ``hub``,
``captured``, ``azure`` (Azure ML's word), ``ended`` and what else lists need, written in the same conditional request
as the body, so that the two never disagree.

``hub`` is a side, and ``project`` (a digest) the project that this side meant to whoever wrote the record. Where they
disagree the project counts: after primary and secondary have changed places, each record reads as the new plan has it,
whichever plan it was written under, and none has to be rewritten.

What cannot be read is set aside: moved, as it is, to ``<pair>/quarantine/jobs/<file>.<digest>``, with the reason in its
metadata, and reported. A job that still runs is then recorded anew. A record of a schema that this version does not
know is not broken: it is left where it is.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO

import msgspec

from orchestrator.adapters.stores.blobs import Blob, Container
from orchestrator.core.base.codec import encode_record, from_builtins
from orchestrator.core.base.errors import Conflict, HubswitchError, InvalidInput, UnknownShape
from orchestrator.core.base.vocabulary import JobPolicy, Role
from orchestrator.core.jobs.record import JobRecord, JobSummary, is_job_name
from orchestrator.core.jobs.record_schema import read_job_record
from orchestrator.ports import Versioned

WHY_LIMIT = 500
"""Characters of a reason that are kept in a blob's metadata, whose total is limited to 8 KiB."""

LINEAGE_ROOM = 1500
"""Characters of metadata for the names of producers: Azure grants 8 KiB for all metadata of a blob."""

PROJECT = "project"
"""Metadata: ``digest_of`` the project that the record's side means."""

WRITERS = 16
"""Records that are completed at once."""

_log = logging.getLogger(__name__)


def _log_fault(fault: InvalidInput) -> None:
    _log.warning("left out of the list of jobs: %s", fault)


class BlobLedger:
    """``Ledger`` on a blob container.

    Args:
        container: where the blobs are.
        on_broken: told of every job blob that ``summaries`` has to leave out.
        projects: ARM ids of the pair's projects. Without them records say nothing of projects, and sides count.
    """

    def __init__(
        self,
        container: Container,
        on_broken: Callable[[InvalidInput], None] = _log_fault,
        projects: Mapping[Role, str] | None = None,
    ) -> None:
        self._container = container
        self._on_broken = on_broken
        self._digests = {role: digest_of(project) for role, project in (projects or {}).items()}
        self._roles = {digest: role for role, digest in self._digests.items()}

    def read(self, pair: str, name: str) -> Versioned[JobRecord] | None:
        """The record, or None.

        Raises:
            InvalidInput: the name, the body or the metadata cannot be read, or the body is another job's; names
                the blob, which is set aside.
            UnknownShape: its schema number is not one that this version knows; it stays where it is.
        """
        path = self._path(pair, name)
        blob = self._container.read(path)
        if blob is None:
            return None
        try:
            return Versioned(self._understand(pair, name, blob), blob.etag)
        except UnknownShape:
            raise
        except InvalidInput as fault:
            self._set_aside(pair, path, blob, fault)
            raise

    def _understand(self, pair: str, name: str, blob: Blob) -> JobRecord:
        where = f"{self._container.url}/{self._path(pair, name)}"
        record = read_job_record(blob.data, where)
        if (record.pair, record.name) != (pair, name):
            raise InvalidInput(where, "name", f"{pair}/{name}", f"{record.pair}/{record.name}")
        _summary(where, name, blob.metadata)
        if self._roles.get(blob.metadata.get(PROJECT, ""), record.hub) is record.hub:
            return record
        attempts = tuple(msgspec.structs.replace(attempt, side=attempt.side.other) for attempt in record.unsure)
        return msgspec.structs.replace(record, hub=record.hub.other, unsure=attempts)

    def create(self, record: JobRecord) -> str:
        return self._container.create(
            self._path(record.pair, record.name), encode_record(record), self._metadata(record)
        )

    def replace(self, record: JobRecord, etag: str) -> str:
        return self._container.replace(
            self._path(record.pair, record.name), encode_record(record), etag, metadata=self._metadata(record)
        )

    def _metadata(self, record: JobRecord) -> dict[str, str]:
        digest = self._digests.get(record.hub)
        return _metadata(record) | ({PROJECT: digest} if digest else {})

    def name_projects(self, pair: str) -> int:
        """Let every record say which project its side means that does not say so yet; how many there were.

        To be done while the plan still has the sides that the records mean.
        """
        prefix = f"{pair}/jobs/"
        lacking = [
            blob.name.removeprefix(prefix).removesuffix(".json")
            for blob in self._container.listed(prefix, metadata=True)
            if PROJECT not in (blob.metadata or {})
        ]
        with ThreadPoolExecutor(WRITERS) as pool:
            return sum(pool.map(lambda name: self._name_project(pair, name), lacking))

    def _name_project(self, pair: str, name: str) -> bool:
        try:
            found = self.read(pair, name)
        except UnknownShape:
            raise
        except InvalidInput:  # no record of a job: it has been set aside
            return False
        if found is None:
            return False
        with suppress(Conflict):  # whoever has changed it meanwhile has said so
            self.replace(found.value, found.etag)
        return True

    def summaries(self, pair: str) -> Iterator[JobSummary]:
        """Every record's summary, in order of name, from one listing.

        A blob whose name or metadata cannot be read does not hide the others: it is left out and set aside, and
        ``on_broken`` is told which one it is and what is wrong.
        """
        prefix = f"{pair}/jobs/"
        found: list[JobSummary] = []
        for blob in self._container.listed(prefix, metadata=True):
            where, metadata = f"{self._container.url}/{blob.name}", dict(blob.metadata or {})
            if role := self._roles.get(metadata.get(PROJECT, "")):
                metadata["hub"] = role.value
            try:
                found.append(_summary(where, _name_in(blob.name, prefix, where), metadata))
            except InvalidInput as fault:
                self._on_broken(fault)
                self._examine(pair, blob.name, fault)
        return iter(sorted(found, key=lambda summary: summary.name))

    def _examine(self, pair: str, path: str, fault: InvalidInput) -> None:
        """Set a blob aside that no listing understands, unless another version of this program does."""
        with suppress(HubswitchError):
            blob = self._container.read(path)
            if blob is None:
                return
            try:
                read_job_record(blob.data, path)
            except UnknownShape:
                return
            except InvalidInput as worse:
                fault = worse
            self._set_aside(pair, path, blob, fault)

    def _set_aside(self, pair: str, path: str, blob: Blob, fault: InvalidInput) -> None:
        """Move a broken blob out of the way. It stays if that may not be done, or if it has changed meanwhile."""
        tail = path.removeprefix(f"{pair}/")
        place = f"{pair}/quarantine/{tail}.{hashlib.sha256(blob.data).hexdigest()[:8]}"
        why = " ".join(str(fault).split())[:WHY_LIMIT].encode("ascii", "replace").decode()
        with suppress(HubswitchError):
            with suppress(Conflict):
                self._container.create(place, blob.data, {"why": why})
            self._container.drop(path, blob.etag)
            _log.warning("set aside as %s: %s", place, fault)

    def list_quarantined(self, pair: str) -> Iterator[tuple[str, str]]:
        """Path and reason of everything that was set aside, in order of path."""
        found = self._container.listed(f"{pair}/quarantine/", metadata=True)
        return iter(sorted((blob.name, (blob.metadata or {}).get("why", "")) for blob in found))

    def put_once(self, path: str, data: bytes) -> bool:
        """Keep bytes under a path; False if something is kept there already (which then stays)."""
        try:
            self._container.create(path, data)
        except Conflict:
            return False
        return True

    def get(self, path: str) -> bytes | None:
        blob = self._container.read(path)
        return blob.data if blob else None

    def names(self, prefix: str) -> Iterator[str]:
        return iter(sorted(blob.name for blob in self._container.listed(prefix)))

    def put_file_once(self, path: str, content: IO[bytes]) -> bool:
        """The same for a file. It is looked for first: a large one is not sent to find that it is there."""
        if self._container.exists(path):
            return False
        try:
            self._container.create_from(path, content)
        except Conflict:
            return False
        return True

    def chunks(self, path: str) -> Iterator[bytes]:
        return self._container.chunks(path)

    def page(self, path: str) -> Versioned[bytes] | None:
        blob = self._container.read(path)
        return Versioned(blob.data, blob.etag) if blob else None

    def write_page(self, path: str, data: bytes, etag: str | None) -> None:
        if etag is None:
            self._container.create(path, data)
        else:
            self._container.replace(path, data, etag)

    def drop(self, path: str) -> None:
        self._container.delete(path)

    def _path(self, pair: str, name: str) -> str:
        if not is_job_name(name):
            raise InvalidInput(f"{self._container.url}/{pair}/jobs", "name", "a job's name", repr(name))
        return f"{pair}/jobs/{name}.json"


def digest_of(project: str) -> str:
    """A short name for a project: metadata are ASCII, and names of resource groups need not be.

    Args:
        project: its ARM id, in any casing.
    """
    return hashlib.sha256(project.casefold().encode()).hexdigest()[:16]


def _name_in(path: str, prefix: str, where: str) -> str:
    name = path.removeprefix(prefix).removesuffix(".json")
    if not path.endswith(".json") or not is_job_name(name):
        raise InvalidInput(where, "name", "<job>.json", repr(path.removeprefix(prefix)))
    return name


def _metadata(record: JobRecord) -> dict[str, str]:
    return {
        "status": record.status.value,
        "priority": str(record.priority),
        "epoch": str(record.epoch),
        "hub": record.hub.value,
        "captured": record.captured_at.isoformat(),
        **({"azure": record.azure_status} if record.azure_status else {}),
        **({"ended": record.ended_at.isoformat()} if record.ended_at else {}),
        **({"incomplete": "yes", "lacking": str(record.lacking)} if record.incomplete else {}),
        **({"policy": record.policy.value} if record.policy is not JobPolicy.IF_INTERRUPTED else {}),
        **({"lineage": lineage} if (lineage := _cut(record.lineage)) else {}),
        **({"retry": record.retry_at.isoformat()} if record.retry_at else {}),
        **({"old": record.old_run.value} if record.old_run else {}),
    }


def _cut(names: Sequence[str]) -> str:
    """As many names as there is room for, the first ones. Headers are ASCII: what is no job's name is left out."""
    text = ",".join(name for name in names if is_job_name(name))
    return text if len(text) <= LINEAGE_ROOM else text[:LINEAGE_ROOM].rpartition(",")[0]


def _summary(where: str, name: str, metadata: Mapping[str, str]) -> JobSummary:
    plain = {
        "name": name,
        "hub": metadata.get("hub"),
        "status": metadata.get("status"),
        "priority": _number(metadata.get("priority")),
        "epoch": _number(metadata.get("epoch")),
        "captured_at": metadata.get("captured"),
        "azure_status": metadata.get("azure", ""),
        "ended_at": metadata.get("ended"),
        "incomplete": "incomplete" in metadata,
        "policy": metadata.get("policy", JobPolicy.IF_INTERRUPTED.value),
        "lineage": [name for name in metadata.get("lineage", "").split(",") if name],
        "retry_at": metadata.get("retry"),
        "lacking": _number(metadata.get("lacking", "0")),
        "old_run": metadata.get("old", ""),
    }
    summary = from_builtins(plain, JobSummary, f"{where} (metadata)")
    if summary.captured_at.tzinfo is None:
        raise InvalidInput(f"{where} (metadata)", "captured", "a time with a zone", repr(metadata.get("captured")))
    return summary


def _number(text: str | None) -> int | str | None:
    return int(text) if text is not None and re.fullmatch(r"-?\d{1,9}", text) else text
