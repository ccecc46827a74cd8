"""What a command needs and was not told: asked for on a terminal."""

from __future__ import annotations

from orchestrator.core.base.errors import InvalidInput


def ask_for(option: str, given: str, expected: str, *, interactive: bool) -> str:
    """What a person says for an option.

    Raises:
        InvalidInput: nothing was given, and there is nobody to ask.
    """
    if given.strip():
        return given
    if not interactive:
        raise InvalidInput(f"--{option}", "", expected, repr(given))
    import typer

    return str(typer.prompt(option.capitalize()))


def ask_reason(given: str, *, interactive: bool) -> str:
    """The reason for an order."""
    return ask_for("reason", given, "a sentence that says why", interactive=interactive)
