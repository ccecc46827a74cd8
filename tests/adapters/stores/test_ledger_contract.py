"""The ledger keeps jobs, lists them from metadata alone, and keeps other things once; in both blob services."""

from __future__ import annotations

from typing import Any

import job_records
import msgspec
import pytest
from job_records import AT

from orchestrator.adapters.stores.blobs import Container
from orchestrator.adapters.stores.ledger import BlobLedger
from orchestrator.core.base.errors import Conflict, InvalidInput, UnknownShape
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.record import Attempt, JobRecord, JobStatus, JobSummary
from orchestrator.ports import Ledger


def job(name: str, **fields: Any) -> JobRecord:
    """A running job of the primary."""
    return job_records.job(**{"name": name, "root": name} | fields)


@pytest.fixture
def ledger(container: Container) -> BlobLedger:
    return BlobLedger(container)


def test_the_adapter_is_a_ledger(ledger: BlobLedger) -> None:
    """It fits the port, by type and at run time."""
    port: Ledger = ledger
    assert port.read("a", "none") is None


def test_a_job_is_read_as_it_was_written(ledger: BlobLedger) -> None:
    """Body, lineage and status come back as they were."""
    etag = ledger.create(job("train"))
    assert ledger.read("a", "train") == (job("train"), etag)


def test_a_job_is_captured_once(ledger: BlobLedger) -> None:
    """Two that capture the same job make one record."""
    ledger.create(job("train"))
    with pytest.raises(Conflict):
        ledger.create(job("train", priority=5))


def test_an_older_reading_cannot_overwrite(ledger: BlobLedger) -> None:
    """Whoever writes second reads again."""
    etag = ledger.create(job("train"))
    ledger.replace(job("train", status=JobStatus.FINISHED), etag)
    with pytest.raises(Conflict):
        ledger.replace(job("train", status=JobStatus.SKIPPED), etag)


def test_summaries_come_in_order_of_name_and_follow_changes(ledger: BlobLedger) -> None:
    """The list shows what the newest body says, without reading it."""
    etag = ledger.create(job("train", priority=-2))
    for name in ("train-e1", "a-job", "zoo"):
        ledger.create(job(name))
    ledger.create(job("elsewhere", pair="b"))
    ledger.replace(job("train", status=JobStatus.RESUBMITTED, epoch=3, priority=-2, ended_at=AT), etag)
    found = list(ledger.summaries("a"))
    assert [summary.name for summary in found] == ["a-job", "train", "train-e1", "zoo"]
    assert found[1] == JobSummary(
        name="train",
        hub=Role.PRIMARY,
        status=JobStatus.RESUBMITTED,
        priority=-2,
        epoch=3,
        captured_at=AT,
        azure_status="Running",
        ended_at=AT,
    )


BROKEN_METADATA = [
    {},
    {"status": "sleeping", "priority": "0", "epoch": "0", "hub": "primary", "captured": AT.isoformat()},
    {"status": "running", "priority": "high", "epoch": "0", "hub": "primary", "captured": AT.isoformat()},
    {"status": "running", "priority": "0", "epoch": "0", "hub": "third", "captured": AT.isoformat()},
    {"status": "running", "priority": "0", "epoch": "0", "hub": "primary", "captured": "yesterday"},
    {"status": "running", "priority": "0", "epoch": "0", "hub": "primary", "captured": "2026-03-01T12:00:00"},
]


@pytest.mark.parametrize("metadata", BROKEN_METADATA)
def test_broken_metadata_hides_no_other_job(container: Container, metadata: dict[str, str]) -> None:
    """The others are listed, and somebody is told which one is broken."""
    broken: list[InvalidInput] = []
    ledger = BlobLedger(container, broken.append)
    ledger.create(job("good"))
    container.create("a/jobs/bad.json", msgspec.json.encode(job("bad")), metadata)
    assert [summary.name for summary in ledger.summaries("a")] == ["good"]
    assert [fault.where.rsplit("/", 1)[1] for fault in broken] == ["bad.json (metadata)"]


