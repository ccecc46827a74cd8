"""What the doctor finds: one line for each thing that must hold, and one sentence for each pair."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from orchestrator.core.base.codec import Moment, Value
from orchestrator.core.base.errors import Forbidden, HubswitchError, InvalidInput, NotFound, TemporaryError, Throttled


class DoctorFinding(Value, kw_only=True):
    """One thing that must hold."""

    check: str
    """Its name, such as ``ledger.write`` or ``surface.secondary.hub``."""

    pair: str | None = None
    """The pair that it is about; None for the app as a whole."""

    ok: bool | None
    """None if it could not be told, or is for a person to judge."""

    what: str
    """What was seen, in one sentence."""

    fix: str | None = None
    """The command that mends it, or where to look; None if nothing is to be mended."""


class Outlook(Value, kw_only=True):
    """Whether a pair would leave its active side by itself in an outage, as things stand."""

    pair: str
    fails_over: bool | None
    """None if it was not examined."""

    why: str
    """One sentence, with the pair's name."""


class DoctorReport(Value, kw_only=True):
    """All of it. ``ok`` is false if anything does not hold; what could not be told does not make it false."""

    as_of: Moment
    ok: bool
    checks: tuple[DoctorFinding, ...]
    pairs: tuple[Outlook, ...]


class Untold(Exception):
    """A question that says nothing either way. Its text is what is told; ``fix`` is for this if not the check's own."""

    def __init__(self, what: str, fix: str | None = None) -> None:
        super().__init__(what)
        self.fix = fix


class DoctorCheck(NamedTuple):
    """One question to Azure."""

    name: str
    ask: Callable[[], str]
    """What was seen if it holds. It raises our errors, or ``Untold``."""

    fix: str
    """For a refusal: the role that is missing."""

    where: str = ""
    """For no answer: where to look."""


def carry_out(check: DoctorCheck, pair: str | None) -> DoctorFinding:
    """Ask, and say what came of it. Never raises for what Azure does."""

    def found(ok: bool | None, what: str, fix: str | None = None) -> DoctorFinding:
        return DoctorFinding(check=check.name, pair=pair, ok=ok, what=what, fix=fix)

    try:
        return found(True, check.ask())
    except Untold as fault:
        return found(None, str(fault), fault.fix or check.fix)
    except Forbidden as fault:
        return found(False, str(fault), check.fix)
    except Throttled as fault:
        return found(None, str(fault), "ask again in a minute")
    except (TemporaryError, NotFound, InvalidInput) as fault:
        return found(False, str(fault), check.where or check.fix)
    except HubswitchError as fault:
        return found(None, f"not understood: {fault}", check.where or check.fix)
