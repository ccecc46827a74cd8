"""Find every reference that a string holds, in whatever spelling, and cut it into its parts.

Spellings (letters of fixed words, subscription, group and workspace in any case):

=============================================================================  ==================
``/subscriptions/…/resourceGroups/…/providers/<ns>/<type>/<name>/<kind>/…``     ``ArmId``
``azureml:`` or ``azureml://`` before it, with or without the provider          ``ArmId``
``azureml://locations/<region>/workspaces/<guid>/<kind>/…``                      ``Location``
``azureml://<authority>/<first>`` (datastores, registries, jobs, …)             ``AzuremlUri``
``runs:/<run>/…``, ``aml://artifactId/ExperimentRun/dcid.<run>/…``               ``RunUri``
anything with dots between letters: ``account.blob.core.windows.net``           ``Host``
=============================================================================  ==================

Whether a reference counts, and what becomes of it, is decided elsewhere (``orchestrator.core.jobs.rewrite.rules``).
Every search is linear in the length of the string: repetitions are possessive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

NO_CLUSTER = frozenset({"serverless", "local"})
"""Names in a compute's place that name no cluster."""


ANONYMOUS = frozenset({"cliv2anonymousenvironment", "azureml_anonymous"})
"""Names under which the service files what has no name; versions are hashes of the content, the same everywhere."""


class ResourceKind(NamedTuple):
    """What may lie in a workspace."""

    table: str = ""
    """Table of its names; without one the name stays."""

    need: str = ""
    """What it is called among the things that must exist before a job is put."""

    spelt: str = ""
    """The kind as Azure spells it in an ARM id."""

    is_run: bool = False


_ENDPOINT = ResourceKind(table="endpoints")


_NAMED = ResourceKind()


_RUN = ResourceKind(is_run=True)


KINDS: Mapping[str, ResourceKind] = {
    "computes": ResourceKind(table="computes"),
    "datastores": ResourceKind(table="datastores"),
    "environments": ResourceKind(table="environments", need="environment", spelt="environments"),
    "components": ResourceKind(need="component", spelt="components"),
    "codes": ResourceKind(need="code", spelt="codes"),
    "data": ResourceKind(need="data", spelt="data"),
    "models": ResourceKind(need="model", spelt="models"),
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
    r"(?:\.z\d+)?(?:\.privatelink)?\.(?:blob|dfs|file|queue|table|web)\."
    r"(?:core\.windows\.net|core\.chinacloudapi\.cn|core\.usgovcloudapi\.net|core\.cloudapi\.de|storage\.azure\.net)"
)


REGISTRY_DOMAIN = ".azurecr.io"


REGISTRY_DOMAINS = re.compile(r"(?!.*\.(?:data|privatelink)\.).*")
"""Domains behind a registry's own name; not those of its data endpoints and private addresses."""


REGISTRY_SUFFIX = re.compile(r"(?:\.[\w-]+\.data|\.privatelink)?\.azurecr\.(?:io|cn|us)")


REGIONAL = re.compile(
    r"(?:.*\.)?(?:api\.azureml\.ms|api\.ml\.azure\.cn|api\.ml\.azure\.us|experiments\.azureml\.net"
    r"|modelmanagement\.azureml\.net|cert\.api\.azureml\.ms|notebooks\.azure\.net|aznbcontent\.net)"
)


ENDPOINT_SUFFIX = re.compile(
    r"(?:.*\.)?(?:inference\.ml\.azure\.(?:com|cn|us)|inference\.ai\.azure\.com|models\.ai\.azure\.com)"
)


OUTSIDE_SUFFIX = re.compile(
    r".*\.(?:vault\.(?:azure\.net|azure\.cn|usgovcloudapi\.net)|vaultcore\.azure\.net"
    r"|openai\.azure\.(?:com|cn|us)|cognitiveservices\.azure\.(?:cn|us)|cognitiveservices\.azure\.com|services\.ai\.azure\.com"
    r"|search\.windows\.net|database\.windows\.net|kusto\.windows\.net|servicebus\.windows\.net"
    r"|documents\.azure\.com|redis\.cache\.windows\.net|redis\.azure\.net|azuredatabricks\.net|azuresynapse\.net"
    r"|azurewebsites\.net|azconfig\.io|eventgrid\.azure\.net)"
)


_BINDING = r"\$\{\{[^{}/]{0,200}+\}\}"


_ENDS = r"/\s\"'`<>,;()\[\]{}?#&|\\"


_ANGLED = r"<[^<>/\"'`\n]{1,200}+>"
"""What somebody should have filled in: ``<your compute>``."""


_PART = rf"(?:{_BINDING}|{_ANGLED}|\$(?!\{{\{{)|[^{_ENDS}$.:!*]|[.:!*](?=[^{_ENDS}.:!*]))++"


_GROUP = r"[^/\s\"'`?#&|\\]++"


