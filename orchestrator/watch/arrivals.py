"""When deliveries came last to this process. Other workers, and this one before its start, may have had others."""

from __future__ import annotations

from datetime import datetime

from orchestrator.core.base.vocabulary import Role
from orchestrator.watch.intake import Intake


class Arrivals:
    """The newest delivery of each kind. Each field is replaced as a whole, so that threads may read them."""

    def __init__(self) -> None:
        self.runs: dict[tuple[str, Role], datetime] = {}
        """By pair and side: the last event about a run of that side's project."""

        self.alerts: datetime | None = None
        """The last body that was posted where action groups post."""

    def note(self, found: Intake, now: datetime, *, is_alerts: bool) -> None:
        """A delivery came; what of it could be read is in ``found``."""
        if is_alerts:
            self.alerts = now
        self.runs = self.runs | {(order.pair, order.side): now for order in found.captures}
