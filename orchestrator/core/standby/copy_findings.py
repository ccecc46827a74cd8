"""What readiness says of data that are copied ahead. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

import msgspec

from orchestrator.core.base.text import format_duration
from orchestrator.core.jobs.copy_state import CopyLine
from orchestrator.core.standby.readiness import Finding, Readiness, Severity

REPLICATION = 17
"""The check that is about replication of data."""

FIX = "hubswitch data <pair>; mend what it names, or change data.copies or targets.rpo in the plan"


def add_copies(found: Readiness, copies: Iterable[CopyLine]) -> Readiness:
    """What the checks found, and each copy that is not as the plan wants it. They warn; they never block."""
    further = [each for copy in copies for each in _findings(copy)]
    if not further:
        return found
    order = list(Severity)
    findings = sorted([*found.findings, *further], key=lambda each: (order.index(each.severity), each.check, each.path))
    return msgspec.structs.replace(found, findings=tuple(findings))


def _findings(copy: CopyLine) -> Iterator[Finding]:
    if copy.state == "trouble":
        yield _finding(copy, f"is not copied ahead: {copy.why}")
    elif copy.seconds is None:
        yield _finding(copy, "has not been copied as a whole yet")
    if copy.met is False and copy.seconds is not None and copy.target_s is not None:
        age, target = (format_duration(timedelta(seconds=each)) for each in (copy.seconds, copy.target_s))
        yield _finding(copy, f"was copied {age} ago, and the target is {target}")
    if copy.left_out:
        first = f", such as {copy.left[0].name}: {copy.left[0].why}" if copy.left else ""
        yield _finding(copy, f"{copy.left_out} blobs are not copied{first}")


def _finding(copy: CopyLine, what: str) -> Finding:
    return Finding(
        check=REPLICATION,
        severity=Severity.WARN,
        path=f"data.copies.{copy.name}",
        what=what,
        primary=copy.here,
        secondary=copy.there,
        fix=FIX,
    )
