"""axe-core in a tab: what it finds wrong with a page for those who read it with a screen reader, or see little."""

from __future__ import annotations

import json
from pathlib import Path

from browsing import Tab

AXE = Path(__file__).parents[2] / ".axe" / "node_modules" / "axe-core" / "axe.min.js"
"""Made by ``make axe``."""

RUN = (
    "axe.run(document, {resultTypes: ['violations']}).then(found => JSON.stringify(found.violations.map("
    "rule => [rule.id, ...rule.nodes.map(node => node.html.slice(0, 200) + ' ' + node.failureSummary)])))"
)


async def find_violations(one: Tab) -> list[list[str]]:
    """The rules that the page breaks, each with the elements that break it and how."""
    if not await one.value("'axe' in window"):
        await one.ask("Runtime.evaluate", expression=AXE.read_text(encoding="utf-8"))
    answer = await one.ask("Runtime.evaluate", expression=RUN, awaitPromise=True, returnByValue=True)
    assert "exceptionDetails" not in answer, answer
    return list(json.loads(answer["result"]["value"]))
