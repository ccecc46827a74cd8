"""What a pair still knows after its primary and secondary have changed places. Pure.

Danger: what was seen of the primary was seen of the hub that is the secondary now. Kept as it is, it could move the
pair away from a hub that is well.
"""

from __future__ import annotations

import msgspec

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.decision.evidence import Evidence
from orchestrator.core.decision.state import PairState

_replace = msgspec.structs.replace


def forget_sides(state: PairState, since: int) -> PairState:
    """The state once its sides mean what they have meant since an epoch; the same if it knows of that already.

    What was measured is forgotten: every probe asks anew within one interval. What was told once and will not be told
    again, of deletions, changes and incidents, goes with its hub to the other side.
    """
    if since <= state.sides_since:
        return state
    return _replace(
        state,
        sides_since=since,
        evidence=_with_sides_exchanged(state.evidence),
        suspects=(),
        views=(),
        spoken=(),
        out_of_reach=None,
        blind_since=None,
        blind_told=False,
        blind_classes=(),
        escalated=(),
        suspected_changes=(),
    )


def _with_sides_exchanged(evidence: Evidence) -> Evidence:
    return _replace(
        evidence,
        tracks={},
        reported={},
        spells={},
        wellness={},
        deletions={key: _replace(item, role=item.role.other) for key, item in evidence.deletions.items()},
        changes={key: _replace(item, role=item.role.other) for key, item in evidence.changes.items()},
        incidents={
            key: _replace(item, named=_others(item.named), used=_others(item.used))
            for key, item in evidence.incidents.items()
        },
    )


def _others(roles: tuple[Role, ...]) -> tuple[Role, ...]:
    return tuple(role.other for role in roles)
