"""Where our token for storage may go: to Azure's storage service, or where a plan says that a hub keeps its files.

Datastores and code assets are written by users of a project. What they name as an address is not to be trusted: a
token that was sent there could write the ledger.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from orchestrator.core.base.errors import Refused
from orchestrator.core.jobs.rewrite.references import STORAGE_SUFFIX
from orchestrator.core.plan.schema import Hub


def check_storage(hub: Hub, url: str) -> None:
    """Return if an account's URL is one that our token may be sent to.

    Raises:
        Refused: it is not.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    label, _, _ = host.partition(".")
    in_azure = parts.scheme == "https" and parts.port is None and STORAGE_SUFFIX.fullmatch(host[len(label) :])
    if not in_azure and parts[:2] != urlsplit(hub.storage or "")[:2]:
        raise Refused(f"{parts.netloc} is no storage account of Azure, nor {hub.project}'s own; it is not asked")
