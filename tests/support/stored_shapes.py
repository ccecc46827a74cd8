"""Fields and defaults of shapes that two versions read at once."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import msgspec

FILE = Path(__file__).parents[1] / "upgrade" / "shapes.json"

SHAPES = (
    "core.epoch.EpochRecord",
    "core.epoch.HubPlace",
    "core.epoch.AbortedRun",
    "core.epoch.PressedRun",
    "core.epoch.TurnedUngraceful",
    "core.jobs.record.JobRecord",
    "core.jobs.record.Asset",
    "core.jobs.record.Attempt",
    "core.jobs.record.JobEvent",
    "core.decision.state.PairState",
    "core.decision.leadership.LeaderRecord",
    "core.decision.stamps.DrillLog",
    "core.decision.stamps.GreenDrill",
    "core.decision.stamps.PauseRecord",
    "core.decision.stamps.StampView",
    "workflows.messages.RunOrder",
    "workflows.messages.StepOrder",
    "workflows.messages.DrillOrder",
    "workflows.messages.BatchOrder",
    "workflows.messages.AfterOrder",
)
"""Below ``orchestrator``. Each is a ``Record``."""


def shape_named(name: str) -> type[Any]:
    module, _, kind = name.rpartition(".")
    found: type[Any] = getattr(importlib.import_module(f"orchestrator.{module}"), kind)
    return found


def fields_of(name: str) -> dict[str, Any]:
    """Name of each field -> ``{"default": …}`` as plain data, empty for a field that is required."""
    return {
        field.encode_name: {} if field.required else {"default": json.loads(msgspec.json.encode(default_of(field)))}
        for field in msgspec.structs.fields(shape_named(name))
    }


def default_of(field: msgspec.structs.FieldInfo) -> Any:
    return field.default_factory() if field.default is msgspec.NODEFAULT else field.default


def all_fields() -> dict[str, dict[str, Any]]:
    return {name: fields_of(name) for name in SHAPES}
