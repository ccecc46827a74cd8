"""Evidence classes: one row each, from which everything that is said per class is derived.

A new class that is probed is a row here, and a request in ``orchestrator.adapters.health.probe_requests``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from orchestrator.core.base.vocabulary import EvidenceClass, Surface


class Part(StrEnum):
    """The part of a class in the rule."""

    WORK = "work"
    """It says that work itself cannot run. One of the two that agree must be such a class."""

    SECOND = "second"
    """It may be one of the two."""

    CONFIRMS = "confirms"
    """It confirms, shortens the wait and classifies; it never decides."""


class Probe(NamedTuple):
    """A surface that is asked for a class."""

    surface: Surface
    field: str | None = None
    """Field of a side in the plan without which it is not asked; None for what every side has."""


class ClassRow(NamedTuple):
    """One class."""

    name: EvidenceClass
    part: Part
    meaning: str
    """What it speaks of, for people."""

    probes: tuple[Probe, ...] = ()
    """Empty for classes that only arrive as deliveries."""


EVIDENCE_CLASSES = (
    ClassRow(EvidenceClass.HUB, Part.WORK, "the workspace's own API", (Probe(Surface.HUB),)),
    ClassRow(EvidenceClass.JOBS, Part.WORK, "jobs are accepted and run", (Probe(Surface.JOBS),)),
    ClassRow(EvidenceClass.INFERENCE, Part.WORK, "the scoring endpoint", (Probe(Surface.INFERENCE, "inference"),)),
    ClassRow(
        EvidenceClass.DEPENDENCY,
        Part.SECOND,
        "storage, vault, registry",
        (Probe(Surface.STORAGE, "storage"), Probe(Surface.KEYVAULT, "keyvault"), Probe(Surface.ACR, "acr")),
    ),
    ClassRow(EvidenceClass.METRICS, Part.SECOND, "alerts of Azure Monitor"),
    ClassRow(EvidenceClass.NOTICE, Part.CONFIRMS, "Service Health"),
    ClassRow(EvidenceClass.CONTROL, Part.CONFIRMS, "Resource Manager", (Probe(Surface.CONTROL),)),
)

MEMBERS: dict[EvidenceClass, tuple[Surface, ...]] = {
    row.name: tuple(probe.surface for probe in row.probes) for row in EVIDENCE_CLASSES if row.probes
}
"""Surfaces whose probes speak for a class. ``metrics`` and ``notice`` only arrive as deliveries."""

CLASS_OF_SURFACE: dict[Surface, EvidenceClass | None] = {
    surface: next((name for name, surfaces in MEMBERS.items() if surface in surfaces), None) for surface in Surface
}
"""None for the surfaces through which others are seen, and for the rest of the world."""

WORK_CLASSES = frozenset(row.name for row in EVIDENCE_CLASSES if row.part is Part.WORK)
"""Classes that say that work itself cannot run."""

DECIDING_CLASSES = WORK_CLASSES | {row.name for row in EVIDENCE_CLASSES if row.part is Part.SECOND}
"""Classes of which two must agree."""

MEANINGS = {row.name: row.meaning for row in EVIDENCE_CLASSES}
"""What each class speaks of, for people."""

PLAN_FIELDS = {probe.surface: probe.field for row in EVIDENCE_CLASSES for probe in row.probes}
"""For each surface the field of a plan's side without which it is not asked."""
