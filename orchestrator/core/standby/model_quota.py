"""The check of model quota: whether a failover could bring the plan's ``standby.ai_deployments`` to their size. Pure.

It reads ``ai_accounts``, an object by the ARM id, in lower case, of each account that the plan names:

===============  =================================================================================================
``account``      GET of the account, null if there is none; its ``location`` says which region's quota counts
``deployments``  GET ``{account}/deployments``: ``name``, ``sku`` and ``properties.model`` of each
``models``       GET ``{account}/models``: ``format``, ``name``, ``version``, ``skus`` with ``name`` and ``usageName``
``usages``       GET ``…/locations/{location}/usages`` of its subscription: ``name.value``, ``currentValue``, ``limit``
===============  =================================================================================================

Shapes: learn.microsoft.com, rest/api/aiservices/accountmanagement, pages accounts/get, deployments/list,
accounts/list-models (``ModelSku.usageName`` is the name of the quota) and usages/list. Use and limit are counted in the
unit of ``sku.capacity``: thousands of tokens a minute (learn.microsoft.com, "Manage Azure OpenAI in Azure AI Foundry
Models quota"), or units of provisioned throughput.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from orchestrator.core.base.numbers import number_in
from orchestrator.core.base.text import join_words
from orchestrator.core.plan.standby import PartTier
from orchestrator.core.standby.inventory import NotCollected, as_list, as_object, comparable, dig, last_part, name_of
from orchestrator.core.standby.planned_parts import PlannedPart
from orchestrator.core.standby.readiness import CheckRow, Comparison, Severity

ACCOUNTS = "ai_accounts"
MODEL_QUOTA_CHECK = 31

type Element = Mapping[str, Any]


class _Need(NamedTuple):
    """What one deployment needs of a quota."""

    part: PlannedPart
    has: float
    more: float
    rows: Sequence[Any]
    """The usages of its region."""

    @property
    def path(self) -> str:
        return f"{ACCOUNTS}.{self.part.name}"


class _Quota(NamedTuple):
    """What tells one quota from another: it is counted for each subscription, region and kind of capacity."""

    subscription: str
    region: str
    name: str


def model_quota_row(parts: Sequence[PlannedPart] = ()) -> CheckRow:
    """The row for the models that the plan names."""
    look = partial(_look_at_quota, [part for part in parts if part.account])
    fix = "az cognitiveservices usage list --location REGION; ask for more quota at https://aka.ms/oai/stuquotarequest"
    return CheckRow(MODEL_QUOTA_CHECK, "quota of models", (ACCOUNTS,), Severity.BLOCK, look, fix)


def _look_at_quota(parts: Sequence[PlannedPart], c: Comparison) -> None:
    accounts = c.secondary.one(ACCOUNTS)
    needs: dict[_Quota, list[_Need]] = defaultdict(list)
    for part in parts:
        found = as_object(accounts.get(part.account.casefold()))
        try:
            need = _find_need(part, found, c)
            if need is not None:
                needs[_find_quota(part, found, c)].append(need)
        except NotCollected as fault:
            c.unread(fault)
    for quota, together in needs.items():
        _look_at_headroom(quota, together, c)


def _find_need(part: PlannedPart, found: Element, c: Comparison) -> _Need | None:
    """What of the full size is lacking; None if nothing is, or if there is nothing that could be scaled.

    Raises:
        NotCollected: the deployment shows no capacity.
    """
    deployment = _deployment_in(found, part)
    if deployment is None and part.tier is not PartTier.COLD:
        if not _is_connected(part.account, c):  # else check 8 says so
            what = f"is missing in the secondary, and the plan's standby names it as {part.tier}"
            fix = "az cognitiveservices account deployment create"
            c.add(f"{ACCOUNTS}.{part.name}", what, fix=fix)
        return None
    has = number_in(dig(deployment, "sku.capacity")) if deployment is not None else 0
    if has is None:
        raise NotCollected(f"{ACCOUNTS}.{part.name}", "the deployment shows no capacity (sku.capacity)")
    more = (part.size.full if part.size else 0) - has
    return _Need(part, has, more, as_list(found.get("usages"))) if more > 0 else None


def _find_quota(part: PlannedPart, found: Element, c: Comparison) -> _Quota:
    """The quota that a deployment counts against; of one that a template has yet to make, its twin's.

    Raises:
        NotCollected: it is not known.
    """
    path = f"{ACCOUNTS}.{part.name}"
    like = _deployment_in(found, part) or _twin_of(part, c)
    if like is None:
        raise NotCollected(path, "which model it will be is not known: the primary has no deployment of this name")
    model, sku = as_object(dig(like, "properties.model")), dig(like, "sku.name")
    account = found.get("account")
    name = _usage_name(model, sku, as_list(found.get("models")))
    if account is None:  # a template makes it, too, and only an account lists what its models count against
        name = f"{model.get('format')}.{sku}.{model.get('name')}"
    if not name:
        shown = f"{model.get('name')} {model.get('version')} with {sku}"
        raise NotCollected(path, f"the account's list of models does not say which quota {shown} counts against")
    region = str(dig(account, "location") or c.region)
    return _Quota(part.account.split("/")[2].casefold(), region, name)


def _usage_name(model: Element, sku: Any, models: Iterable[Any]) -> str:
    """The ``usageName`` of a model's kind of capacity: by its version, else by another one of it; empty if none has."""
    same = [each for each in models if all(_agrees(each, model, field) for field in ("format", "name"))]
    same.sort(key=lambda each: not _agrees(each, model, "version"))
    for each in same:
        for offered in as_list(each.get("skus")):
            name = dig(offered, "usageName")
            if comparable(dig(offered, "name")) == comparable(sku) and isinstance(name, str):
                return name
    return ""


