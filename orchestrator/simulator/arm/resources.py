"""All resources by id, as Resource Manager keeps them: ids compare without regard to case, collections keep order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any

type Resource = dict[str, Any]

PROVIDER = "Microsoft.MachineLearningServices"


def stamp(at: datetime) -> str:
    """A time as Resource Manager writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def system_data(at: datetime, who: str, *, person: bool = False) -> dict[str, str]:
    kind, when = "User" if person else "Application", stamp(at)
    return {
        "createdAt": when,
        "createdBy": who,
        "createdByType": kind,
        "lastModifiedAt": when,
        "lastModifiedBy": who,
        "lastModifiedByType": kind,
    }


def type_of(resource_id: str) -> str:
    """The full type, such as ``Microsoft.MachineLearningServices/workspaces/codes/versions``; empty if it has none."""
    tail = resource_id.rpartition("/providers/")[2].split("/") if "/providers/" in resource_id else [""]
    return "/".join([tail[0], *tail[1::2]])


class Resources:
    """Every resource of the subscription, jobs excepted."""

    def __init__(self) -> None:
        self._all: dict[str, Resource] = {}
        self._collections: dict[str, dict[str, Resource]] = defaultdict(dict)

    def put(self, resource_id: str, resource: Resource) -> Resource:
        """Keep a resource under its id; ``id``, ``name`` and ``type`` are filled in."""
        collection, _, name = resource_id.rpartition("/")
        kept = {"id": resource_id, "name": name, "type": type_of(resource_id), **resource}
        self._all[resource_id.lower()] = kept
        self._collections[collection.lower()][name.lower()] = kept
        return kept

    def get(self, resource_id: str) -> Resource | None:
        return self._all.get(resource_id.lower())

    def drop(self, resource_id: str) -> bool:
        """Forget a resource; False if there was none."""
        collection, _, name = resource_id.lower().rpartition("/")
        self._collections[collection].pop(name, None)
        return self._all.pop(resource_id.lower(), None) is not None

    def listed(self, collection: str) -> list[Resource]:
        """What lies directly in a collection, oldest first."""
        return list(self._collections.get(collection.lower(), {}).values())

    def under(self, prefix: str) -> Iterator[Resource]:
        """Everything whose id begins with a prefix."""
        start = prefix.lower()
        return (resource for key, resource in list(self._all.items()) if key.startswith(start))
