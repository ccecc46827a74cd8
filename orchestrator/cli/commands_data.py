"""``hubswitch jobs data``: what running jobs read, and whether it is there on the other side."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

from orchestrator.bootstrap import Deployment
from orchestrator.cli.app_calls import App, get_object
from orchestrator.core.base.codec import from_builtins, to_builtins
from orchestrator.core.base.errors import HubswitchError, InvalidInput
from orchestrator.core.base.text import format_duration
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.copy_state import CopyLine
from orchestrator.core.jobs.data_report import Amount, DataItem, DataReport
from orchestrator.settings import with_own_login
from orchestrator.standby.data import data_report

KILO = 1000
SHOWN = 3
"""Jobs named in a line; how many more there are is a number."""


def jobs_data_command(plan: Path, *, as_json: bool, out: TextIO, err: TextIO) -> int:
    """0 if everything is there, 3 if somebody has to copy something, 1 if Azure did not answer, 2 for bad input."""
    try:
        report = _report(plan)
    except InvalidInput as fault:
        print(fault, file=err)
        return 2
    except HubswitchError as fault:
        print(f"the data could not be looked at: {fault}", file=err)
        return 1
    return _show(report, as_json=as_json, out=out)


def data_command(app: App, pair: str, *, as_json: bool, out: TextIO, err: TextIO) -> int:
    """The same, asked of a deployed app; 2 as well if that could not be asked."""
    status, found = get_object(app, f"pairs/{quote(pair, safe='')}/data", err)
    if status:
        return status
    try:
        report = from_builtins(found, DataReport, "the app's answer")
    except InvalidInput as fault:
        print(fault, file=err)
        return 2
    return _show(report, as_json=as_json, out=out)


def _show(report: DataReport, *, as_json: bool, out: TextIO) -> int:
    print(json.dumps(to_builtins(report), indent=2) if as_json else format_report(report), file=out)
    lacking = any(item.needs_a_hand for item in report.items) or any(copy.needs_a_hand for copy in report.copies)
    return 3 if report.not_read or lacking else 0


def _report(plan: Path) -> DataReport:
    deployment = Deployment({**with_own_login(os.environ), "HUBSWITCH_PLANS": str(plan)}, Path.cwd())
    if len(deployment.plans) != 1:
        raise InvalidInput(str(plan), "", "one plan", f"{len(deployment.plans)} plans")
    (chosen,) = deployment.plans.values()
    held = deployment.world.epochs[chosen.pair].read(chosen.pair)
    active = held.value.active if held else Role.PRIMARY
    return data_report(deployment.world, deployment.inventory, chosen, active)


def format_report(report: DataReport) -> str:
    """The report for people: what needs a hand first, largest first."""
    items = sorted(report.items, key=lambda item: (not item.needs_a_hand, -(item.source.size if item.source else 0)))
    wanting = sum(item.needs_a_hand for item in items)
    head = (
        f"{report.pair}: {report.running} running jobs of the {report.active} read from {len(items)} places; "
        f"{wanting or 'none'} of them need{'s' if wanting == 1 else ''} a hand"
    )
    copies = [line for copy in report.copies for line in _copy_lines(copy)]
    copied = [f"copied ahead from the {report.active}:", *copies] if copies else []
    return "\n".join([head, *(line for item in items for line in _lines(item)), *copied, *report.not_read])


def _copy_lines(copy: CopyLine) -> list[str]:
    age = "no pass has come to its end yet"
    if copy.seconds is not None:
        age = f"as of {format_duration(timedelta(seconds=copy.seconds))} ago"
    target = f"; target {format_duration(timedelta(seconds=copy.target_s))}" if copy.target_s is not None else ""
    missed = " (missed)" if copy.met is False else ""
    lines = [f"  {copy.state:<10} {copy.name}", f"      {age}{target}{missed}"]
    if copy.here:
        lines.append(f"      from {copy.here} to {copy.there}")
    if copy.why:
        lines.append(f"      {copy.why}")
    if copy.replaced_own:
        lines.append(f"      {copy.replaced_own} rewritten blobs were copied over what lay there, which was older")
    if copy.left_out:
        lines.append(f"      {copy.left_out} blobs are not copied:")
        lines += [f"        {each.name}: {each.why}" for each in copy.left]
    return lines


def _lines(item: DataItem) -> list[str]:
    more = f" and {len(item.jobs) - SHOWN} more" if len(item.jobs) > SHOWN else ""
    silent = "; a URI without a workspace: it resolves there without a word" if item.resolves_silently else ""
    lines = [f"  {item.state:<10} {item.name}", f"      read by {', '.join(item.jobs[:SHOWN])}{more}{silent}"]
    if item.source is not None:
        lines.append(f"      here {_amount(item.source)}; there {_amount(item.copy) if item.copy else 'not known'}")
    if item.why:
        lines.append(f"      {item.why}")
    if item.remedy:
        lines.append(f"      remedy: {item.remedy}")
    lines += [f"      {each}" for each in item.names_old]
    return lines


def _amount(amount: Amount) -> str:
    if not amount.files:
        return "nothing"
    size, unit = float(amount.size), "B"
    for larger in ("KB", "MB", "GB", "TB"):
        if size < KILO:
            break
        size, unit = size / KILO, larger
    last = f", last written {amount.newest:%Y-%m-%d %H:%M} UTC" if amount.newest else ""
    return f"{size:.3g} {unit} in {amount.files} file{'' if amount.files == 1 else 's'}{last}"
