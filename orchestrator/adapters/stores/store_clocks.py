"""The clocks of a pair's stores: its ledger's account and its App Configuration store."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

from orchestrator.adapters.http.server_dates import ServerDates
from orchestrator.core.base.store_time import StoreTime, store_time_of
from orchestrator.core.plan.schema import Plan


class StoreClocks:
    """``StoreClock`` from what the stores' answers said. Asks nothing itself."""

    def __init__(self, dates: ServerDates) -> None:
        self._dates = dates

    def read(self, plan: Plan, youngest: timedelta) -> StoreTime | None:
        hosts = {urlsplit(url).netloc for url in (plan.ledger.account, plan.pointer.endpoint)}
        return store_time_of(span for host in hosts if (span := self._dates.span(host, youngest)))
