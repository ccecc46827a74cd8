"""``python -m orchestrator`` is the ``hubswitch`` command."""

from orchestrator.cli.main import run

run()
