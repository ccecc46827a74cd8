"""Policy files: a YAML mapping of policy fields, over a policy that is given. Strict, like plans."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from orchestrator.core.base.codec import from_builtins
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.strict_yaml import line_of, yaml_from
from orchestrator.core.plan.load import with_durations
from orchestrator.core.plan.policy import Policy, check_policy
from orchestrator.local.scenario import with_zone
from orchestrator.plan_files import text_of


class PolicyFile:
    """Fields of a policy, as a file gives them. ``over`` puts them over a whole policy."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            InvalidInput: it cannot be read, or is no mapping; names file and line, field, what was expected.
        """
        self._where = str(path)
        self._text = text_of(path, self._where)
        raw = yaml_from(self._text, self._where)
        if not isinstance(raw, dict) or not all(isinstance(key, str) for key in raw):
            raise InvalidInput(self._where, "", "a mapping of fields of a policy", type(raw).__name__)
        self._prefix = "policy." if set(raw) == {"policy"} else ""
        fields = raw["policy"] if self._prefix else raw
        if not isinstance(fields, dict):
            raise InvalidInput(f"{self._where}:1", "policy", "a mapping of fields of a policy", type(fields).__name__)
        self._fields: dict[str, Any] = with_zone(fields)

    def over(self, base: Policy) -> Policy:
        """The base with the file's fields in place of its own.

        Raises:
            InvalidInput: an unknown field, a wrong type, or fields that contradict each other or those of the base.
        """
        try:
            given = msgspec.to_builtins(with_durations(self._fields, Policy, self._where), builtin_types=(datetime,))
            plain = msgspec.to_builtins(base, builtin_types=(datetime,))
            return check_policy(from_builtins(plain | given, Policy, self._where), self._where)
        except InvalidInput as fault:
            field = fault.field.removeprefix("policy.")
            line = line_of(self._text, f"{self._prefix}{field}")
            place = f"{self._where}:{line}" if line else self._where
            raise InvalidInput(place, f"{self._prefix}{field}", fault.expected, fault.got) from fault
