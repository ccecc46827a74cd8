"""Print ``docs/settings.md``: every setting, every field of a plan and of a recovery group, from the source itself.

Defaults and kinds come from the classes, the words from the docstring under each field. ``--write`` writes the file.
"""
# ruff: noqa: INP001 - a script, not a package

from __future__ import annotations

import sys
import types
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec

from orchestrator.cli.field_docs import docstrings
from orchestrator.core.plan.channels import CHANNEL_SHAPES, BaseChannel
from orchestrator.core.plan.data_copies import DataCopy, DataPlan
from orchestrator.core.plan.drills import FullDrill, PartialDrill, ScheduledDrill
from orchestrator.core.plan.groups import GroupMember, RecoveryGroup
from orchestrator.core.plan.policy import Policy, Recurring, Window
from orchestrator.core.plan.schema import (
    Canary,
    Hub,
    Inference,
    Jobs,
    LedgerAccount,
    Plan,
    Pointer,
    PollSchedule,
    Recording,
    References,
    Targets,
)
from orchestrator.core.plan.standby import (
    Standby,
    StandbyAiDeployment,
    StandbyBatchEndpoint,
    StandbyCluster,
    StandbyDeployment,
    StandbyEndpoint,
    StandbyTemplate,
)
from orchestrator.core.plan.step_base import BaseStep, Retry
from orchestrator.core.plan.steps import SHAPES, Parallel, Workflow
from orchestrator.settings import PREFIX, Settings

TARGET = Path(__file__).parents[1] / "docs" / "settings.md"

INTRODUCTION = """\
# Settings

<!-- Printed by scripts/settings_doc.py from the source. Change the docstrings there, not this file. -->

There are two kinds. *Settings* are environment variables of one deployment: where plans are, which identities, how
long to wait for anything. *Plans* are YAML files, one for each pair, and hold everything that differs between pairs.

Both are read once, when the app starts. A value that cannot be understood, a field that does not exist, or two values
that contradict each other stop the start with one line: file and line, field, what was expected, what was there.
Nothing is repaired. `hubswitch plan check` reports all faults of a plan at once, without starting anything:
[checking a plan](deploy.md#check-a-plan).

Durations are written `250ms`, `30s`, `5m`, `12h` or `2d`. Times have a zone: `2026-02-27T09:30:00Z`.

## Environment variables

`local.settings.sample.json` names all of them. Other variables of this prefix are ignored, but for names that are nearly one of
these: they are refused as slips of the pen.

{settings}

Two variables belong to `host.json`, not to the app:

| variable | what and why |
|---|---|
| `HUBSWITCH_TASK_HUB` | Name of the durable engine's task hub. Letters and digits only, so that it suits every backend. |
| `DURABLE_TASK_SCHEDULER_CONNECTION_STRING` | Where the Durable Task Scheduler is, as `Endpoint=…;Authentication=…`. See [deploy.md](deploy.md). |

## Plan

{plan}
"""  # noqa: E501 - a table's row is one line

SECTIONS: tuple[tuple[str, type[msgspec.Struct], str], ...] = (
    ("primary and secondary", Hub, "Both sides have the same fields."),
    ("inference", Inference, "Part of a side."),
    ("pointer", Pointer, "See [design.md](design.md#epoch-and-pointer)."),
    ("ledger", LedgerAccount, "See [design.md](design.md#ledger)."),
    (
        "references",
        References,
        "They are asked without a token. Any answer below 500 will do, and one that answers is enough.",
    ),
    (
        "jobs",
        Jobs,
        "The tables say how names of the primary read in the secondary. On the way back they are read from the right.",
    ),
    ("canary", Canary, "See [drills](runbook.md#practise)."),
    (
        "drills",
        ScheduledDrill,
        "A list: one is held in each span, once the pair is [at rest](runbook.md#practise).",
    ),
    (
        "partial_drill",
        PartialDrill,
        "See [partial drills](runbook.md#practise).",
    ),
    (
        "full_drill",
        FullDrill,
        "See [full drills](runbook.md#practise).",
    ),
    ("polls", PollSchedule, "See [what is fetched](design.md#what-is-fetched)."),
    ("recording", Recording, "See [decisions and recordings](design.md#decisions-and-recordings)."),
    (
        "targets",
        Targets,
        "See [evidence](http.md#evidence). What a run does not measure neither meets nor misses a target.",
    ),
    ("data", DataPlan, "See [data that are copied ahead](design.md#data-that-are-copied-ahead)."),
    ("data copies", DataCopy, "A list."),
    (
        "standby",
        Standby,
        "See [tiers](design.md#tiers). The steps that follow from it are printed by `hubswitch plan check`.",
    ),
    ("standby templates", StandbyTemplate, "A list."),
    ("standby clusters", StandbyCluster, "A list."),
    ("standby deployments", StandbyDeployment, "A list."),
    ("standby endpoints", StandbyEndpoint, "A list."),
    ("standby batch endpoints", StandbyBatchEndpoint, "A list."),
    ("standby ai deployments", StandbyAiDeployment, "A list."),
    ("steps", Workflow, "See [steps](design.md#steps). A plan without them does what it did before there were any."),
    ("every step", BaseStep, "Every step has these fields, and `kind`, besides those of its kind."),
    ("retry", Retry, "Part of a step."),
    ("parallel", Parallel, "A group in a list of steps: `- parallel: [...]`."),
    (
        "every channel",
        BaseChannel,
        "Every channel has these fields, and `kind`, besides those of its kind. See [notices.md](notices.md).",
    ),
)

