"""Copying ahead against the simulated Azure: what is copied, what is never written over, and where it goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from crash_harness import Bench, Visit

from orchestrator.core.base.codec import read_record
from orchestrator.core.base.errors import Unreachable
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.copy_state import ETAG, FROM, CopyRecord
from orchestrator.core.ledger_paths import copy_path
from orchestrator.core.plan.data_copies import CopyTask, DataCopy, DataPlan, tasks_of
from orchestrator.ports import PIECE, BlobCopies, ContainerPlace, CopyEnd, CopyOrder, World
from orchestrator.simulator.arm.seed import SHARE
from orchestrator.simulator.identity import EXECUTOR
from orchestrator.simulator.request_log import LoggedRequest
from orchestrator.watch import copy_pass
from orchestrator.watch.copy_pass import Allowance, BatchResult, Copier

STORE = "azureml-blobstore"
PLENTY = 10**9


class SetClock:
    """A clock that stands until it is put forward."""

    def __init__(self) -> None:
        # An hour ahead of the stores: what was written in a test is older than a pass by more than ``SKEW``.
        self.time = datetime.now(UTC) + timedelta(hours=1)

    def now(self) -> datetime:
        return self.time


class Copying:
    """A pair whose datastore is copied, below a prefix of its own."""

    def __init__(self, bench: Bench, visit: Visit, task: CopyTask, clock: SetClock) -> None:
        self.bench, self.visit, self.task, self.clock = bench, visit, task, clock
        self.prefix = task.prefix
        self.world: World = visit.world._replace(clock=clock)

    def batch(
        self, source: Role = Role.PRIMARY, allowance: Allowance | None = None, holder: str = "one"
    ) -> BatchResult:
        copier = Copier(self.world, self.visit.plan, source, holder)
        return copier.batch(self.task, allowance or Allowance(PLENTY, PLENTY))

    def run(self, source: Role = Role.PRIMARY) -> BatchResult:
        """Batches until nothing is due any more."""
        result = self.batch(source)
        while result.goes_on:
            result = self.batch(source)
        return result

    def later(self, **by: float) -> None:
        self.clock.time += timedelta(**by)

    def write(self, role: Role, files: Mapping[str, bytes], metadata: Mapping[str, str] | None = None) -> None:
        store = self.bench.azure.blobs[self.visit.plan.side(role).region]
        for name, data in files.items():
            path = f"{self.prefix}{name}"
            self.bench.azure.call(lambda path=path, data=data: store.put(STORE, path, data, metadata))

    def read(self, role: Role) -> dict[str, bytes]:
        store, prefix = self.bench.azure.blobs[self.visit.plan.side(role).region], self.prefix

        def all_of() -> dict[str, bytes]:
            return {
                name.removeprefix(prefix): blob.data
                for name in store.names(STORE, prefix)
                if (blob := store.get(STORE, name)) is not None
            }

        return self.bench.azure.call(all_of)

    def place(self) -> ContainerPlace:
        found = self.world.inventory.place(self.visit.plan.primary, "workspaceblobstore")
        assert found is not None
        return found

    def state(self, source: Role = Role.PRIMARY) -> CopyRecord:
        path = copy_path(self.visit.pair, self.task.key, source)
        found = self.visit.world.ledgers[self.visit.pair].get(path)
        assert found is not None
        return read_record(found, CopyRecord, path)

    @contextmanager
    def requests(self) -> Iterator[list[LoggedRequest]]:
        """What the storage accounts of both sides were asked."""
        before, found = len(self.bench.azure.log), list[LoggedRequest]()
        yield found
        found += [each for each in self.bench.azure.log.entries()[before:] if each.service == "storage"]

    def switch(self, active: Role) -> None:
        """Another epoch, by hand."""
        epochs, pair = self.world.epochs[self.visit.pair], self.visit.pair
        held = epochs.read(pair)
        assert held is not None
        after = msgspec.structs.replace(held.value, epoch=held.value.epoch + 1, active=active)
        epochs.replace(pair, after, held.etag)


class Failing:
    """Copies that fail from some call on; ``BaseException`` is a process that dies."""

    def __init__(self, inner: BlobCopies, after: int, fault: BaseException) -> None:
        self._inner, self._left, self._fault = inner, after, fault

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def copy(self, order: CopyOrder) -> None:
        self._left -= 1
        if self._left < 0:
            raise self._fault
        self._inner.copy(order)


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture(scope="module")
def visit(bench: Bench) -> Visit:
    """A pair that many tests share: each copies below a prefix of its own."""
    return bench.visit()


@pytest.fixture
def copying(bench: Bench, visit: Visit, request: pytest.FixtureRequest) -> Copying:
    return make(bench, visit, request.node.name)


@pytest.fixture
def switched(bench: Bench, request: pytest.FixtureRequest) -> Copying:
    """The same with a pair of its own, whose epoch the test may change."""
    return make(bench, bench.visit(), request.node.name)


def make(bench: Bench, visit: Visit, prefix: str) -> Copying:
    copy = DataCopy(datastore="workspaceblobstore", prefix=f"{prefix}/")
    (task,) = tasks_of(DataPlan(copies=(copy,)))
    return Copying(bench, visit, task, SetClock())


def methods(requests: Sequence[LoggedRequest]) -> list[tuple[str, str]]:
    return [(each.method, "list" if "comp=list" in each.query else "") for each in requests]


def test_a_pass_copies_everything_and_the_next_one_reads_a_list_and_copies_nothing(copying: Copying) -> None:
    copying.write(Role.PRIMARY, {"a/one": b"1", "b/two": b"22"}, {"owner": "me"})
    assert copying.run() == BatchResult(goes_on=False)
    assert copying.read(Role.SECONDARY) == {"a/one": b"1", "b/two": b"22"}
    last = copying.state().last
    assert last is not None
    assert (last.seen, last.copied, last.copied_bytes, last.left_out, last.begun) == (2, 2, 3, 0, copying.clock.time)
    copying.later(minutes=15)
    with copying.requests() as asked:
        copying.run()
    assert methods(asked) == [("GET", "list")]
    again = copying.state().last
    assert again is not None
    assert (again.begun, again.seen, again.copied) == (copying.clock.time, 2, 0)


def test_nothing_is_asked_before_it_is_due(copying: Copying) -> None:
    copying.run()
    copying.later(minutes=14)
    with copying.requests() as asked:
        assert not copying.run().goes_on
    assert asked == []


def test_a_copy_carries_the_metadata_of_its_source_and_where_it_came_from(copying: Copying) -> None:
    copying.write(Role.PRIMARY, {"one": b"1"}, {"owner": "me"})
    copying.run()
    store = copying.bench.azure.blobs[copying.visit.plan.secondary.region]
    blob = copying.bench.azure.call(lambda: store.get(STORE, f"{copying.prefix}one"))
    assert blob is not None
    assert (blob.metadata["owner"], blob.metadata[FROM]) == ("me", f"sthubeastus2/{STORE}")


def test_what_was_changed_is_copied_again_and_nothing_else(copying: Copying) -> None:
    copying.clock.time = datetime.now(UTC) - timedelta(minutes=10)
    copying.write(Role.PRIMARY, {"kept": b"1", "changed": b"1"})
    copying.run()
    copying.write(Role.PRIMARY, {"changed": b"22", "new": b"3"})
    copying.later(minutes=15)
    with copying.requests() as asked:
        copying.run()
    assert copying.read(Role.SECONDARY) == {"kept": b"1", "changed": b"22", "new": b"3"}
    assert [each.method for each in asked].count("PUT") == 2


def test_what_is_newer_over_there_or_was_not_written_by_us_is_left_and_told(copying: Copying) -> None:
    copying.write(Role.SECONDARY, {"theirs": b"precious"})
    copying.write(Role.PRIMARY, {"theirs": b"1", "ours": b"1"})
    copying.run()
    assert copying.read(Role.SECONDARY) == {"theirs": b"precious", "ours": b"1"}
    last = copying.state().last
    assert last is not None
    assert [(each.name.rpartition("/")[2], each.why) for each in last.left] == [
        ("theirs", "what lies there was not written by hubswitch")
    ]
    # What was left out is looked at in each pass, until somebody has settled it.
    store, name = copying.bench.azure.blobs[copying.visit.plan.secondary.region], f"{copying.prefix}theirs"
    container = copying.bench.azure.call(lambda: store.create_container(STORE))
    copying.bench.azure.call(lambda: container.remove(name))
    copying.later(minutes=15)
    copying.run()
    assert copying.read(Role.SECONDARY)["theirs"] == b"1"


def test_a_copy_that_somebody_wrote_over_is_theirs(copying: Copying) -> None:
    copying.write(Role.PRIMARY, {"one": b"1"})
    copying.run()
    copying.write(Role.SECONDARY, {"one": b"written in the secondary"})
    copying.write(Role.PRIMARY, {"one": b"22"})
    copying.later(days=1)
    copying.run()
    assert copying.read(Role.SECONDARY) == {"one": b"written in the secondary"}
    last = copying.state().last
    assert last is not None
    assert last.left_out == 1


def test_nothing_is_deleted(copying: Copying) -> None:
    copying.write(Role.PRIMARY, {"one": b"1"})
    copying.run()
    store, name = copying.bench.azure.blobs[copying.visit.plan.primary.region], f"{copying.prefix}one"
    container = copying.bench.azure.call(lambda: store.create_container(STORE))
    copying.bench.azure.call(lambda: container.remove(name))
    copying.later(days=1)
    copying.run()
    assert copying.read(Role.SECONDARY) == {"one": b"1"}


def test_what_was_deleted_over_there_comes_back_within_a_day(copying: Copying) -> None:
    copying.write(Role.PRIMARY, {"one": b"1"})
    copying.run()
    store, name = copying.bench.azure.blobs[copying.visit.plan.secondary.region], f"{copying.prefix}one"
    container = copying.bench.azure.call(lambda: store.create_container(STORE))
    copying.bench.azure.call(lambda: container.remove(name))
    copying.later(days=1)
    copying.run()
    assert copying.read(Role.SECONDARY) == {"one": b"1"}


def test_a_batch_is_bounded_and_the_next_one_goes_on(copying: Copying) -> None:
    copying.write(Role.PRIMARY, {f"f{number}": b"x" for number in range(5)})
    assert not copying.batch(allowance=Allowance(2, PLENTY)).goes_on
    assert len(copying.read(Role.SECONDARY)) == 2
    state = copying.state()
    assert state.under_way is not None
    assert (state.under_way.copied, state.last, state.busy_until) == (2, None, None)
    copying.batch(allowance=Allowance(PLENTY, 2))
    assert len(copying.read(Role.SECONDARY)) == 4
    copying.run()
    last = copying.state().last
    assert last is not None
    assert (len(copying.read(Role.SECONDARY)), last.copied, last.seen) == (5, 5, 5)


def test_a_process_that_dies_in_a_batch_leaves_it_to_another_one(copying: Copying) -> None:
    copying.write(Role.PRIMARY, {f"f{number}": b"x" for number in range(4)})
    good = copying.world
    copying.world = good._replace(copies=Failing(good.copies, 2, Killed()))
    with pytest.raises(Killed):
        copying.batch()
    copying.world = good
    assert copying.batch(holder="two") == BatchResult(goes_on=False)  # the first one may still be writing
    assert len(copying.read(Role.SECONDARY)) == 2
    copying.later(minutes=6)
    with copying.requests() as asked:
        copying.batch(holder="two")
    assert len(copying.read(Role.SECONDARY)) == 4
    assert [each.method for each in asked].count("PUT") == 2  # what was copied before is seen, and not copied again


def test_two_processes_never_work_on_one_copy(copying: Copying) -> None:
    copying.write(Role.PRIMARY, {"one": b"1"})
    seen: list[BatchResult] = []

    class Meanwhile(Failing):
        def copy(self, order: CopyOrder) -> None:
            seen.append(copying.batch(holder="two"))
            self._inner.copy(order)

    good = copying.world
    inner = Meanwhile(good.copies, 0, Killed())
    copying.world = good._replace(copies=inner)
    copying.batch(holder="one")
    assert seen == [BatchResult(goes_on=False)]


def test_a_store_that_refuses_is_told_and_rests(copying: Copying) -> None:
    copying.write(Role.PRIMARY, {"one": b"1"})
    good = copying.world
    refused = Unreachable("the secondary does not answer")
    copying.world = good._replace(copies=Failing(good.copies, 0, refused))
    assert copying.batch() == BatchResult(goes_on=False, trouble="the secondary does not answer")
    state = copying.state()
    assert (state.trouble, state.trouble_since) == ("the secondary does not answer", copying.clock.time)
    with copying.requests() as asked:
        copying.batch()
    assert asked == []
    copying.world = good
    copying.later(minutes=5)
    copying.run()
    assert (copying.read(Role.SECONDARY), copying.state().trouble) == ({"one": b"1"}, "")


def test_a_role_that_is_missing_is_told_with_the_service_s_word(copying: Copying) -> None:
    copying.write(Role.PRIMARY, {"one": b"1"})
    place = (copying.visit.plan.secondary.region, "storage")
    copying.bench.azure.faults.set(*place, "403")
    try:
        result = copying.batch()
    finally:
        copying.bench.azure.faults.clear(*place)
    assert "403" in result.trouble
    assert copying.read(Role.SECONDARY) == {}


def test_a_pair_that_was_switched_is_not_copied_the_old_way(switched: Copying) -> None:
    switched.write(Role.PRIMARY, {"one": b"1"})
    switched.switch(Role.SECONDARY)
    with switched.requests() as asked:
        assert switched.batch() == BatchResult(goes_on=False)
    assert asked == []
    assert switched.state().trouble == ""


def test_a_switch_turns_it_round_once_the_other_direction_is_at_rest(switched: Copying) -> None:
    switched.write(Role.PRIMARY, {"before": b"1", "later": b"2"})
    good = switched.world
    switched.world = good._replace(copies=Failing(good.copies, 1, Killed()))
    with pytest.raises(Killed):
        switched.batch()
    switched.world = good
    switched.switch(Role.SECONDARY)
    switched.write(Role.SECONDARY, {"made there": b"3"})
    switched.batch(Role.SECONDARY, holder="two")
    assert "made there" not in switched.read(Role.PRIMARY)  # the first process may still be writing to the secondary
    switched.later(minutes=6)
    switched.batch(Role.SECONDARY, holder="two")
    assert switched.read(Role.PRIMARY) == {"before": b"1", "later": b"2", "made there": b"3"}
    last = switched.state(Role.SECONDARY).last
    assert last is not None
    assert (last.copied, last.left_out, last.epoch) == (1, 0, 1)


def test_what_was_rewritten_in_the_secondary_comes_home(switched: Copying) -> None:
    """With what is new there; and after a failback what the primary writes over it goes out again."""
    switched.write(Role.PRIMARY, {"model": b"1", "kept": b"1"})
    switched.run()
    switched.switch(Role.SECONDARY)
    switched.later(minutes=6)
    switched.write(Role.SECONDARY, {"model": b"22", "new": b"2"})
    switched.run(Role.SECONDARY)
    assert switched.read(Role.PRIMARY) == {"model": b"22", "kept": b"1", "new": b"2"}
    last = switched.state(Role.SECONDARY).last
    assert last is not None
    assert (last.copied, last.replaced_own, last.left_out) == (2, 1, 0)
    switched.later(minutes=20)
    switched.run(Role.SECONDARY)
    again = switched.state(Role.SECONDARY).last
    assert again is not None
    assert (again.copied, again.replaced_own) == (0, 0)

    switched.switch(Role.PRIMARY)
    switched.later(minutes=6)
    switched.write(Role.PRIMARY, {"model": b"333"})
    switched.run()
    assert switched.read(Role.SECONDARY) == {"model": b"333", "kept": b"1", "new": b"2"}


def test_a_plan_may_leave_what_was_rewritten(switched: Copying) -> None:
    """What is new goes home all the same."""
    copy = switched.task.copy
    assert copy is not None
    switched.task = switched.task._replace(copy=msgspec.structs.replace(copy, bring_back=False))
    switched.write(Role.PRIMARY, {"model": b"1"})
    switched.run()
    switched.switch(Role.SECONDARY)
    switched.later(minutes=6)
    switched.write(Role.SECONDARY, {"model": b"22", "new": b"2"})
    switched.run(Role.SECONDARY)
    assert switched.read(Role.PRIMARY) == {"model": b"1", "new": b"2"}
    last = switched.state(Role.SECONDARY).last
    assert last is not None
    assert [left.why for left in last.left] == ["what lies there was not written by hubswitch"]


def test_what_both_sides_have_written_is_left_on_both_and_told(switched: Copying) -> None:
    """The primary wrote it after the last pass and before its outage: which one counts only its owner knows."""
    switched.clock.time = datetime.now(UTC) - timedelta(hours=2)
    switched.write(Role.PRIMARY, {"model": b"1", "late": b"1"})
    switched.run()
    switched.switch(Role.SECONDARY)
    switched.later(minutes=6)
    switched.write(Role.SECONDARY, {"model": b"22"})
    switched.run(Role.SECONDARY)
    assert (switched.read(Role.PRIMARY)["model"], switched.read(Role.SECONDARY)["model"]) == (b"1", b"22")
    last = switched.state(Role.SECONDARY).last
    assert last is not None
    (left,) = last.left
    assert (left.name.rpartition("/")[2], left.why.partition(";")[0]) == (
        "model",
        "both sides have written it since it was copied",
    )


def test_what_was_left_out_on_the_way_out_never_goes_home_over_the_primary_s(switched: Copying) -> None:
    """The secondary's own blob of that name has nothing to do with the primary's, however new it is."""
    switched.write(Role.SECONDARY, {"notes": b"theirs"})
    switched.write(Role.PRIMARY, {"notes": b"ours"})
    switched.run()
    switched.switch(Role.SECONDARY)
    switched.later(minutes=6)
    switched.write(Role.SECONDARY, {"notes": b"theirs again"})
    switched.run(Role.SECONDARY)
    assert switched.read(Role.PRIMARY) == {"notes": b"ours"}
    last = switched.state(Role.SECONDARY).last
    assert last is not None
    assert [left.why for left in last.left] == ["what lies there was not written by hubswitch"]


def test_a_pass_of_an_older_epoch_is_begun_anew(switched: Copying) -> None:
    switched.write(Role.PRIMARY, {f"f{number}": b"x" for number in range(4)})
    switched.batch(allowance=Allowance(2, PLENTY))
    switched.switch(Role.SECONDARY)
    switched.switch(Role.PRIMARY)
    switched.later(minutes=1)
    switched.run()
    last = switched.state().last
    assert last is not None
    assert (last.begun, last.seen, last.epoch) == (switched.clock.time, 4, 2)


def test_a_large_blob_is_copied_in_pieces_over_several_batches(copying: Copying) -> None:
    data = bytes(range(256)) * (PIECE // 256) + b"the rest"
    copying.write(Role.PRIMARY, {"large": data}, {"owner": "me"})
    copying.batch(allowance=Allowance(PLENTY, 1))
    state = copying.state()
    assert state.under_way is not None
    assert state.under_way.piecemeal is not None
    assert (state.under_way.piecemeal.done, copying.read(Role.SECONDARY)) == (PIECE, {})
    copying.run()
    assert copying.read(Role.SECONDARY) == {"large": data}
    store = copying.bench.azure.blobs[copying.visit.plan.secondary.region]
    blob = copying.bench.azure.call(lambda: store.get(STORE, f"{copying.prefix}large"))
    assert blob is not None
    assert (blob.metadata["owner"], ETAG in blob.metadata) == ("me", True)


def test_a_large_blob_that_changes_between_its_pieces_is_never_put_together_of_both(copying: Copying) -> None:
    old, new = b"a" * (PIECE + 1), b"b" * (PIECE + 1)
    copying.write(Role.PRIMARY, {"large": old})
    copying.batch(allowance=Allowance(PLENTY, 1))
    copying.write(Role.PRIMARY, {"large": new})
    copying.run()
    assert copying.read(Role.SECONDARY) == {"large": new}


def test_a_large_blob_that_changes_within_a_batch_is_copied_anew(copying: Copying) -> None:
    old, new = b"a" * (PIECE + 1), b"b" * (PIECE + 1)
    copying.write(Role.PRIMARY, {"large": old})

    class Changing(Failing):
        """The source is written anew behind the first piece."""

        def stage(self, order: CopyOrder, start: int) -> int:
            done = self._inner.stage(order, start)
            if order.blob.etag == first:
                copying.write(Role.PRIMARY, {"large": new})
            return done

    inner = copying.world.copies
    source = CopyEnd(copying.visit.plan.primary, copying.place())
    facts = inner.look(source, f"{copying.prefix}large")
    assert facts is not None
    first = facts.etag
    copying.world = copying.world._replace(copies=Changing(inner, PLENTY, Killed()))
    copying.run()
    assert copying.read(Role.SECONDARY) == {"large": new}
    last = copying.state().last
    assert last is not None
    assert last.copied == 1


def test_pages_of_both_lists_are_walked_side_by_side(copying: Copying, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.adapters.hub.blob_copies.PAGE", 3)
    copying.write(Role.SECONDARY, {f"b{number}": b"theirs" for number in range(0, 20, 2)})
    copying.write(Role.PRIMARY, {f"b{number}": b"ours" for number in range(20)})
    with copying.requests() as asked:
        copying.run()
    # Seven pages here; there four of what was there and no more than one again for each of the seven and the copies.
    assert sum("comp=list" in each.query for each in asked) <= 24
    last = copying.state().last
    assert last is not None
    assert (last.seen, last.copied, last.left_out) == (20, 10, 10)
    there = copying.read(Role.SECONDARY)
    assert {name for name, data in there.items() if data == b"theirs"} == {f"b{number}" for number in range(0, 20, 2)}


def test_both_sides_on_one_container_are_told(copying: Copying) -> None:
    copying.task = copying.task._replace(copy=DataCopy(datastore="training-data"))
    assert "both sides read" in copying.batch().trouble


def test_a_datastore_that_is_not_there_is_told(copying: Copying) -> None:
    copying.task = copying.task._replace(copy=DataCopy(datastore="nowhere"))
    assert "the primary has no datastore nowhere" in copying.batch().trouble


def test_the_last_time_of_a_batch_is_bounded(copying: Copying, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy_pass, "BATCH", timedelta(seconds=-1))
    copying.write(Role.PRIMARY, {"one": b"1"})
    assert copying.batch().goes_on
    assert copying.read(Role.SECONDARY) == {}


def test_logs_are_saved_below_a_folder_of_the_ledger_s_container_by_side(bench: Bench, visit: Visit) -> None:
    """From the artefact container, as storage copies it. What is not ours there is left."""
    (task,) = tasks_of(DataPlan(save=("logs",)))
    copying = Copying(bench, visit, task, SetClock())
    folder = f"_saved/{visit.pair}/primary/logs/"
    account, ledger = bench.azure.blobs[visit.plan.primary.region], bench.azure.ledger
    container = visit.plan.ledger.container
    name = f"ExperimentRun/dcid.{visit.pair}/user_logs/std_log.txt"
    bench.azure.call(lambda: account.put("azureml", name, b"epoch 1"))
    bench.azure.call(lambda: ledger.put(container, f"{folder}other", b"somebody's"))
    bench.azure.call(lambda: account.put("azureml", "other", b"ours"))
    copying.run()
    saved = bench.azure.call(lambda: ledger.get(container, folder + name))
    assert saved is not None
    assert saved.data == b"epoch 1"
    last = copying.state().last
    assert last is not None
    assert [each.name for each in last.left] == ["other"]
    bench.azure.call(lambda: account.put("azureml", name, b"epoch 1, epoch 2"))
    copying.later(days=1)
    copying.run()
    again = bench.azure.call(lambda: ledger.get(container, folder + name))
    assert again is not None
    assert again.data == b"epoch 1, epoch 2"


def test_a_ledger_of_nobody_is_never_written_to(copying: Copying) -> None:
    plan = copying.visit.plan
    copying.later(days=3)
    elsewhere = msgspec.structs.replace(plan.ledger, account=plan.secondary.storage or "")
    (task,) = tasks_of(DataPlan(save=("logs",)))
    copier = Copier(copying.world, msgspec.structs.replace(plan, ledger=elsewhere), Role.PRIMARY, "one")
    assert "holds no ledger of a plan" in copier.batch(task, Allowance(PLENTY, PLENTY)).trouble


def test_notebooks_are_saved_from_the_file_share_directory_by_directory(
    bench: Bench, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In pages, and only what has changed; storage copies them, so that nothing is read here."""
    monkeypatch.setattr("orchestrator.adapters.hub.share_files.PAGE", 2)
    (task,) = tasks_of(DataPlan(save=("notebooks",)))
    copying = Copying(bench, visit, task, SetClock())
    folder, container = f"_saved/{visit.pair}/primary/notebooks/", visit.plan.ledger.container
    account, ledger = bench.azure.blobs[visit.plan.primary.region], bench.azure.ledger
    files = {
        f"Users/{who}/{name}": f"{who} {name}".encode() for who in ("ana", "ben") for name in ("a b.ipynb", "ü.py", "z")
    }
    for path, data in {**files, "top.txt": b"top"}.items():
        bench.azure.call(lambda path=path, data=data: account.put_file(SHARE, path, data))

    def saved() -> dict[str, bytes]:
        return {
            name.removeprefix(folder): blob.data
            for name in ledger.names(container, folder)
            if (blob := ledger.get(container, name)) is not None
        }

    copying.run()
    assert bench.azure.call(saved) == {**files, "top.txt": b"top"}
    bench.azure.call(lambda: account.put_file(SHARE, "Users/ana/z", b"changed"))
    copying.later(days=1)
    with copying.requests() as asked:
        copying.run()
    assert bench.azure.call(saved)["Users/ana/z"] == b"changed"
    last = copying.state().last
    assert last is not None
    assert (last.seen, last.copied, last.left_out) == (7, 1, 0)
    assert {each.method for each in asked} == {"GET"}
    assert all("comp=list" in each.query for each in asked)


def test_a_role_that_lacks_for_the_file_share_is_told(bench: Bench, visit: Visit) -> None:
    (task,) = tasks_of(DataPlan(save=("notebooks",)))
    copying = Copying(bench, visit, task, SetClock())
    copying.later(days=9)
    bench.azure.kernel.revoke(EXECUTOR, "file.read")
    try:
        assert "403" in copying.batch().trouble
    finally:
        bench.azure.kernel.grant(EXECUTOR, "file.read")


def test_a_large_notebook_is_saved_in_pieces(bench: Bench, visit: Visit) -> None:
    (task,) = tasks_of(DataPlan(save=("notebooks",)))
    copying = Copying(bench, visit, task, SetClock())
    copying.later(days=20)
    account, ledger = bench.azure.blobs[visit.plan.primary.region], bench.azure.ledger
    data = b"x" * (PIECE + 3)
    bench.azure.call(lambda: account.put_file(SHARE, "Users/large.ipynb", data))
    copying.run()
    path = f"_saved/{visit.pair}/primary/notebooks/Users/large.ipynb"
    found = bench.azure.call(lambda: ledger.get(visit.plan.ledger.container, path))
    assert found is not None
    assert found.data == data
