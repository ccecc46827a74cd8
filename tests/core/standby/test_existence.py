"""What was there and is gone was deleted; what nobody has seen, or could be asked, was not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from orchestrator.core.base.vocabulary import Role
from orchestrator.core.standby.existence import Existence, compare_existence, untold

NOW = datetime(2026, 5, 4, tzinfo=UTC)
VAULT, HUB = "/s/providers/a/vaults/kv", "/s/providers/b/workspaces/hub"


def test_what_is_missed_twice_in_a_row_was_deleted() -> None:
    """Once is not enough, and afterwards it is told no more until it has been there again."""
    seen = compare_existence(Existence(), [VAULT, HUB], [], NOW)
    assert (seen.after.there, seen.gone, seen.back) == ((VAULT, HUB), (), ())
    missed = compare_existence(seen.after, [HUB], [VAULT], NOW)
    assert (missed.after.there, missed.after.missed, missed.gone) == ((HUB,), (VAULT,), ())
    gone = compare_existence(missed.after, [HUB], [VAULT], NOW)
    assert (gone.after, gone.gone) == (Existence(there=(HUB,), gone={VAULT: NOW}), (VAULT,))
    later = compare_existence(gone.after, [HUB], [VAULT], NOW + timedelta(days=1))
    assert (later.after, later.gone, later.back) == (gone.after, (), ())
    back = compare_existence(later.after, [HUB, VAULT], [], NOW)
    assert (back.after, back.gone, back.back) == (Existence(there=(VAULT, HUB)), (), (VAULT,))


def test_what_is_there_again_at_the_next_look_was_not_deleted() -> None:
    """Resource Manager may answer 404 for a moment."""
    missed = Existence(there=(HUB,), missed=(VAULT,))
    found = compare_existence(missed, [HUB, VAULT], [], NOW)
    assert (found.after, found.gone, found.back) == (Existence(there=(VAULT, HUB)), (), ())


def test_what_could_not_be_asked_stays_as_it_was() -> None:
    """An outage of Resource Manager deletes nothing, and forgives nothing."""
    before = Existence(there=(HUB,), missed=(VAULT,), gone={"x": NOW})
    assert compare_existence(before, [], [], NOW).after == before


def test_what_was_never_seen_is_a_matter_of_the_plan() -> None:
    """A name that is spelt wrong holds no pair."""
    first = compare_existence(Existence(), [], [VAULT], NOW)
    assert first.after == Existence()
    assert compare_existence(first.after, [], [VAULT], NOW).gone == ()


def test_what_an_event_has_told_of_is_not_told_again() -> None:
    """By side and name."""
    change = compare_existence(Existence(missed=(VAULT, HUB)), [], [VAULT, HUB], NOW)
    roles = {VAULT: Role.PRIMARY, HUB: Role.SECONDARY}
    assert untold(change, {(Role.PRIMARY, "kv"), (Role.PRIMARY, "hub")}, roles) == (HUB,)
