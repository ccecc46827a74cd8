"""What is asked of Azure for one pair, with the identities of the app. Every call is harmless."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple

from orchestrator.core.base.errors import Forbidden, HubswitchError, NotFound
from orchestrator.core.base.text import join_words
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.steps import front_steps
from orchestrator.core.plan.steps_front import FrontStep
from orchestrator.doctor import roles
from orchestrator.doctor.findings import DoctorCheck, Untold
from orchestrator.ports import Trials, World
from orchestrator.settings import Settings
from orchestrator.workflows.activities.steps_front import actions_of

SCIENTIST = "AzureML Data Scientist"


class Subject(NamedTuple):
    """A pair, and the means to ask about it."""

    plan: Plan
    settings: Settings
    world: World
    trials: Trials

    @property
    def executor(self) -> str:
        return assignee(self.settings.executor_client_id)


def assignee(client_id: str) -> str:
    """How a role assignment names an identity of the app."""
    return client_id or "<object id of the app's own identity>"


def token_checks(settings: Settings, trials: Trials) -> Iterator[DoctorCheck]:
    """Both identities, before anything is asked with them."""
    app = "az functionapp identity assign --resource-group <group> --name <app> --identities <its resource id>"
    for identity in ("executor", "probe"):
        fix = f"{app}; HUBSWITCH_{identity.upper()}_CLIENT_ID is {getattr(settings, f'{identity}_client_id')!r}"

        def ask(identity: str = identity) -> str:
            return f"the {trials.get_token(identity)} got a token"

        yield DoctorCheck(f"token.{identity}", ask, fix)


def executor_checks(subject: Subject) -> Iterator[DoctorCheck]:
    """Everything that is asked as the executor."""
    yield from _ledger(subject)
    yield from _pointer(subject)
    for role in Role:
        yield from _project(subject, role)
    yield from _front(subject)


def _front(subject: Subject) -> Iterator[DoctorCheck]:
    """What steps of the plan switch in front of the hubs: whether it is there, and whether the executor may."""
    # Both directions may switch the same thing under the same name: then it is asked once.
    steps = {(step.title, step.resource_id): step for step in front_steps(subject.plan.steps).values()}
    for step in steps.values():
        fix = roles.grant(subject.executor, roles.FRONT_ROLES[step.resource_type], step.resource_id)
        show = f"az resource show --ids {step.resource_id}"
        yield DoctorCheck(f"step.{step.title}", partial(_look_at_front, subject, step), fix, show)


def _look_at_front(subject: Subject, step: FrontStep) -> str:
    actions = actions_of(subject.world.resources, step)
    return _look_for(subject, step.resource_id, actions)


def _ledger(subject: Subject) -> Iterator[DoctorCheck]:
    plan, world, executor = subject.plan, subject.world, subject.executor
    account = plan.ledger.account
    fix = roles.grant(executor, "Storage Blob Data Contributor", roles.scope_of("storage account", account))
    show = f"az storage account show --name {roles.name_in(account)} --query '[statusOfPrimary, networkRuleSet]'"

    def read() -> str:
        record = world.epochs[plan.pair].read(plan.pair)
        next(world.ledgers[plan.pair].names(f"{plan.pair}/epoch.json"), None)
        if record is None:
            raise Untold("it can be read and listed, and has no epoch record yet: the first look writes it")
        return f"it can be read and listed; epoch {record.value.epoch}, active is the {record.value.active}"

    def write() -> str:
        try:
            subject.trials.write_ledger(plan)
        except NotFound as fault:
            raise Untold("there is no container yet: the first write makes it, and shows the permission") from fault
        return "a write under a condition that cannot hold was refused for its condition, not for the role"

    def delete() -> str:
        subject.trials.delete_from_ledger(plan)
        return "a deletion under a condition that cannot hold was not refused for the role"

    yield DoctorCheck("ledger.read", read, fix, show)
    yield DoctorCheck("ledger.write", write, fix, show)
    yield DoctorCheck("ledger.delete", delete, fix, show)


def _pointer(subject: Subject) -> Iterator[DoctorCheck]:
    plan, world, executor = subject.plan, subject.world, subject.executor
    endpoint, store = plan.pointer.endpoint, world.pointers[plan.pair]
    fix = roles.grant(executor, "App Configuration Data Owner", roles.scope_of("appconfig", endpoint))
    show = f"az appconfig show --name {roles.name_in(endpoint)} --query '[provisioningState, publicNetworkAccess]'"

    def read() -> str:
        found = store.snapshot(plan.pair).value
        if found is None:
            raise Untold("it can be read, and has no pointer yet: the first look publishes it")
        return f"it shows epoch {found.epoch}, {found.active}"

    def write() -> str:
        subject.trials.write_pointer(plan)
        return "a write under a condition that cannot hold was refused for its condition, not for the role"

    def read_replica(replica: str) -> str:
        found = store.read_from(plan.pair, replica)
        return f"{replica} shows {'no pointer yet' if found is None else f'epoch {found.epoch}, {found.active}'}"

    yield DoctorCheck("pointer.read", read, fix, show)
    yield DoctorCheck("pointer.write", write, fix, show)
    listed = f"az appconfig replica list --store-name {roles.name_in(endpoint)}"
    for number, replica in enumerate(plan.pointer.replicas):
        yield DoctorCheck(f"pointer.replica[{number}]", partial(read_replica, replica), fix, listed)


def _project(subject: Subject, role: Role) -> Iterator[DoctorCheck]:
    plan, world, executor = subject.plan, subject.world, subject.executor
    hub = plan.side(role)
    scientist = roles.grant(executor, SCIENTIST, hub.project_id)
    show = f"az resource show --ids {hub.project_id}"

    def read() -> str:
        world.jobs.reachable(hub)  # nothing that the app does needs the hub above the project
        return f"{hub.project} can be read through Resource Manager"

    def list_jobs() -> str:
        found = next(world.jobs.pages(hub), ())
        return f"jobs can be listed ({len(found)} on the first page)"

    yield DoctorCheck(f"hub.read.{role}", read, scientist, show)
    yield DoctorCheck(f"jobs.read.{role}", list_jobs, scientist, show)
    for name, actions in (("jobs.submit", roles.SUBMIT), ("assets.copy", roles.actions_of_copying(plan))):
        yield DoctorCheck(f"{name}.{role}", partial(_look_for, subject, hub.project_id, actions), scientist, show)
    if hub.storage:
        scope = roles.scope_of("storage account", hub.storage)
        fix = roles.grant(executor, "Storage Blob Data Reader", scope)
        yield DoctorCheck(f"storage.read.{role}", partial(_list_blobs, subject, hub.storage), fix, show)


def _look_for(subject: Subject, resource_id: str, actions: tuple[str, ...]) -> str:
    """Nothing is submitted: Azure is asked what the executor may do."""
    try:
        held = subject.trials.permissions(resource_id)
    except Forbidden as fault:
        what = f"what the executor may do there may not be read (Microsoft.Authorization/permissions/read): {fault}"
        raise Untold(what, roles.see_roles(subject.executor, resource_id)) from fault
    except HubswitchError as fault:
        raise Untold(f"what the executor may do there could not be read: {fault}") from fault
    lacking = roles.find_missing(actions, held)
    if lacking:
        raise Forbidden(f"no role of the executor there allows {_spell(lacking)}")
    return f"the executor's roles there allow {_spell(actions)}"


def _spell(actions: Iterable[str]) -> str:
    return join_words(action.removeprefix(f"{roles.WORKSPACES}/") for action in actions)


def _list_blobs(subject: Subject, account: str) -> str:
    subject.trials.list_blobs(account)
    return f"the executor may read blobs of {account}"