@pytest.mark.parametrize("stored", [b"{", b'{"schema": 1}', msgspec.json.encode(job("other"))])
def test_a_broken_record_is_set_aside_and_the_rest_goes_on(container: Container, stored: bytes) -> None:
    """As it is, under another name, with the reason; a job that still runs can be recorded anew."""
    ledger = BlobLedger(container, lambda _: None)
    ledger.create(job("good"))
    etag = container.create("a/jobs/bad.json", stored)
    for _ in range(2):
        assert [summary.name for summary in ledger.summaries("a")] == ["good"]
    ((place, why),) = ledger.list_quarantined("a")
    assert place.startswith("a/quarantine/jobs/bad.json.")
    assert "a/jobs/bad.json" in why
    kept = container.read(place)
    assert kept is not None
    assert kept.data == stored
    assert ledger.create(job("bad")) != etag
    assert [summary.name for summary in ledger.summaries("a")] == ["bad", "good"]


def test_a_record_that_turns_out_broken_when_read_is_set_aside_too(container: Container) -> None:
    """Its metadata looked well, its body is not."""
    ledger = BlobLedger(container)
    ledger.create(job("bad"))
    blob = container.read("a/jobs/bad.json")
    assert blob is not None
    container.replace("a/jobs/bad.json", b"{", blob.etag, blob.metadata)
    with pytest.raises(InvalidInput):
        ledger.read("a", "bad")
    assert ledger.read("a", "bad") is None
    assert [place.rpartition(".")[0] for place, _ in ledger.list_quarantined("a")] == ["a/quarantine/jobs/bad.json"]


def test_a_record_of_schema_1_is_read_and_written_anew_as_schema_2(container: Container) -> None:
    """An update of the app needs no step of its own for the jobs that are recorded already."""
    ledger = BlobLedger(container)
    etag = ledger.create(job("old"))
    blob = container.read("a/jobs/old.json")
    assert blob is not None
    plain = msgspec.json.decode(blob.data)
    for field in ("stop_asked", "left_alone_by", "left_alone_why"):
        plain.pop(field, None)
    line = {"at": AT.isoformat(), "what": "stopping", "why": "it goes on elsewhere", "epoch": 1}
    older = msgspec.json.encode({**plain, "schema": 1, "history": [line]})
    container.replace("a/jobs/old.json", older, etag, metadata=blob.metadata)
    found = ledger.read("a", "old")
    assert found is not None
    assert (found.value.schema, found.value.stop_asked) == (2, True)
    ledger.replace(found.value, found.etag)
    after = container.read("a/jobs/old.json")
    assert after is not None
    assert msgspec.json.decode(after.data)["schema"] == 2
    assert [summary.name for summary in ledger.summaries("a")] == ["old"]


def test_a_record_of_another_version_is_left_where_it_is(container: Container) -> None:
    """It is not broken: somebody newer wrote it."""
    ledger = BlobLedger(container, lambda _: None)
    container.create("a/jobs/newer.json", b'{"schema": 7}')
    assert list(ledger.summaries("a")) == []
    with pytest.raises(UnknownShape):
        ledger.read("a", "newer")
    assert list(ledger.list_quarantined("a")) == []
    assert container.read("a/jobs/newer.json") is not None


def test_a_blob_that_is_no_job_hides_no_other_job(container: Container) -> None:
    """A stray file in the folder is reported, not fatal."""
    broken: list[InvalidInput] = []
    ledger = BlobLedger(container, broken.append)
    ledger.create(job("good"))
    container.create("a/jobs/readme.txt", b"hello")
    assert [summary.name for summary in ledger.summaries("a")] == ["good"]
    assert "readme.txt" in broken[0].where


def test_broken_blobs_are_logged_unless_somebody_is_told(container: Container, caplog: Any) -> None:
    """Nothing disappears silently."""
    container.create("a/jobs/readme.txt", b"hello")
    list(BlobLedger(container).summaries("a"))
    assert "readme.txt" in caplog.text


def test_reading_a_job_with_broken_metadata_raises(ledger: BlobLedger, container: Container) -> None:
    """Unknown means stand still: that job is left alone, by name."""
    container.create("a/jobs/bad.json", msgspec.json.encode(job("bad")), {"status": "sleeping"})
    with pytest.raises(InvalidInput, match=r"a/jobs/bad\.json"):
        ledger.read("a", "bad")


