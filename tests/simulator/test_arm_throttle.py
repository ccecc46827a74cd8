"""Resource Manager's limits: how much, for whom, and what a client is told."""

from __future__ import annotations

import pytest
from local_azure_client import Client, ClientMaker, command_job

from orchestrator.simulator.arm.throttle import Throttle
from orchestrator.simulator.cloud import LocalAzure
from orchestrator.simulator.estate import Site
from orchestrator.simulator.identity import PROBE
from orchestrator.simulator.services import AzureError


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def throttle(clock: Clock) -> Throttle:
    return Throttle(clock=clock)


def granted(throttle: Throttle, method: str = "PUT", times: int = 1000, principal: str = "a") -> int:
    """How many requests in a row are admitted."""
    for count in range(times):
        try:
            throttle.admit("s", principal, method)
        except AzureError:
            return count
    return times


@pytest.mark.parametrize(("method", "burst"), [("PUT", 200), ("POST", 200), ("DELETE", 200), ("GET", 250)])
def test_the_buckets_have_the_documented_size(throttle: Throttle, method: str, burst: int) -> None:
    """200 writes, 200 deletes, 250 reads at once."""
    assert granted(throttle, method) == burst


@pytest.mark.parametrize(("method", "rate"), [("PUT", 10), ("DELETE", 10), ("GET", 25)])
def test_tokens_come_back_at_the_documented_rate(throttle: Throttle, clock: Clock, method: str, rate: int) -> None:
    """10 writes, 10 deletes, 25 reads a second."""
    granted(throttle, method)
    clock.now += 4
    assert granted(throttle, method) == 4 * rate


def test_a_bucket_never_holds_more_than_its_size(throttle: Throttle, clock: Clock) -> None:
    """An hour of silence saves nothing up."""
    clock.now += 3600
    assert granted(throttle) == 200


def test_kinds_and_principals_have_buckets_of_their_own(throttle: Throttle) -> None:
    """Probing does not spend what resubmission needs."""
    granted(throttle)
    assert granted(throttle, "GET") == 250
    assert granted(throttle, principal="b") == 200


def test_who_asks_too_early_is_refused_again(throttle: Throttle, clock: Clock) -> None:
    """The announced time counts, not the tokens that have come back by then."""
    granted(throttle)
    clock.now += 0.5
    with pytest.raises(AzureError) as refused:
        throttle.admit("s", "a", "PUT")
    assert refused.value.headers["Retry-After"] == "1"
    clock.now += 0.5
    assert granted(throttle) == 10


def test_a_thousand_writes_take_eighty_seconds(throttle: Throttle, clock: Clock) -> None:
    """The bound that a resubmission is measured against, if Retry-After is obeyed."""
    written = 0
    began = clock.now
    while written < 1000:
        try:
            throttle.admit("s", "a", "PUT")
            written += 1
        except AzureError as refused:
            clock.now += float(refused.headers["Retry-After"])
    assert 79 <= clock.now - began <= 81


def test_success_tells_what_is_left(client: Client, primary: Site) -> None:
    """With one header for reads and one for writes."""
    read = client.arm("GET", primary.project_id)
    written = client.arm("PUT", f"{primary.project_id}/jobs/a", command_job(primary))
    assert read.headers["x-ms-ratelimit-remaining-subscription-reads"] == "249"
    assert written.headers["x-ms-ratelimit-remaining-subscription-writes"] == "199"


def test_refusals_spend_tokens_too(client: Client, primary: Site) -> None:
    """And tell what is left."""
    client.arm("GET", f"{primary.project_id}/jobs/none")
    answer = client.arm("GET", f"{primary.project_id}/jobs/none")
    assert answer.headers["x-ms-ratelimit-remaining-subscription-reads"] == "248"


def test_an_empty_bucket_answers_429_with_retry_after(client_of: ClientMaker) -> None:
    """The numbers can be set for a test; other identities go on."""
    with LocalAzure(throttle=Throttle(read_burst=2, read_rate=0.5)) as azure:
        client, site = client_of(azure, PROBE), azure.estate.pair("demo").primary
        statuses = [client.arm("GET", site.project_id).status_code for _ in range(3)]
        answer = client.arm("GET", site.project_id)
        other = client_of(azure, azure.user_client_id).arm("GET", site.project_id)
    assert statuses == [200, 200, 429]
    assert 1 <= int(answer.headers["Retry-After"]) <= 2
    assert answer.json()["error"]["code"] == "SubscriptionRequestsThrottled"
    assert other.status_code == 200


def test_limits_can_be_switched_off(azure: LocalAzure, client: Client, primary: Site) -> None:
    """At any time."""
    azure.throttle.enabled = False
    answer = client.arm("GET", primary.project_id)
    assert "x-ms-ratelimit-remaining-subscription-reads" not in answer.headers
