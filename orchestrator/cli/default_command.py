"""A group of commands that means one of them if none is named: ``hubswitch evidence RUN`` is its ``show``."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

SHOW = "show"


class ShowByDefault(TyperGroup):
    """What is no name of a command, and no option of the group, is an argument of ``show``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = [SHOW, *args]
        found: list[str] = super().parse_args(ctx, args)
        return found
