"""``hubswitch plan exchange``: make the secondary of a pair its primary for good, in the plan's file and in the stores.

It works on the stores themselves, with the plan and this machine's login, so also while the app is away.

Exit status: 0 done, 1 not possible as things stand, 2 unusable input, 3 it could be done and nobody has said ``--yes``.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self, TextIO

from orchestrator.core.base.errors import HubswitchError, InvalidInput, NotNow
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.plan.exchange import Exchange, exchange_sides
from orchestrator.core.plan.exchange_text import exchange_text
from orchestrator.core.plan.load import plan_from, read_plan
from orchestrator.core.plan.schema import TABLES, Plan
from orchestrator.plan_files import defaults_beside, find_clash
from orchestrator.standby.exchange import ExchangeStage, Standing, begin, examine, note_exchange, publish
from orchestrator.submit.api import desk

NEEDS_A_PERSON = 3


class ExchangeOptions(NamedTuple):
    """How an exchange is wanted; each is an option of the command."""

    by: str
    reason: str
    sets: Sequence[str] = ()
    """``field=value`` for fields of which nobody else can tell the value afterwards."""

    pair: str = ""
    """Name of the pair, if the plan is to be that pair's and no other's."""

    yes: bool = False


class PreparedExchange(NamedTuple):
    """A plan's file, and what it is to become."""

    file: Path
    plan: Plan
    before: str
    exchange: Exchange
    after: str


def exchange_command(file: Path, wanted: ExchangeOptions, *, as_json: bool, out: TextIO, err: TextIO) -> int:
    """Check everything, then write what is missing; without ``yes`` only say what would be written."""
    from orchestrator.adapters.assembly import trials

    try:
        prepared = _prepare(file, wanted)
        at = desk(prepared.plan)
        standing = examine(at.world, prepared.plan, prepared.exchange.plan)
        if standing.stage is not ExchangeStage.DONE:
            # Once the epoch record says so, the pair holds until the pointer does, too: can that be written?
            trials(at.settings).write_pointer(prepared.plan)
        if wanted.yes and standing.stage is not ExchangeStage.DONE:
            with _Replacement(prepared) as replacement:
                record = standing.record.value
                if standing.stage is ExchangeStage.BEFORE:
                    record = begin(at.world, prepared.plan, prepared.exchange.plan, standing, wanted.by, wanted.reason)
                if record.epoch == record.sides_since:
                    publish(at.world, prepared.exchange.plan, record)
                    if unnoted := note_exchange(at.world, prepared.plan.pair, record, wanted.by, wanted.reason):
                        print(f"{prepared.plan.pair}: not noted in the audit log: {unnoted}", file=err)
                replacement.commit()
    except HubswitchError as fault:
        print(" ".join(str(fault).split()), file=err)
        return 2 if isinstance(fault, InvalidInput) else 1
    is_done = wanted.yes or standing.stage is ExchangeStage.DONE
    print(json.dumps(_report(prepared, standing, is_done)) if as_json else _tell(prepared, standing, is_done), file=out)
    return 0 if is_done else NEEDS_A_PERSON


def _prepare(file: Path, wanted: ExchangeOptions) -> PreparedExchange:
    """Nothing is asked of Azure, and nothing written.

    Raises:
        InvalidInput: the plan, or what would become of it, is wrong, or an option is.
    """
    if not wanted.reason.strip():
        raise InvalidInput("--reason", "", "a reason, for the epoch record", "nothing")
    text = _text_of(file)
    defaults = defaults_beside(file)
    plan = plan_from(text, str(file), defaults)
    if wanted.pair and wanted.pair != plan.pair:
        raise InvalidInput(str(file), "pair", wanted.pair, plan.pair)
    exchange = exchange_sides(plan, str(file), dict(map(_assignment, wanted.sets)))
    after = exchange_text(text, read_plan(text, str(file), defaults), exchange, str(file), defaults)
    clash = find_clash(file, exchange.plan)
    if clash:
        raise InvalidInput(f"{file} after the exchange", clash.field, clash.expected, clash.got)
    return PreparedExchange(file, plan, text, exchange, after)