KINDS: tuple[tuple[str, type[msgspec.Struct], type[msgspec.Struct]], ...] = (
    *(("step", shape, BaseStep) for shape in SHAPES),
    *(("channel", shape, BaseChannel) for shape in CHANNEL_SHAPES),
)
"""Kinds of steps and of channels, with the class of the fields that all of them have."""


def tag_of(shape: type[msgspec.Struct]) -> str:
    """The word for a kind in plans."""
    return str(shape.__struct_config__.tag)


POLICY = """\
## Policy

The field `policy` of a plan. What these numbers do together is told in
[how it decides](../README.md#how-it-decides) and [design.md](design.md#the-decision).

{policy}

A policy is refused unless all of this holds:

- `suspect_interval` is at most `probe_interval`;
- `confirm_after` is at least (`bad_after` - 1) x `suspect_interval`, and `confirm_after_notice` is at most `confirm_after`;
- `evidence_lifetime` is longer than `probe_interval`;
- `mass_limit` is above 0 and at most 1, `bad_after` at least 1;
- `cooldown` is at least `confirm_after` (asked of plans; a replay may be played without);
- every window begins before it ends, and its times have a zone;
- every window that repeats has a rule, a zone and a duration that can be understood;
- `green_drills` is from 0 to 16, `missed_looks` at least 2.

### Policy: windows

Maintenance and blackout hold every switch while they last, also one that a person orders without `force`. They differ in
what they are for. In a *maintenance* window somebody works on the hubs: what looks like an outage is probably their doing,
and it is a good time to practise. In a *blackout* nobody may be disturbed: drills are refused as well, unless forced.

`maintenance_windows` and `blackout_windows` are lists of dates. {window_about}

{window}

`maintenance_weekly` and `blackout_weekly` are lists of windows that repeat. {recurring_about}

{recurring}

```yaml
policy:
  maintenance_weekly:
    - {{rule: FREQ=WEEKLY;BYDAY=SA, start: 2026-01-03T22:00:00, duration: 3h, zone: Europe/Berlin}}
  blackout_weekly:
    - {{rule: FREQ=MONTHLY;BYMONTHDAY=-1, start: 2026-01-31T08:00:00, duration: 12h, zone: America/New_York}}
```

A rule is made of FREQ (DAILY, WEEKLY, MONTHLY, YEARLY), INTERVAL, BYDAY, BYMONTH, BYMONTHDAY, BYSETPOS and WKST, as RFC 5545
has them. A local time that the change of the clocks skips is read with the offset before the gap; one that comes twice is the
first of the two; a window lasts its duration, whatever the clocks do meanwhile.

## Tags on jobs

A job says with its own tags what is to become of it. They are read when the job is captured.

| tag | values | default | what |
|---|---|---|---|
| `hubswitch.policy` | `never`, `if-interrupted`, `always` | `jobs.policy` of the plan | Whether the job is submitted again. `always`: also if it completed while its hub was in doubt. |
| `hubswitch.priority` | a whole number | `0` | Higher goes first. |
| `hubswitch.deadline` | a time with a zone, such as `2026-02-27T09:30:00Z` | none | After it nobody wants the job any more: it is skipped. |
| `hubswitch.failback` | `finish`, `move`, `deadline` | `jobs.failback` of the plan | What becomes of the job if it runs on a side that is left while it is well: [the way home](jobs.md). |
| `hubswitch.workload` | a name | none | The workload that the job belongs to: a [partial drill](runbook.md#practise) runs copies of the jobs of one workload in the standby. |
| `hubswitch.checkpoint` | a path in blob storage, such as `azureml://datastores/<name>/paths/<folder>` | none | Where the job keeps its [checkpoints](jobs.md#checkpoints): its successor finds the place in `HUBSWITCH_CHECKPOINT`. |

A tag that cannot be understood leaves the default, and the job's history in the ledger says so. Successors carry
`hubswitch.source` (the first job of the line), `hubswitch.epoch` and `hubswitch.run`.
"""  # noqa: E501 - as above

GROUP = """\
## Recovery group

A file of the plans' folder with `kind: group`: see [several pairs](design.md#several-pairs). `plans/group.yaml` is a
sample, and `hubswitch plan check` reads it together with the plans.

{group}

### Recovery group: pairs

A list.

{member}
"""

ANCHORS: Mapping[type, str] = {
    **{shape: f"plan-{name.replace(' ', '-')}" for name, shape, _ in SECTIONS},
    **{shape: f"plan-{what}-{tag_of(shape)}" for what, shape, _ in KINDS},
    GroupMember: "recovery-group-pairs",
    Policy: "policy",
    Window: "policy-windows",
    Recurring: "policy-windows",
}

UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


class Field(NamedTuple):
    """One row. ``kind`` is the unit or the values; ``default`` is empty if the field has to be given."""

    name: str
    kind: str
    default: str
    about: str


def fields_of(shape: type[msgspec.Struct]) -> Iterator[Field]:
    """Every field of a struct, in order.

    Raises:
        ValueError: a field has no docstring under it.
    """
    told = docstrings(shape)
    for field in msgspec.structs.fields(shape):
        if field.name not in told:
            raise ValueError(f"{shape.__name__}.{field.name} has no docstring under it")
        yield Field(field.encode_name, kind_of(field.type), default_of(field), told[field.name])


def kind_of(hint: Any) -> str:
    """What may be written into a field, for people."""
    plain = {str: "text", int: "whole number", float: "number", bool: "`true` or `false`", timedelta: "duration"}
    if hint in plain:
        return plain[hint]
    if hint is Any:
        return "any JSON value"
    if hint is datetime:
        return "time"
    if hint is date:
        return "date"
    return _compound(hint)


def _compound(hint: Any) -> str:
    inner = [part for part in get_args(hint) if part not in {type(None), Ellipsis}]
    if get_origin(hint) in {Union, types.UnionType}:
        return " or ".join(kind_of(part) for part in inner)
    if get_origin(hint) is tuple:
        return "list of texts" if inner == [str] else f"list: {kind_of(inner[0])}"
    if get_origin(hint) is Literal:
        return ", ".join(f"`{word}`" for word in inner)
    if get_origin(hint) is dict:
        return "table, name: name"
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return ", ".join(f"`{member.value}`" for member in hint)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        named = tag_of(hint) if hint.__struct_config__.tag_field else hint.__name__.lower()
        return f"[{named}](#{ANCHORS[hint]})"
    raise TypeError(f"no words for {hint}")


def default_of(field: msgspec.structs.FieldInfo) -> str:
    """The default as a plan would spell it; empty if there is none to be had without the field."""
    if field.required:
        return ""
    default = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return spelt(default)


def spelt(value: Any) -> str:
    """A value as it would be written."""
    match value:
        case StrEnum():
            return f"`{value.value}`"
        case bool():
            return f"`{str(value).lower()}`"
        case timedelta():
            return f"`{duration(value)}`"
        case None | "":
            return "none"
        case msgspec.Struct():
            return "its own defaults"
        case tuple() if any(isinstance(each, msgspec.Struct) for each in value):
            return ", ".join(f"`{tag_of(type(each))}`" for each in value)
        case tuple() | dict():
            return "none" if not value else f"{len(value)} names, see `orchestrator/core/base/services.py`"
        case _:
            return f"`{value}`"


def duration(length: timedelta) -> str:
    """The shortest spelling: ``60m`` and not ``3600s``, but ``90s``."""
    seconds = int(length.total_seconds())
    for unit, size in UNITS:
        if seconds % size == 0 and seconds // size > 1:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def table(head: str, rows: Iterator[Field], prefix: str = "") -> str:
    """A Markdown table; fields without a default are marked as required."""
    lines = [f"| {head} | values | default | what and why |", "|---|---|---|---|"]
    for row in rows:
        name = prefix + (row.name.upper() if prefix else row.name)
        lines.append(f"| `{name}` | {row.kind} | {row.default or 'required'} | {row.about} |")
    return "\n".join(lines)


def document() -> str:
    """The whole of ``docs/settings.md``."""
    parts = [
        INTRODUCTION.format(
            settings=table("variable", fields_of(Settings), PREFIX),
            plan=table("field", fields_of(Plan)),
        )
    ]
    parts += [f"### Plan: {name}\n\n{about}\n\n{table('field', fields_of(shape))}\n" for name, shape, about in SECTIONS]
    parts += [kind_section(*kind) for kind in KINDS]
    parts.append(
        POLICY.format(
            policy=table("field", fields_of(Policy)),
            window=table("field", fields_of(Window)),
            window_about=about(Window),
            recurring=table("field", fields_of(Recurring)),
            recurring_about=about(Recurring),
        )
    )
    parts.append(
        GROUP.format(group=table("field", fields_of(RecoveryGroup)), member=table("field", fields_of(GroupMember)))
    )
    return "\n".join(parts)


def kind_section(what: str, shape: type[msgspec.Struct], base: type[msgspec.Struct]) -> str:
    """One kind of step or channel, with the fields that it has besides those of all."""
    own = [field for field in fields_of(shape) if field.name not in base.__struct_encode_fields__]
    rows = f"\n\n{table('field', iter(own))}" if own else ""
    return f"### Plan: {what} {tag_of(shape)}\n\n{about(shape)}{rows}\n"


def about(shape: type) -> str:
    """A class's docstring on one line."""
    return " ".join((shape.__doc__ or "").split()).replace("``", "`")


if __name__ == "__main__":
    if "--write" in sys.argv[1:]:
        TARGET.write_text(document(), encoding="utf-8")
    else:
        sys.stdout.write(document())
