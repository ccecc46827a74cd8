"""What Azure ML knows: kinds of things in a workspace, names that are none, and hosts by their endings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

NO_CLUSTER = frozenset({"serverless", "local"})
"""Names in a compute's place that name no cluster."""

ANONYMOUS = frozenset({"cliv2anonymousenvironment", "azureml_anonymous"})
"""Names under which the service files what has no name; versions are hashes of the content, the same everywhere."""


class Kind(NamedTuple):
    """What may lie in a workspace."""

    table: str = ""
    """Table of its names; without one the name stays."""

    need: str = ""
    """What it is called among the things that must exist before a job is put."""

    spelt: str = ""
    """The kind as Azure spells it in an ARM id."""

    is_run: bool = False


_ENDPOINT = Kind(table="endpoints")
_NAMED = Kind()
_RUN = Kind(is_run=True)

KINDS: Mapping[str, Kind] = {
    "computes": Kind(table="computes"),
    "datastores": Kind(table="datastores"),
    "environments": Kind(table="environments", need="environment", spelt="environments"),
    "components": Kind(need="component", spelt="components"),
    "codes": Kind(need="code", spelt="codes"),
    "data": Kind(need="data", spelt="data"),
    "models": Kind(need="model", spelt="models"),
    "onlineendpoints": _ENDPOINT,
    "batchendpoints": _ENDPOINT,
    "serverlessendpoints": _ENDPOINT,
    "jobs": _RUN,
    "runs": _RUN,
    "experiments": _RUN,
    "connections": _NAMED,
    "schedules": _NAMED,
    "featuresets": _NAMED,
    "featurestoreentities": _NAMED,
}

STORAGE_SUFFIX = re.compile(
    r"(?:\.z\d+)?\.(?:blob|dfs|file|queue|table|web)\."
    r"(?:core\.windows\.net|core\.chinacloudapi\.cn|core\.usgovcloudapi\.net|storage\.azure\.net)"
)
REGISTRY_DOMAIN = ".azurecr.io"
REGISTRY_SUFFIX = re.compile(r"(?:\.[\w-]+\.data)?\.azurecr\.(?:io|cn|us)")
REGIONAL = re.compile(
    r"(?:.*\.)?(?:api\.azureml\.ms|api\.ml\.azure\.cn|api\.ml\.azure\.us|experiments\.azureml\.net"
    r"|modelmanagement\.azureml\.net|cert\.api\.azureml\.ms|notebooks\.azure\.net|aznbcontent\.net)"
)
ENDPOINT_SUFFIX = re.compile(
    r"(?:.*\.)?(?:inference\.ml\.azure\.(?:com|cn|us)|inference\.ai\.azure\.com|models\.ai\.azure\.com)"
)
OUTSIDE_SUFFIX = re.compile(
    r".*\.(?:vault\.azure\.net|openai\.azure\.com|cognitiveservices\.azure\.com|services\.ai\.azure\.com"
    r"|search\.windows\.net|database\.windows\.net|kusto\.windows\.net|servicebus\.windows\.net"
    r"|documents\.azure\.com|redis\.cache\.windows\.net|redis\.azure\.net|azuredatabricks\.net|azuresynapse\.net"
    r"|azurewebsites\.net|azconfig\.io|eventgrid\.azure\.net)"
)
