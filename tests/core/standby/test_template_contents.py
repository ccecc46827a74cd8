"""What a template makes, from its text: certain, not, or not to be known without deploying it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.standby.template_contents import KeptTemplate, Making, find_making

COMPUTES = "Microsoft.MachineLearningServices/workspaces/computes"
DEPLOYMENTS = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/deployments"


def making(resources: Any, kind: str = COMPUTES, *parts: str, **template: Any) -> Making:
    given = template.pop("given", {})
    kept = KeptTemplate("t.json", given, {"resources": resources, **template})
    return find_making(kept, kind, parts or ("gpu",))


def compute(name: str) -> dict[str, Any]:
    return {"type": COMPUTES, "name": name}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("proj/gpu", Making.CERTAIN),
        ("proj/GPU", Making.CERTAIN),
        ("proj/gpu-old", Making.NOT),
        ("[format('{0}/{1}', parameters('project'), 'gpu')]", Making.CERTAIN),
        ("[concat(parameters('project'), '/', variables('cluster'))]", Making.CERTAIN),
        ("[format('{0}/{1}', last(split(parameters('id'), '/')), toLower('GPU'))]", Making.CERTAIN),
        ("[format('{0}/{1}', parameters('project').name, 'gpu')]", Making.CERTAIN),
        ("[format('{0}/{1}', parameters('project'), 'cpu')]", Making.NOT),
        ("[parameters('full')]", Making.CERTAIN),
        ("[parameters('nobody')]", Making.UNKNOWN),
        ("[concat('p/', uniqueString(resourceGroup().id))]", Making.UNKNOWN),
        ("[format('p/cpu-{0}', uniqueString('x'))]", Making.NOT),
        ("[format('p/{0}', copyIndex())]", Making.UNKNOWN),
        ("[format('p/{0}'", Making.UNKNOWN),
        ("[", Making.UNKNOWN),
        ("[[p/gpu]", Making.NOT),
    ],
)
def test_a_name_is_read_as_far_as_its_text_goes(name: str, expected: Making) -> None:
    """What cannot be read may be the thing, if what can be read does not contradict it."""
    parameters = {"project": {"type": "string"}, "full": {"defaultValue": "p/gpu"}}
    variables = {"cluster": "[toLower('GPU')]"}
    found = making([compute(name)], parameters=parameters, variables=variables, given={"project": "p"})
    assert found is expected


def test_another_type_and_what_exists_already_make_nothing() -> None:
    """A reference to something that exists is no resource that is made."""
    assert making([{"type": "Microsoft.Search/searchServices", "name": "gpu"}]) is Making.NOT
    assert making({"a": {**compute("p/gpu"), "existing": True}}) is Making.NOT
    assert making({"a": compute("p/gpu")}) is Making.CERTAIN


def test_modules_and_children_are_looked_into() -> None:
    """With the parameters that the module is given, in its own scope; a child has its parent's name before its own."""
    endpoint = {
        "type": "Microsoft.MachineLearningServices/workspaces/onlineEndpoints",
        "name": "[format('{0}/{1}', parameters('project'), parameters('endpoint'))]",
        "resources": [{"type": "deployments", "name": "blue"}],
    }
    module = {
        "type": "Microsoft.Resources/deployments",
        "name": "module",
        "properties": {
            "expressionEvaluationOptions": {"scope": "inner"},
            "parameters": {"endpoint": {"value": "[variables('name')]"}},
            "template": {"parameters": {"endpoint": {"type": "string"}}, "resources": [endpoint]},
        },
    }
    outside = {"variables": {"name": "score"}}
    assert making([module], DEPLOYMENTS, "score", "blue", **outside) is Making.CERTAIN
    assert making([module], DEPLOYMENTS, "other", "blue", **outside) is Making.NOT
    assert making([module], DEPLOYMENTS, "score", "green", **outside) is Making.NOT


def test_a_template_that_is_not_there_makes_nothing() -> None:
    """Nor does one without resources."""
    assert find_making(KeptTemplate("t.json", fault="none"), COMPUTES, ("gpu",)) is Making.NOT
    for resources in (None, 5, ["x"], [{"type": 5}], [{"type": COMPUTES}]):
        assert making(resources) in {Making.NOT, Making.UNKNOWN}


@given(st.text(alphabet="[]()',.{}0ab parmetsc\n", max_size=40))
def test_no_expression_is_too_strange(text: str) -> None:
    """Nothing is raised for a text that is no expression."""
    assert making([compute(f"[{text}]")], parameters={"a": {"defaultValue": "[parameters('a')]"}}) in set(Making)
