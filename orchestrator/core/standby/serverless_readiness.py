"""The check of serverless endpoints: the same models, in the standby's project, online. Pure.

Shape: ``ServerlessEndpoint`` (``properties.modelSettings.modelId``, ``authMode``, ``contentSafety``,
``provisioningState``, ``endpointState``), Microsoft.MachineLearningServices/workspaces/serverlessEndpoints 2024-10-01.
Which regions offer a model is nothing that Azure lists: an endpoint that is online there is the proof.
"""

from __future__ import annotations

from orchestrator.core.standby.readiness import CheckRow, Comparison, Severity

ENDPOINTS = "serverless_endpoints"
SERVERLESS_CHECK = 32


def serverless_row() -> CheckRow:
    """The row of the table of checks."""
    fix = "az ml serverless-endpoint create in the standby's project"
    return CheckRow(SERVERLESS_CHECK, "serverless endpoints", (ENDPOINTS,), Severity.BLOCK, _look_at_serverless, fix)


def _look_at_serverless(c: Comparison) -> None:
    """Nothing is asked where neither inventory has the key: files may be older than this check."""
    if not (c.primary.is_collected(ENDPOINTS) or c.secondary.is_collected(ENDPOINTS)):
        return
    for path, one, other in c.twins_of(ENDPOINTS):
        c.same(path, one, other, ["properties.modelSettings.modelId", "properties.authMode"])
        c.same(path, one, other, ["properties.contentSafety.contentSafetyStatus"], Severity.WARN)
        c.must(path, other, "properties.provisioningState", ["Succeeded"], "is not provisioned")
        c.must(path, other, "properties.endpointState", ["Online"], "is not online")
