"""Where our token for storage may go, and from which accounts files are copied.

Datastores, code assets and environments are written by users of a project. What they name as an address is not to be
trusted: a token that was sent to a stranger could write the ledger, and a copy of the ledger that was filed as
somebody's code could be read by whoever may read that code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from orchestrator.adapters.http.one_host import place_of
from orchestrator.core.base.errors import Refused
from orchestrator.core.jobs.rewrite.references import STORAGE_SUFFIX
from orchestrator.core.plan.schema import Hub, Plan, side_of

SECONDARY_ENDPOINT = "-secondary"
"""End of the label under which an account's geo-redundant copy is read (learn.microsoft.com, "Use geo-redundancy to
design highly available applications")."""

UNTOUCHED = "nothing in it is read or written"
_ACCOUNTS = "/providers/microsoft.storage/storageaccounts/"


class OwnStorage:
    """Decides which accounts the executor copies from and to, for one hub. Safe to share between threads.

    Args:
        plans: their ledgers are nobody's storage, and the accounts of one pair's hubs are not another's.
        attached: names of the accounts that a hub's datastores lead to. Asked only for what the plan does not name.
    """

    def __init__(self, plans: Mapping[str, Plan], attached: Callable[[Hub], frozenset[str]]) -> None:
        self._plans = plans
        self._attached = attached

    def check(self, hub: Hub, url: str) -> None:
        """Return if the account behind a URL is the hub's own.

        Raises:
            Refused: it is a ledger's, another pair's, no storage account of Azure, or the hub does not know it.
            HubswitchError: what the hub says when it is asked for its datastores.
        """
        self.check_given(hub, url)
        account = account_of(url)
        if account not in accounts_of(hub) and account not in self._attached(hub):
            raise Refused(
                f"{account} is not one of the storage accounts of {hub.project}: neither the plan's nor a datastore's; "
                f"{UNTOUCHED}. If its files are needed, attach it to the project as a datastore"
            )

    def check_given(self, hub: Hub, url: str) -> None:
        """The same for a place that the service itself has given with a signature: no datastore need name it.

        Raises:
            Refused: it is a ledger's, another pair's, or no storage account of Azure.
        """
        check_storage(hub, url)
        account = account_of(url)
        if account in self._ledgers():
            raise Refused(f"{account} holds a ledger of hubswitch, not files of {hub.project}; {UNTOUCHED}")
        if account not in accounts_of(hub) and account in self._of_others(hub):
            raise Refused(f"{account} belongs to a hub of another pair, not to {hub.project}; {UNTOUCHED}")

    def _ledgers(self) -> frozenset[str]:
        return frozenset(account_of(plan.ledger.account) for plan in self._plans.values())

    def _of_others(self, hub: Hub) -> frozenset[str]:
        """Accounts of the hubs of other pairs. Projects of one hub share its account, whichever pairs they are in."""
        others = [
            side
            for plan in self._plans.values()
            if side_of(plan, hub.project_id) is None
            for side in (plan.primary, plan.secondary)
            if side.hub_id.casefold() != hub.hub_id.casefold()
        ]
        return frozenset().union(*(accounts_of(side) for side in others))


def accounts_of(hub: Hub) -> frozenset[str]:
    """The storage accounts that a plan names as a hub's: its own, and those among its further resources."""
    found = {account_of(hub.storage)} if hub.storage else set()
    listed = (resource.casefold().partition(_ACCOUNTS)[2].partition("/")[0] for resource in hub.resources)
    return frozenset(found | {name for name in listed if name})


def account_of(url: str) -> str:
    """What tells one account from another: its name in Azure, host and port elsewhere. Lower case."""
    parts = urlsplit(url)
    host = (parts.hostname or "").casefold()
    label, dot, rest = host.partition(".")
    if STORAGE_SUFFIX.fullmatch(dot + rest):
        return label.removesuffix(SECONDARY_ENDPOINT)
    return parts.netloc.casefold()


def check_storage(hub: Hub, url: str) -> None:
    """Return if an account's URL is one that our token may be sent to: by its host, whoever's account it is.

    Raises:
        Refused: it is not.
    """
    scheme, host, port = place_of(url)
    label, _, _ = host.partition(".")
    # Azure ML writes addresses of storage with the usual port in them, too.
    in_azure = (scheme, port) == ("https", 443) and STORAGE_SUFFIX.fullmatch(host[len(label) :])
    if not in_azure and not (hub.storage and place_of(url) == place_of(hub.storage)):
        raise Refused(
            f"{urlsplit(url).netloc} is no storage account of Azure, nor {hub.project}'s own; it is not asked"
        )
