"""schemathesis asks the running app whatever its OpenAPI document allows, and what it does not: nothing breaks."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

import hypothesis
import pytest
import schemathesis
from live import LONGEST, Caller, grant_all, live, unpaced
from schemathesis import checks
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation

# The app that is asked runs in threads of this process, where libraries use the `random` module: the durable engine for
# its spans and pauses, azure-core for the time at which a token is renewed. Hypothesis sees the state of that module
# change while it draws a request and takes it for a fault of the strategy.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Do not use the `random` module inside strategies:hypothesis.errors.HypothesisDeprecationWarning"
)

EXAMPLES = 12
"""Requests of each operation and kind. More find more; these take some seconds."""

TRIES = 5
"""Times that what is answered with 503 is asked: a store may be slow for one, and the answer says to ask again."""

CHECKS = [
    checks.not_a_server_error,
    checks.negative_data_rejection,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture(scope="module")
def called() -> Iterator[Caller]:
    """A session of its own: orders of all kinds are given in it."""
    with unpaced(), live(speed=60, begin=grant_all) as local, Caller(local) as made:
        made.settled_down()
        yield made


def fuzz(caller: Caller, operation: APIOperation, mode: GenerationMode, known: dict[str, str] | None) -> None:
    """Some requests of one operation. ``known`` are path parameters that lead somewhere."""
    cases = operation.as_strategy(generation_mode=mode, path_parameters=known)

    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=cases)
    def ask(case: schemathesis.Case) -> None:
        base = f"{caller.local.host.url}/api"
        for _ in range(TRIES):
            answer = case.call(base_url=base, headers={"x-functions-key": caller.local.key}, timeout=LONGEST)
            if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                break
        case.validate_response(answer, checks=CHECKS)

    ask()


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_nothing_breaks_the_app_and_every_answer_is_as_told(called: Caller, mode: GenerationMode) -> None:
    """No 5xx, no status, type, header or field that the document does not have; of good requests and of bad ones."""
    schema = schemathesis.openapi.from_dict(called.get("openapi.json").json())
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if mode is GenerationMode.NEGATIVE and not (operation.query or operation.headers or operation.body):
            continue  # there is nothing to be wrong in
        tried += 1
        fuzz(called, operation, mode, None)
        if "{pair}" in operation.path:
            fuzz(called, operation, mode, {"pair": "demo"})
    assert tried > 15
