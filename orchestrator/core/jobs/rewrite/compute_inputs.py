"""Find the inputs whose value is the name of a compute.

A step may take its compute from an input of its pipeline (``computeId: ${{parent.inputs.where}}``), that input
from an input of the pipeline around it, and so on up to a literal. A step may also hand a literal to a component
that uses it so; this shows only where the component's body is at hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.core.jobs.rewrite.closure import AssetBodies
from orchestrator.core.jobs.rewrite.fields import BRANCHES, COMPUTE_KEYS
from orchestrator.core.jobs.rewrite.json_pointer import child, fold_key
from orchestrator.core.jobs.rewrite.references import input_bound_by

_PREFIX = re.compile(r"\s*azureml:/*", re.IGNORECASE)

VALUE_KEYS = ("value", "default", "uri", "path")


class ComputeInputs:
    """Collects, in ``literals``, the JSON pointers of literals that compute slots are bound to."""

    def __init__(self, assets: AssetBodies) -> None:
        self._assets = assets
        self.literals: set[str] = set()

    def visit(self, scope: Mapping[str, Any], path: str, *, is_step: bool = False) -> tuple[set[str], set[str]]:
        """Look through a pipeline, a step or a component.

        Returns:
            Names of its own inputs that name a compute, and names of such inputs of the pipeline around it.
        """
        slots = list(_slots(scope))
        own = {name for name, by_parent in slots if not (is_step and by_parent)}
        own |= self._assets.about(scope.get("componentId") or scope.get("component"), self._of_component)
        for key in ("component", "componentSpec"):
            own |= self._inline(scope, key, path)
        around = {name for name, _ in _slots(scope.get("settings"))} | self._inline(scope, "trial", path)
        steps = scope.get("jobs")
        for name, step in steps.items() if isinstance(steps, dict) else ():
            if isinstance(step, dict):
                around |= self.visit(step, child(child(path, "jobs"), name), is_step=True)[1]
        outer = {name for name, by_parent in slots if is_step and by_parent}
        for key, step in scope.items():
            if fold_key(key) in BRANCHES and isinstance(step, dict):
                outer |= self.visit(step, child(path, key), is_step=True)[1]
        passed = {name for name in around if is_step and name not in _find_declared_inputs(scope)}
        own |= around - passed
        return own, outer | passed | self._follow(scope.get("inputs"), own, child(path, "inputs"))

    def _inline(self, scope: Mapping[str, Any], key: str, path: str) -> set[str]:
        """Inputs that name a compute, of a component that stands in a step."""
        inline = scope.get(key)
        return self.visit(inline, child(path, key))[0] if isinstance(inline, dict) else set()

    def _follow(self, inputs: Any, names: set[str], path: str) -> set[str]:
        """Collect the literals among some inputs; names of the outer inputs that the others are bound to."""
        outer: set[str] = set()
        for name in names if isinstance(inputs, dict) else ():
            for pointer, value in _values(inputs.get(name), child(path, name)):
                bound = input_bound_by(value)
                if bound:
                    outer.add(bound)
                else:
                    self.literals.add(pointer)
        return outer

    def _of_component(self, spec: dict[str, Any]) -> frozenset[str]:
        return frozenset(ComputeInputs(self._assets).visit(spec, "")[0])


def _slots(scope: Any) -> Iterator[tuple[str, bool]]:
    """Inputs that the compute slots of an object are bound to, and whether as ``parent.inputs``."""
    for key, item in scope.items() if isinstance(scope, dict) else ():
        if isinstance(item, str) and "${{" in item and fold_key(key) in COMPUTE_KEYS:
            name = input_bound_by(_PREFIX.sub("", item)) or input_bound_by(item.rpartition("/")[2])
            if name:
                yield name, "parent." in item


def _find_declared_inputs(scope: Mapping[str, Any]) -> Mapping[str, Any]:
    """The inputs of a step. What a nested pipeline does not declare itself, it takes from the one around it."""
    inputs = scope.get("inputs")
    return inputs if isinstance(inputs, dict) else {}


def _values(given: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(given, str):
        yield path, given
    for key in VALUE_KEYS if isinstance(given, dict) else ():
        if isinstance(given.get(key), str):
            yield child(path, key), given[key]
