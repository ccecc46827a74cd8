"""The card for the case that nothing of ours can run names the keys that the app and its clients read."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from orchestrator.adapters.stores.pointer import plain_keys
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.epoch import PointerValue

RUNBOOK = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text(encoding="utf-8")
CARD = RUNBOOK[RUNBOOK.index("As `az` commands") : RUNBOOK.index("## The app is away")]


def test_the_card_names_every_plain_key() -> None:
    """A key that is written under another name leaves clients with the old value."""
    texts = dict.fromkeys(("hub", "project", "subscription", "resource_group", "region", "endpoint", "why"), "x")
    value = PointerValue(epoch=1, active=Role.PRIMARY, since=datetime(2026, 3, 1, tzinfo=UTC), run=None, **texts)
    named = re.search(r"The plain keys of the other side first\s+\(([^)]*)\)", CARD)
    assert named is not None
    assert re.findall(r"`:([\w-]+)`", named[1]) == [name for name, _ in plain_keys(value)]


def test_the_card_names_every_field_of_the_key_that_counts() -> None:
    """But for the number of its schema, which stays as it is."""
    told = CARD.partition("that `:active` has, with")[2].partition("Print this page")[0]
    fields = {field.encode_name for field in msgspec.structs.fields(PointerValue)} - {"schema"}
    assert fields <= set(re.findall(r"`(\w+)`", told))
