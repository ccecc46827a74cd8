"""The durable entity that counts deliveries that could not be read, for all workers of an app, and tells people once.

Its one key is ``names.DELIVERIES_KEY``. Such a delivery belongs to no pair, so its notice goes to each channel of any
plan once. A log that cannot be read is begun anew: a counter is worth no standstill.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from durabletask.entities import DurableEntity

from orchestrator.core.base.codec import from_message, to_message
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.vocabulary import NoticeName
from orchestrator.core.plan.schema import Plan
from orchestrator.core.signals.unread import Batch, Unread, UnreadLog, count, describe
from orchestrator.workflows import names
from orchestrator.workflows.messages import Tidings

LOG = logging.getLogger("hubswitch.events")

Plans = Callable[[], Mapping[str, Plan]]


class DeliveriesEntity(DurableEntity):
    """How many deliveries of each kind could not be read."""

    plans: Plans
    """Bound by ``deliveries_entity``."""

    def count(self, given: Any) -> None:
        batch = from_message(given, Batch, names.COUNT)
        counted = count(self._log(), batch)
        self.set_state(to_message(counted.log))
        for unread in counted.new:
            for tidings in tidings_of(unread, type(self).plans()):
                self.schedule_new_orchestration(
                    names.TELL_RUN, input=to_message(tidings), instance_id=f"tell-{tidings.id}-{tidings.pair}"
                )

    def _log(self) -> UnreadLog:
        stored = self.get_state(dict)
        if stored is None:
            return UnreadLog()
        try:
            return from_message(stored, UnreadLog, "counted deliveries")
        except InvalidInput as fault:
            LOG.warning("the count of unread deliveries begins anew, for it could not be read: %s", fault)
            return UnreadLog()


def tidings_of(unread: Unread, plans: Mapping[str, Plan]) -> list[Tidings]:
    """One notice for each channel: of several plans with the same channel the first one tells."""
    told: set[str] = set()
    found = []
    for pair in sorted(plans):
        keys = tuple(key for channel in plans[pair].channels if (key := channel.key) not in told)
        told.update(keys)
        if keys:
            name = f"deliveries-unread-{unread.kind}-{unread.since:%Y%m%dT%H%M%S%f}"
            found.append(
                Tidings(
                    channels=keys,
                    pair=pair,
                    id=name,
                    name=NoticeName.DELIVERIES_UNREAD,
                    at=unread.since,
                    why=describe(unread),
                )
            )
    return found


def deliveries_entity(plans: Plans) -> type[DeliveriesEntity]:
    """The entity class for a set of plans, which are asked for when an operation needs them."""
    return type(DeliveriesEntity.__name__, (DeliveriesEntity,), {"plans": staticmethod(plans)})