@pytest.mark.parametrize(
    ("stored", "expected"), [(b"{", InvalidInput), (b'{"schema": 7}', UnknownShape), (b'{"schema": 1}', InvalidInput)]
)
def test_reading_a_broken_job_raises(
    ledger: BlobLedger, container: Container, stored: bytes, expected: type[InvalidInput]
) -> None:
    """A body that cannot be read is named."""
    container.create("a/jobs/bad.json", stored)
    with pytest.raises(expected, match=r"a/jobs/bad\.json"):
        ledger.read("a", "bad")


def test_a_job_under_another_name_is_refused(ledger: BlobLedger, container: Container) -> None:
    """A copied blob does not become a second job."""
    container.create("a/jobs/copy.json", msgspec.json.encode(job("train")))
    with pytest.raises(InvalidInput, match="a/train"):
        ledger.read("a", "copy")


@pytest.mark.parametrize("name", ["", "../epoch", "a/b", "a b", ".hidden", "x" * 256])
def test_names_that_are_no_jobs_are_refused(ledger: BlobLedger, name: str) -> None:
    """A name from outside never leads out of the folder of jobs."""
    with pytest.raises(InvalidInput, match="name"):
        ledger.read("a", name)


def test_what_is_put_once_stays(ledger: BlobLedger) -> None:
    """The second time nothing is written and nothing raised: a repeated step finds its work done."""
    assert [ledger.put_once("a/runs/r/x", data) for data in (b"1", b"2")] == [True, False]
    assert ledger.get("a/runs/r/x") == b"1"


def test_what_was_never_put_is_none(ledger: BlobLedger) -> None:
    """Absence is an answer."""
    assert ledger.get("a/runs/r/none") is None


def test_names_are_sorted_and_narrowed(ledger: BlobLedger) -> None:
    """By prefix, across pages."""
    for path in ("a/runs/2/m", "a/runs/1/n", "a/runs/1/m", "a/assets/x"):
        ledger.put_once(path, b"")
    assert list(ledger.names("a/runs/")) == ["a/runs/1/m", "a/runs/1/n", "a/runs/2/m"]


PROJECTS = {Role.PRIMARY: "/subscriptions/s/resourceGroups/rg-ä/p/one", Role.SECONDARY: "/subscriptions/s/p/two"}
EXCHANGED = {Role.PRIMARY: PROJECTS[Role.SECONDARY], Role.SECONDARY: PROJECTS[Role.PRIMARY].upper()}


@pytest.mark.parametrize("hub", list(Role))
def test_a_record_follows_its_project_to_the_side_that_it_is_now(container: Container, hub: Role) -> None:
    """Body and list agree, whichever plan it was written under, and what is written next does so, too."""
    old, new = BlobLedger(container, projects=PROJECTS), BlobLedger(container, projects=EXCHANGED)
    attempt = Attempt(side=hub.other, epoch=1)
    old.create(job("train", hub=hub, unsure=(attempt,)))
    found = new.read("a", "train")
    assert found is not None
    assert (found.value.hub, found.value.unsure) == (hub.other, (Attempt(side=hub, epoch=1),))
    assert [summary.hub for summary in new.summaries("a")] == [hub.other]
    new.replace(found.value, found.etag)
    assert [summary.hub for summary in new.summaries("a")] == [hub.other]
    back = old.read("a", "train")
    assert back is not None
    assert (back.value.hub, back.value.unsure) == (hub, (attempt,))


def test_records_that_name_no_project_can_be_completed(container: Container) -> None:
    """Once; those of an older version, before their sides mean something else."""
    BlobLedger(container).create(job("old"))
    old, new = BlobLedger(container, projects=PROJECTS), BlobLedger(container, projects=EXCHANGED)
    old.create(job("young"))
    assert [summary.hub for summary in new.summaries("a")] == [Role.PRIMARY, Role.SECONDARY]
    assert (old.name_projects("a"), old.name_projects("a")) == (1, 0)
    assert [summary.hub for summary in new.summaries("a")] == [Role.SECONDARY, Role.SECONDARY]


def test_a_record_of_a_third_project_keeps_its_side(container: Container) -> None:
    """A standby that was replaced by another one is no exchange of sides."""
    BlobLedger(container, projects=PROJECTS).create(job("train", hub=Role.SECONDARY))
    third = BlobLedger(container, projects={**PROJECTS, Role.SECONDARY: "/subscriptions/s/p/three"})
    assert [summary.hub for summary in third.summaries("a")] == [Role.SECONDARY]
