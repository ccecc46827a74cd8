"""Functions of Bicep that templates may call: what each gives, and how many arguments it takes.

From learn.microsoft.com, "Bicep functions". Only what is listed is known; a name that is not here is a finding.
"""

from __future__ import annotations

from typing import NamedTuple

from bicepcheck.azure_types import ANY, ARRAY, BOOLEAN, INTEGER, OBJECT, STRING, Type, object_with

GROUP_FIELDS = object_with({"id": STRING, "name": STRING, "location": STRING, "tags": OBJECT, "type": STRING})
SUBSCRIPTION_FIELDS = object_with({"id": STRING, "subscriptionId": STRING, "tenantId": STRING, "displayName": STRING})
CLOUD_FIELDS = object_with({"name": STRING, "resourceManager": STRING, "authentication": OBJECT, "suffixes": OBJECT})
MANY = 99


class Function(NamedTuple):
    """What it gives; fewest and most arguments."""

    gives: Type
    fewest: int
    most: int


FUNCTIONS = {
    "any": Function(ANY, 1, 1),
    "array": Function(ARRAY, 1, 1),
    "base64": Function(STRING, 1, 1),
    "base64ToJson": Function(ANY, 1, 1),
    "base64ToString": Function(STRING, 1, 1),
    "bool": Function(BOOLEAN, 1, 1),
    "cidrSubnet": Function(STRING, 3, 3),
    "concat": Function(ANY, 1, MANY),
    "contains": Function(BOOLEAN, 2, 2),
    "empty": Function(BOOLEAN, 1, 1),
    "endsWith": Function(BOOLEAN, 2, 2),
    "environment": Function(CLOUD_FIELDS, 0, 0),
    "fail": Function(ANY, 1, 1),
    "filter": Function(ARRAY, 2, 2),
    "first": Function(ANY, 1, 1),
    "flatten": Function(ARRAY, 1, 1),
    "format": Function(STRING, 1, MANY),
    "guid": Function(STRING, 1, MANY),
    "indexOf": Function(INTEGER, 2, 2),
    "int": Function(INTEGER, 1, 1),
    "join": Function(STRING, 2, 2),
    "json": Function(ANY, 1, 1),
    "last": Function(ANY, 1, 1),
    "length": Function(INTEGER, 1, 1),
    "listKeys": Function(ANY, 2, 3),
    "loadJsonContent": Function(ANY, 1, 3),
    "loadTextContent": Function(STRING, 1, 2),
    "map": Function(ARRAY, 2, 2),
    "range": Function(ARRAY, 2, 2),
    "replace": Function(STRING, 3, 3),
    "resourceGroup": Function(GROUP_FIELDS, 0, 2),
    "resourceId": Function(STRING, 2, MANY),
    "skip": Function(ANY, 2, 2),
    "split": Function(ARRAY, 2, 2),
    "startsWith": Function(BOOLEAN, 2, 2),
    "string": Function(STRING, 1, 1),
    "subscription": Function(SUBSCRIPTION_FIELDS, 0, 1),
    "subscriptionResourceId": Function(STRING, 2, MANY),
    "substring": Function(STRING, 2, 3),
    "take": Function(ANY, 2, 2),
    "toLower": Function(STRING, 1, 1),
    "toUpper": Function(STRING, 1, 1),
    "trim": Function(STRING, 1, 1),
    "union": Function(ANY, 1, MANY),
    "uniqueString": Function(STRING, 1, MANY),
}