def _text_of(file: Path) -> str:
    """The file's text with its own ends of lines, which are kept."""
    try:
        return file.read_bytes().decode("utf-8")
    except OSError as fault:
        raise InvalidInput(str(file), "", "a file that can be read", fault.strerror or str(fault)) from fault
    except UnicodeDecodeError as fault:
        raise InvalidInput(str(file), "", "UTF-8 text", str(fault)) from fault


def _assignment(said: str) -> tuple[str, str]:
    field, equals, value = said.partition("=")
    if not (field and equals and value):
        raise InvalidInput("--set", "", "FIELD=VALUE", repr(said))
    return field, value


class _Replacement:
    """A file's new content, lying ready beside it: that it cannot be written is found out before anything is."""

    def __init__(self, prepared: PreparedExchange) -> None:
        self._file = prepared.file.resolve()  # a link stays one
        self._before, self._after = prepared.before, prepared.after
        self._beside = Path()

    def __enter__(self) -> Self:
        try:
            number, name = tempfile.mkstemp(prefix=f".{self._file.name}.", dir=self._file.parent)
            self._beside = Path(name)
            with os.fdopen(number, "wb") as made:
                made.write(self._after.encode())
                made.flush()
                os.fsync(made.fileno())
            self._beside.chmod(self._file.stat().st_mode & 0o777)
        except OSError as fault:
            self.__exit__()
            raise InvalidInput(
                str(self._file), "", "a file that can be replaced", fault.strerror or str(fault)
            ) from fault
        return self

    def commit(self) -> None:
        """Put it in the old one's place, at once.

        Raises:
            NotNow: somebody has changed the file meanwhile; it is left as it is.
        """
        if _text_of(self._file) != self._before:
            raise NotNow(f"somebody has changed {self._file} meanwhile: give the command again, or put the file back")
        self._beside.replace(self._file)

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._beside.unlink()


def _changes(prepared: PreparedExchange) -> list[str]:
    """What becomes of the file, in the plan's own words."""
    plan = prepared.plan
    turned = [f"jobs.{table}: turned round" for table in TABLES if getattr(plan.jobs, table)]
    return [
        f"primary: {plan.secondary.project} in {plan.secondary.region}",
        f"secondary: {plan.primary.project} in {plan.primary.region}",
        *turned,
        *(f"{field}: {value}" for field, value in prepared.exchange.renamed),
    ]


def _look_at(prepared: PreparedExchange) -> list[str]:
    """What nobody but a person can tell of the plan as it is afterwards."""
    region = prepared.exchange.plan.side(Role.PRIMARY).region
    return [
        f"pointer.endpoint and ledger.account must outlive {region} now",
        f"references.elsewhere, and the region in which the app runs, must not be {region}",
        "drills that went well before it still count: hold one",
    ]


def _report(prepared: PreparedExchange, standing: Standing, is_done: bool) -> dict[str, object]:
    return {
        "pair": prepared.plan.pair,
        "done": is_done,
        "was": str(standing.stage),
        "file": str(prepared.file),
        "changes": [] if standing.stage is ExchangeStage.DONE else _changes(prepared),
        "look_at": [] if standing.stage is ExchangeStage.DONE else _look_at(prepared),
    }


def _tell(prepared: PreparedExchange, standing: Standing, is_done: bool) -> str:
    pair, file = prepared.plan.pair, prepared.file
    if standing.stage is ExchangeStage.DONE:
        return f"{pair}: the sides have changed places already, and {file} says so; nothing was written"
    epoch = standing.record.value.epoch + (standing.stage is ExchangeStage.BEFORE)
    lines = [f"{pair}: {'exchanged' if is_done else 'this would be exchanged'} under epoch {epoch}"]
    lines += [f"  {change}" for change in _changes(prepared)]
    lines += ["look at this yourself:", *(f"  {each}" for each in _look_at(prepared))]
    if is_done:
        lines.append(
            f"deploy {file} now: {pair} holds until the app has it; then acknowledge, and hold a tabletop drill"
        )
    else:
        lines.append("nothing was written; give --yes to do it")
    return "\n".join(lines)
