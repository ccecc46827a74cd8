"""What a field's name says about its value.

Only fields with a meaning in Azure ML's schema are listed. Below fields whose keys people choose (variables, search
space, Spark configuration, …) nothing is: a name there is text, a reference as a whole is one all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto

from orchestrator.core.jobs.rewrite.json_pointer import fold_key


class FieldUse(Enum):
    """How a value is read."""

    PLAIN = auto()
    """References count, names do not."""

    TEXT = auto()
    """For people: what cannot be rewritten stays and is noted."""

    COMPUTE = auto()
    """A bare name is a compute's."""

    PERHAPS_COMPUTE = auto()
    """A bare name may be a compute's: it is one if the map lists it."""

    DATASTORE = auto()
    ENVIRONMENT = auto()
    IDENTITY = auto()

    REGION = auto()
    """Names of Azure regions: one, a list, or an object of them."""

    RESOURCES = auto()
    """An object below which the fields of ``REGION_FIELDS`` pin regions, however deep."""

    NODE = auto()
    """An object whose fields are read by this table."""

    STEPS = auto()
    """An object of steps by name."""

    INPUTS = auto()
    """An object of inputs by name. The data of AutoML and fine-tuning are such, under names of the schema."""

    OUTPUTS = auto()


COMPUTE_KEYS = frozenset({"compute", "computeid", "computename", "defaultcompute"})


BRANCHES = ("body", "trueblock", "falseblock")
"""Where a step for control flow keeps the step that it repeats or chooses, if it does not bind to another."""


NAME_TABLE: Mapping[FieldUse, str] = {
    FieldUse.COMPUTE: "computes",
    FieldUse.DATASTORE: "datastores",
    FieldUse.ENVIRONMENT: "environments",
}


REGION_FIELDS = frozenset({"location", "locations", "region", "regions"})


FIELDS: Mapping[str, FieldUse] = {
    **dict.fromkeys(COMPUTE_KEYS, FieldUse.COMPUTE),
    **dict.fromkeys(("environment", "environmentid"), FieldUse.ENVIRONMENT),
    **dict.fromkeys(
        ("defaultdatastore", "defaultdatestore", "datastore", "datastoreid", "datastorename"), FieldUse.DATASTORE
    ),
    **dict.fromkeys(("displayname", "description", "experimentname", "tags", "properties"), FieldUse.TEXT),
    **dict.fromkeys(("trial", "task", "settings", "component", "componentspec"), FieldUse.NODE),
    **dict.fromkeys(BRANCHES, FieldUse.NODE),
    **dict.fromkeys(("mlassistconfiguration", "trainingcomputebinding", "inferencingcomputebinding"), FieldUse.NODE),
    "jobs": FieldUse.STEPS,
    "inputs": FieldUse.INPUTS,
    "taskdetails": FieldUse.INPUTS,
    "finetuningdetails": FieldUse.INPUTS,
    "outputs": FieldUse.OUTPUTS,
    "identity": FieldUse.IDENTITY,
    **dict.fromkeys(REGION_FIELDS, FieldUse.REGION),
    **dict.fromkeys(("resources", "resourceconfiguration", "queuesettings"), FieldUse.RESOURCES),
}
"""By name of the field, folded."""


PORT_FIELDS: Mapping[str, FieldUse] = {
    "description": FieldUse.TEXT,
    **dict.fromkeys(("datastore", "datastoreid", "datastorename"), FieldUse.DATASTORE),
}
"""The same inside one input or output."""


IDENTITY_FIELDS = frozenset({"clientid", "objectid", "principalid", "applicationid", "resourceid", "msiresourceid"})


LITERAL_FIELDS = frozenset({"value", "default"})
"""Where an input keeps its literal."""


WHOLE_URI_FIELDS = frozenset(
    {"uri", "path", "code", "codeid", "component", "componentid", "environment", "environmentid"}
)
"""Fields that hold one name or URI and nothing else, blanks in it included."""


PEOPLE_KEYED = frozenset({"inputs", "jobs", "environmentvariables", "searchspace", "conf", "services"})
"""Objects whose keys people choose: they say nothing about the values."""


def is_whole_uri_field(pointer: str) -> bool:
    """Whether the place that a pointer leads to holds one URI and nothing else. A variable may be called ``path``."""
    above, _, key = pointer.rpartition("/")
    owner = fold_key(above.rpartition("/")[2])
    return fold_key(key) in WHOLE_URI_FIELDS and owner not in PEOPLE_KEYED
