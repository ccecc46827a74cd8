"""What a field's name says about its value.

Only fields with a meaning in Azure ML's schema are listed. Below fields whose keys people choose (variables, search
space, Spark configuration, …) nothing is: a name there is text, a reference as a whole is one all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto

COMPUTE_KEYS = frozenset({"compute", "computeid", "computename", "defaultcompute"})

BRANCHES = ("body", "trueblock", "falseblock")
"""Where a step for control flow keeps the step that it repeats or chooses, if it does not bind to another."""


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

    NODE = auto()
    """An object whose fields are read by this table."""

    STEPS = auto()
    """An object of steps by name."""

    INPUTS = auto()
    """An object of inputs by name. The data of AutoML and fine-tuning are such, under names of the schema."""

    OUTPUTS = auto()


NAME_TABLE: Mapping[FieldUse, str] = {
    FieldUse.COMPUTE: "computes",
    FieldUse.DATASTORE: "datastores",
    FieldUse.ENVIRONMENT: "environments",
}

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

PEOPLE_KEYED = frozenset({"inputs", "jobs", "environmentvariables", "searchspace", "conf", "services"})
"""Objects whose keys people choose: they say nothing about the values."""
