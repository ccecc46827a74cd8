"""Files of models that lie in a hub's own storage: what a run has written, or somebody has uploaded.

A model that is registered from a run's output names that run, which the other side never had; one whose path is in the
hub's own storage names a datastore that has the same name there, and nothing in it. Such files go to the ledger like
code. Models in accounts that people attached stay where they are: the plan's map says what their datastore is there.

==============================================  ===================================================================
``modelUri``                                    where the files are
==============================================  ===================================================================
``azureml://…/datastores/<name>/paths/<path>``  there
``https://<account>/<container>/<path>``        there
``azureml://jobs/<run>/outputs/artifacts/…``    ``ExperimentRun/dcid.<run>`` of ``workspaceartifactstore``
``runs:/<run>/…``                               the same
``azureml://jobs/<run>/outputs/<output>/…``     where the run says that its output is; else ``azureml/<run>/<output>``
                                                of ``workspaceblobstore``, the default that learn.microsoft.com,
                                                "Access data in a job", names
==============================================  ===================================================================
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from orchestrator.adapters.http.arm import ResourceManager
from orchestrator.adapters.http.pacing import Pacer
from orchestrator.adapters.hub.code_files import CodeFiles, in_storage
from orchestrator.adapters.hub.datastores import Datastores
from orchestrator.adapters.hub.jobs import READ_VERSION
from orchestrator.adapters.hub.storage_hosts import account_of, accounts_of
from orchestrator.adapters.hub.upload_places import UploadPlaces
from orchestrator.core.jobs.asset_snapshot import KeptFile
from orchestrator.core.plan.schema import Hub
from orchestrator.ports import Shelf

OWN_STORES = frozenset({"workspaceblobstore", "workspaceartifactstore"})
"""Datastores that Azure ML itself makes in the workspace's own account."""

ONE_FILE = ""
"""Path, in a snapshot's files, of a model that is a single file."""

_LONG = re.compile(
    r"^azureml:/{0,3}subscriptions/(?P<subscription>[^/]+)/resourcegroups/(?P<group>[^/]+)"
    r"(?:/providers/[^/]+)?/workspaces/(?P<workspace>[^/]+)/(?P<rest>.+)$",
    re.IGNORECASE,
)
_STORE = re.compile(r"^datastores/(?P<store>[^/]+)(?:/paths)?/(?P<path>.+)$", re.IGNORECASE)
_OUTPUT = re.compile(r"^jobs/(?P<run>[^/]+)/outputs/(?P<output>[^/]+)(?:/paths)?(?:/(?P<path>.*))?$", re.IGNORECASE)
_RUN = re.compile(r"^runs:/+(?P<run>[^/]+)/(?P<path>.+)$", re.IGNORECASE)


class ModelPlace(NamedTuple):
    """A path in a datastore."""

    store: str
    path: str


class ModelFiles:
    """Keeps and uploads the files of models. Safe to share between threads."""

    def __init__(
        self,
        manager: ResourceManager,
        files: CodeFiles,
        stores: Datastores,
        places: UploadPlaces,
        pacer_of: Callable[[Hub], Pacer],
    ) -> None:
        self._manager = manager
        self._files = files
        self._stores = stores
        self._places = places
        self._pacer_of = pacer_of

    def keep(self, hub: Hub, body: Mapping[str, Any], shelf: Shelf) -> dict[str, KeptFile]:
        """Take a model's files to the shelf; nothing if they do not lie in the hub's own storage.

        Raises:
            NotFound: nothing lies there, or the run whose output it is has gone.
            Refused: there is more than is kept.
        """
        uri = self._own_uri(hub, model_uri(body))
        if not uri:
            return {}
        return self._files.keep(hub, uri, shelf) or {ONE_FILE: self._files.keep_file(hub, uri, shelf)}

    def upload(self, target: Hub, uri: str, files: Mapping[str, KeptFile], shelf: Shelf) -> str:
        """Put them into the target's default datastore, where azure-ai-ml puts local models; their URI there.

        The place follows from the content: the same files are the same place.
        """
        store = self._stores.default(target)
        content = "\n".join(f"{path} {file.sha256}" for path, file in sorted(files.items()))
        digest = hashlib.sha256(content.encode()).hexdigest()[:32]
        name = uri.rstrip("/").rpartition("/")[2] or "model"
        open_blob = self._places.of_store(target, store, self._pacer_of(target))
        if files.keys() == {ONE_FILE}:
            self._files.write(open_blob, f"LocalUpload/{digest}", {name: files[ONE_FILE]}, shelf)
        else:
            self._files.write(open_blob, f"LocalUpload/{digest}/{name}", files, shelf)
        project = f"subscriptions/{target.subscription}/resourcegroups/{target.resource_group}"
        return (
            f"azureml://{project}/workspaces/{target.project}"
            f"/datastores/{store.name}/paths/LocalUpload/{digest}/{name}{'' if ONE_FILE in files else '/'}"
        )

    def _own_uri(self, hub: Hub, uri: str) -> str:
        """Where the files are as a URL of blob storage; empty if that is not the hub's own."""
        if in_storage(uri):
            return uri if account_of(uri) in accounts_of(hub) else ""
        place = self._place(hub, uri)
        store = self._stores.get(hub, place.store) if place else None
        if place is None or store is None:
            return ""
        is_own = store.name.casefold() in OWN_STORES or account_of(store.url) in accounts_of(hub)
        return f"{store.url}/{store.container}/{place.path}" if is_own else ""

    def _place(self, hub: Hub, uri: str) -> ModelPlace | None:
        run = _RUN.match(uri)
        if run:
            return _artifacts(run["run"], run["path"])
        rest = _within(hub, uri)
        output = _OUTPUT.match(rest)
        if output:
            return self._output(hub, output["run"], output["output"], output["path"] or "")
        store = _STORE.match(rest)
        return ModelPlace(store["store"], store["path"]) if store else None

    def _output(self, hub: Hub, run: str, output: str, path: str) -> ModelPlace | None:
        if output.casefold() == "artifacts":
            return _artifacts(run, path)
        job = self._manager.get(f"{hub.project_id}/jobs/{run}", READ_VERSION)
        outputs = (job.get("properties") or {}).get("outputs") or {}
        asked = outputs.get(output)
        given = asked.get("uri") if isinstance(asked, dict) else None
        if not given:
            return ModelPlace("workspaceblobstore", _join(f"azureml/{run}/{output}", path))
        told = str(given).replace("${{name}}", run).replace("${{output_name}}", output)
        found = _STORE.match(_within(hub, told))
        return ModelPlace(found["store"], _join(found["path"], path)) if found else None


def model_uri(body: Mapping[str, Any]) -> str:
    """Where a model's body says that its files are, or an empty string."""
    uri = (body.get("properties") or {}).get("modelUri")
    return uri if isinstance(uri, str) else ""


def _within(hub: Hub, uri: str) -> str:
    """What follows the workspace in a URI, if it is the hub's project that is named, or none; else an empty string."""
    long = _LONG.match(uri)
    if long is None:
        return uri.partition("azureml://")[2]
    named = (long["subscription"], long["group"], long["workspace"])
    own = (hub.subscription, hub.resource_group, hub.project)
    return long["rest"] if [*map(str.casefold, named)] == [*map(str.casefold, own)] else ""


def _artifacts(run: str, path: str) -> ModelPlace:
    return ModelPlace("workspaceartifactstore", _join(f"ExperimentRun/dcid.{run}", path))


def _join(folder: str, path: str) -> str:
    return f"{folder.rstrip('/')}/{path.lstrip('/')}"