def _agrees(listed: Any, model: Element, field: str) -> bool:
    return isinstance(listed, Mapping) and comparable(listed.get(field)) == comparable(model.get(field))


def _look_at_headroom(quota: _Quota, needs: Sequence[_Need], c: Comparison) -> None:
    """Whether what is left is enough for all deployments that count against one quota."""
    first, wanted = needs[0], sum(need.more for need in needs)
    rows = (each for each in first.rows if isinstance(each, Mapping))
    row = next((each for each in rows if name_of(each).casefold() == quota.name.casefold()), None)
    if row is None:
        why = f"the usages of {quota.region} do not have {quota.name}, of which {wanted:g} more are needed"
        c.unread(NotCollected(first.path, why))
        return
    limit, used = number_in(row.get("limit")), number_in(row.get("currentValue"))
    if limit is None or used is None:
        c.unread(NotCollected(first.path, f"limit and use of {quota.name} are no numbers"))
    elif limit >= 0 and limit - used < wanted:
        names = ["it"] if len(needs) == 1 else [need.part.name for need in needs]
        sizes = [f"from {need.has:g} to {need.part.size.full}" for need in needs if need.part.size]
        brought = join_words(f"{name} {size}" for name, size in zip(names, sizes, strict=True))
        left = f"{limit - used:g} of {limit:g} are left of {quota.name} in {quota.region}"
        what = f"a failover cannot bring {brought}: {wanted:g} more are needed, {left}"
        shown = f"az cognitiveservices usage list --location {quota.region}"
        fix = (
            f"{shown} shows the use; ask for more at https://aka.ms/oai/stuquotarequest, or lower capacity in the plan"
        )
        c.add(first.path, what, f"{wanted:g}", f"{limit - used:g}", fix=fix)


def _deployment_in(found: Element, part: PlannedPart) -> Element | None:
    listed = (each for each in as_list(found.get("deployments")) if isinstance(each, Mapping))
    return next((each for each in listed if name_of(each).casefold() == part.parts[-1].casefold()), None)


def _twin_of(part: PlannedPart, c: Comparison) -> Element | None:
    """The deployment of this name in the primary, in whichever account it is.

    Raises:
        NotCollected: the primary's deployments could not be read.
    """
    listed = c.primary.many("openai_deployments")
    return next((each for each in listed if last_part(name_of(each)).casefold() == part.parts[-1].casefold()), None)


def _is_connected(account: str, c: Comparison) -> bool:
    """Whether a connection of the secondary leads to an account, so that its deployments are compared."""
    places = (dig(each, "properties.metadata.ResourceId") for each in c.secondary.many("connections"))
    return account.casefold() in (str(place).casefold() for place in places)
