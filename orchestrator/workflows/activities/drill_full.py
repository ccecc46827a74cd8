"""What a full drill measured: read from the summaries that its two runs have left."""

from __future__ import annotations

from orchestrator.core.base.codec import decode
from orchestrator.core.ledger_paths import summary_path
from orchestrator.ports import World
from orchestrator.workflows.full_drill import FullDrillRun, report_of
from orchestrator.workflows.messages import DrillReport, RunSummary


def measure_drill(world: World, run: FullDrillRun) -> DrillReport:
    """The report of a full drill that is over. A run that ended before its pointer moved has no summary.

    Raises:
        HubswitchError: the ledger cannot be read, or what is stored there.
    """
    pair, found = run.order.pair, dict[str, RunSummary]()
    for name in (run.failover, run.failback):
        path = summary_path(pair, name)
        data = world.ledgers[pair].get(path) if name else None
        if data is not None:
            found[name] = decode(data, RunSummary, path)
    return report_of(run, found)