_ARM = (
    rf"(?P<lead>azureml:/{{0,3}}+|/)?(?<![\w%.-])subscriptions/(?P<subscription>{_PART})"
    rf"(?:/resourcegroups/(?P<group>{_GROUP}))?+"
    rf"(?:(?:/providers/(?P<provider>[\w.]++))?+/(?P<type>[a-z]++)/(?P<name>{_PART})"
    rf"(?:/(?P<kind>[a-z]++)/(?P<child>{_PART})(?:/(?P<by>versions|labels)/(?P<version>{_PART}))?+)?+)?+"
)


_LOCATION = (
    rf"azureml://locations/(?P<l_region>[^{_ENDS}$]++)/workspaces/(?P<l_guid>[0-9a-f-]{{36}})(?![\w-])"
    rf"(?:/(?P<l_kind>[a-z]++)/(?P<l_child>{_PART})(?:/(?P<l_by>versions|labels)/(?P<l_version>{_PART}))?+)?+"
)


_AZUREML = rf"azureml://(?P<authority>[^{_ENDS}$]++)(?:/(?P<first>{_PART}))?+"


_RUNS = rf"(?<![\w.-])(?:runs:/++|aml://artifact(?:id)?/experimentrun/dcid\.)(?P<run>{_PART})"


_HOST = r"(?<![\w.%-])(?P<host>[a-z0-9_-]++(?:\.[a-z0-9_-]++)++)(?!\.?(?::[^\s/@]{0,200})?@[a-z0-9])"
"""What stands before an ``@`` and another host is a user's name."""


_ANY = re.compile(f"{_ARM}|{_LOCATION}|{_AZUREML}|{_RUNS}|{_HOST}", re.IGNORECASE | re.ASCII)


_REMAINDER = re.compile(r"[^\s\"'`]*+")


_INPUT_BINDING = re.compile(r"\s*\$\{\{\s*(?:parent\.)?inputs\.([^}\s]+?)(?:\.path)?\s*\}\}\s*")


_SHORT = re.compile(rf"(?P<lead>azureml:)?(?P<name>{_PART})(?P<tail>[:@].*)?", re.IGNORECASE | re.ASCII)


WORKSPACES = "workspaces"


_ML = "microsoft.machinelearningservices"


_INNER = frozenset({"kind", "child", "by", "version"})


class Reference(NamedTuple):
    """One reference: its place in the string and its parts, by name of the group."""

    start: int
    end: int
    form: str
    """``arm``, ``location``, ``azureml``, ``run`` or ``host``."""

    found: re.Match[str]

    def part(self, name: str) -> str:
        """The part as spelt, or an empty string."""
        return self.found[self.group(name)] or ""

    def group(self, name: str) -> str:
        """The group of the match in which a part stands: a location has its own for what lies in the workspace."""
        return f"l_{name}" if self.form == "location" and name in _INNER else name

    @property
    def is_workspace(self) -> bool:
        """It lies in, or is, an Azure ML workspace."""
        provider = self.part("provider").casefold()
        return (
            self.form == "arm"
            and self.part("type").casefold() == WORKSPACES
            and bool(self.part("group"))
            and provider in ("", _ML)
        )


def references(text: str) -> Iterator[Reference]:
    """Every reference in a string, from left to right, without overlap."""
    for found in _ANY.finditer(text):
        yield Reference(found.start(), found.end(), _form(found), found)


def _form(found: re.Match[str]) -> str:
    if found["host"]:
        return "host"
    if found["subscription"]:
        return "arm"
    if found["l_guid"]:
        return "location"
    return "azureml" if found["authority"] else "run"


def remainder_end(text: str, end: int) -> int:
    """Where the URI that goes on after ``end`` stops: at white space or a quotation mark."""
    found = _REMAINDER.match(text, end)
    return found.end() if found else end


def is_placeholder(name: str) -> bool:
    """Whether a name is one that somebody should have filled in: ``<your compute>``."""
    return "<" in name or ">" in name


def input_bound_by(value: object) -> str | None:
    """The input to which ``${{parent.inputs.x}}`` (or ``${{inputs.x}}``) is bound, if that is all there is."""
    found = _INPUT_BINDING.fullmatch(value) if isinstance(value, str) else None
    return found[1] if found else None


def is_binding(value: str) -> bool:
    return "${{" in value


def is_open(value: str) -> bool:
    """Whether a name is filled in later: by a binding, by a variable of the shell, by whoever reads ``<this>``."""
    return is_binding(value) or value.startswith(("$", "<"))


class ShortName(NamedTuple):
    """A name without a workspace: ``azureml:name``, ``azureml:name:version``, ``name@label``, ``name``."""

    lead: str
    name: str
    tail: str


def short_name(value: str) -> ShortName | None:
    """The parts of a short name, or None if the string is something else."""
    found = _SHORT.fullmatch(value)
    if found is None or is_binding(value):
        return None
    name, tail = found["name"], found["tail"] or ""
    for mark in ":@":
        name, cut, rest = name.partition(mark)
        tail = cut + rest + tail
    return ShortName(found["lead"] or "", name, tail)
