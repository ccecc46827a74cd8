"""The entry point that Azure Functions loads. Everything is bound in ``orchestrator.triggers.registration``."""

import os
from pathlib import Path

from orchestrator.bootstrap import Deployment
from orchestrator.triggers.registration import build

deployment = Deployment(os.environ, Path(__file__).parent)
app = build(deployment)
