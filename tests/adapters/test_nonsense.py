"""Every method of every port against services that answer nonsense over HTTPS: it fails as one of our errors, or not.

The answers are those of captive portals, proxies, half-dead front ends, and whatever else can be thought of.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import job_records
import msgspec
import pytest
from azure_fixtures import RawServer, Tls, answering, read_request
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from notices import notice_of
from stories import DEEP

from orchestrator.adapters.assembly import assemble
from orchestrator.clock import SystemClock
from orchestrator.core.base.errors import HubswitchError
from orchestrator.core.base.vocabulary import NoticeName, Role
from orchestrator.core.epoch import EpochRecord, PointerValue
from orchestrator.core.plan.channels import EventGridChannel
from orchestrator.core.plan.load import plan_from
from orchestrator.core.plan.schema import LedgerAccount, Plan
from orchestrator.ports import PointerSnapshot, World
from orchestrator.settings import Settings, settings_from

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
"""A connection whose answer azure-core could not decode is closed when it is collected."""

T = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOKEN = json.dumps({"access_token": "t", "expires_on": "4102444800", "resource": "r", "token_type": "Bearer"})


class Answer(NamedTuple):
    """One answer, as it goes over the wire."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...]

    def as_bytes(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} Whatever", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {text}" for name, text in self.headers]
        return "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + self.body


class Stage(NamedTuple):
    """A world whose every address is that of one server, and what that server answers."""

    world: World
    plan: Plan
    say: Callable[[Answer], None]


def plan_at(url: str) -> Plan:
    """A pair whose resources are all at one address."""

    def hub(region: str) -> dict[str, Any]:
        return {
            "region": region,
            "subscription": "00000000-0000-0000-0000-000000000001",
            "resource_group": f"rg-{region}",
            "hub": f"hub-{region}",
            "project": f"project-{region}",
            **dict.fromkeys(("api", "storage", "keyvault", "acr"), url),
            "inference": {"url": f"{url}/score", "body": {"x": 1}},
        }

    plain = {
        "schema": 1,
        "pair": "demo",
        "primary": hub("eastus2"),
        "secondary": hub("westus3"),
        "pointer": {"endpoint": url},
        "ledger": {"account": "https://ledger.blob.core.windows.net"},
        "references": {"observer": [f"{url}/a"], "elsewhere": [f"{url}/b"]},
    }
    return msgspec.structs.replace(plan_from(json.dumps(plain), "demo.yaml"), ledger=LedgerAccount(account=url))


def settings_at(url: str, tls: Tls) -> Settings:
    return settings_from(
        {
            "HUBSWITCH_PLANS": ".",
            "HUBSWITCH_RESOURCE_MANAGER": url,
            "HUBSWITCH_LOG_ANALYTICS": url,
            "HUBSWITCH_CA_BUNDLE": tls.ca,
            "HUBSWITCH_RETRY_SLEEP": "10ms",
        }
    )


@contextmanager
def _stage(tls: Tls, identity: str) -> Iterator[Stage]:
    now: list[Answer] = [Answer(200, b"", ())]

    def handle(connection: socket.socket) -> None:
        while read_request(connection):
            connection.sendall(now[0].as_bytes())

    server = RawServer(handle, tls.server)
    patch = pytest.MonkeyPatch()
    patch.setenv("IDENTITY_ENDPOINT", identity)
    patch.setenv("IDENTITY_HEADER", "x")
    plan = plan_at(server.url)
    try:
        yield Stage(
            assemble(settings_at(server.url, tls), {"demo": plan}, SystemClock()),
            plan,
            lambda answer: now.__setitem__(0, answer),
        )
    finally:
        patch.undo()
        server.close()


@pytest.fixture(scope="module")
def stage(tls: Tls) -> Iterator[Stage]:
    tokens = RawServer(answering("200 OK", TOKEN), None)
    try:
        with _stage(tls, f"{tokens.url}/token") as made:
            yield made
    finally:
        tokens.close()


RECORD = job_records.job(name="train", root="train", pair="demo")
EPOCH = EpochRecord(epoch=1, active=Role.SECONDARY, run="failover-demo-e1", since=T, why="down")
NOTICE = notice_of(NoticeName.SUSPECT)


def _value(plan: Plan) -> PointerValue:
    hub = plan.secondary
    fields = {name: getattr(hub, name) for name in PointerValue.__struct_fields__ if hasattr(hub, name)}
    more = {"epoch": 1, "active": Role.SECONDARY, "since": T, "why": "down", "run": "r", "endpoint": hub.api}
    return msgspec.convert(
        {k: v for k, v in (fields | more).items() if k in PointerValue.__struct_fields__}, PointerValue
    )


CALLS: Mapping[str, Callable[[World, Plan], Any]] = {
    "epochs.read": lambda w, _: w.epochs["demo"].read("demo"),
    "epochs.create": lambda w, _: w.epochs["demo"].create("demo", EPOCH),
    "epochs.replace": lambda w, _: w.epochs["demo"].replace("demo", EPOCH, '"e"'),
    "pointers.snapshot": lambda w, _: w.pointers["demo"].snapshot("demo"),
    "pointers.read_from": lambda w, p: w.pointers["demo"].read_from("demo", p.pointer.endpoint),
    "pointers.publish": lambda w, p: w.pointers["demo"].publish("demo", _value(p), PointerSnapshot(None, {})),
    "ledgers.read": lambda w, _: w.ledgers["demo"].read("demo", "train"),
    "ledgers.create": lambda w, _: w.ledgers["demo"].create(RECORD),
    "ledgers.replace": lambda w, _: w.ledgers["demo"].replace(RECORD, '"e"'),
    "ledgers.summaries": lambda w, _: list(w.ledgers["demo"].summaries("demo")),
    "ledgers.list_quarantined": lambda w, _: list(w.ledgers["demo"].list_quarantined("demo")),
    "ledgers.put_once": lambda w, _: w.ledgers["demo"].put_once("a", b"x"),
    "ledgers.get": lambda w, _: w.ledgers["demo"].get("a"),
    "ledgers.names": lambda w, _: list(w.ledgers["demo"].names("a")),
    "ledgers.chunks": lambda w, _: list(w.ledgers["demo"].chunks("a")),
    "ledgers.page": lambda w, _: w.ledgers["demo"].page("a"),
    "ledgers.write_page": lambda w, _: w.ledgers["demo"].write_page("a", b"x", None),
    "ledgers.drop": lambda w, _: w.ledgers["demo"].drop("a"),
    "shared.everything": lambda w, _: w.shared["demo"].everything(),
    "shared.read": lambda w, _: w.shared["demo"].read("a"),
    "shared.create": lambda w, _: w.shared["demo"].create("a", b"x"),
    "shared.replace": lambda w, _: w.shared["demo"].replace("a", b"x", '"e"'),
    "jobs.get": lambda w, p: w.jobs.get(p.primary, "train"),
    "jobs.put": lambda w, p: w.jobs.put(p.primary, "train", {"properties": {}}, "2024-01-01-preview"),
    "jobs.cancel": lambda w, p: w.jobs.cancel(p.primary, "train"),
    "jobs.pages": lambda w, p: list(w.jobs.pages(p.primary)),
    "jobs.reachable": lambda w, p: w.jobs.reachable(p.primary),
    "assets.resolve": lambda w, p: w.assets.resolve(p.primary, _asset(p, "environments/e/labels/latest")),
    "assets.present": lambda w, p: w.assets.present(p.primary, _asset(p, "environments/e/versions/1")),
    "assets.capture environment": lambda w, p: w.assets.capture(
        p.primary, _asset(p, "environments/e/versions/1"), No()
    ),
    "assets.capture code": lambda w, p: w.assets.capture(p.primary, _asset(p, "codes/c/versions/1"), No()),
    "inventory.computes": lambda w, p: w.inventory.computes(p.primary),
    "inventory.datastores": lambda w, p: w.inventory.datastores(p.primary),
    "inventory.environments": lambda w, p: w.inventory.environments(p.primary),
    "inventory.place": lambda w, p: w.inventory.place(p.primary, "workspaceblobstore"),
    "resources.get": lambda w, p: w.resources.get(p.primary.project_id, "2024-01-01"),
    "resources.patch": lambda w, p: w.resources.patch(p.primary, p.primary.project_id, "2024-01-01", {}),
    "urls.check": lambda w, p: w.urls.check(f"{p.pointer.endpoint}/x"),
    "notices.publish": lambda w, p: w.notices.publish(EventGridChannel(topic=f"{p.pointer.endpoint}/e"), [NOTICE]),
    "probes.sweep": lambda w, p: asyncio.run(_sweep(w, p)),
    "polls.poll": lambda w, p: asyncio.run(_poll(w, p)),
}
NEVER_RAISES = {"probes.sweep", "polls.poll"}


class No:
    """A shelf on which nothing can be put."""

    def keep(self, chunks: Iterator[bytes]) -> Any:
        list(chunks)
        raise HubswitchError("nothing is kept here")

    def chunks(self, sha256: str) -> Iterator[bytes]:
        raise HubswitchError(f"there is no {sha256}")


def _asset(plan: Plan, path: str) -> str:
    return f"{plan.primary.project_id}/{path}"


async def _sweep(world: World, plan: Plan) -> Any:
    try:
        return await world.probes.sweep(plan, T)
    finally:
        await world.probes.aclose()


async def _poll(world: World, plan: Plan) -> Any:
    try:
        return await world.polls.poll(plan, T)
    finally:
        await world.polls.aclose()


leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12)
words = st.sampled_from(
    [
        *(
            "value",
            "items",
            "properties",
            "nextLink",
            "@nextLink",
            "error",
            "tags",
            "status",
            "id",
            "name",
            "etag",
            "key",
        ),
        *("version", "tables", "columns", "rows", "availabilityState", "codeUri", "blobReferenceForConsumption"),
    ]
)
plain = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4))
documents = plain.map(lambda value: json.dumps(value).encode())
listed = st.lists(plain, max_size=3).flatmap(
    lambda rows: st.sampled_from(["value", "items"]).map(lambda name: json.dumps({name: rows}).encode())
)
XML = b"<?xml version='1.0'?><EnumerationResults><Blobs>%s</Blobs><NextMarker/></EnumerationResults>"
broken = st.sampled_from(
    [
        *(b"", b"null", b"[]", b"{}", b"<html>please log in</html>", b"\xff\xfe", b"{", b"[" * 100_000),
        *(XML % b"<Blob/>", XML % b"<Blob><Name/></Blob>", XML % b"<Blob><Name>x</Name></Blob>", b"<Enum", b"<a/>"),
    ]
)
statuses = st.sampled_from(
    [
        *(200, 200, 200, 201, 202, 204, 206, 301, 302, 307, 400, 401, 403, 404, 405, 408, 409, 410, 412, 418, 424, 429),
        *(500, 501, 502, 503, 504, 530),
    ]
)
headers = st.lists(
    st.sampled_from(
        [
            *(("Content-Type", kind) for kind in ("application/json", "application/xml", "text/html", "", "x" * 300)),
            *(("Retry-After", said) for said in ("0", "-5", "9" * 400, "Fri, 31 Dec 9999 23:59:59 -2359", "soon")),
            *(("x-ms-retry-after-ms", said) for said in ("0", "9" * 30, "x")),
            *(("ETag", tag) for tag in ('"e"', "", "x" * 500)),
            *(("Content-Range", said) for said in ("bytes x", "bytes 0-1/99999999999999999999", "bytes 5-2/1")),
            *(("Content-Encoding", said) for said in ("gzip", "deflate", "br", "nonsense")),
            *(("Last-Modified", said) for said in ("yesterday", "Thu, 01 Jan 1970 00:00:00 GMT")),
            *(("Location", said) for said in ("https://example.com/", "http://127.0.0.1:1/", "::", "")),
            *(("Azure-AsyncOperation", said) for said in ("https://example.com/", "::")),
            *(("x-ms-meta-status", said) for said in ("sleeping", "running")),
            ("x-ms-error-code", "BlobAlreadyExists"),
            ("WWW-Authenticate", "Bearer"),
        ]
    ),
    max_size=4,
    unique_by=lambda each: each[0],
).map(tuple)
answers = st.builds(Answer, statuses, documents | listed | broken, headers)


@pytest.mark.parametrize("name", CALLS)
def test_nonsense_is_one_of_our_errors(stage: Stage, name: str) -> None:
    """Whatever is answered: a value, or a ``HubswitchError``. A look and a poll never raise at all."""

    @settings(
        max_examples=25 * DEEP, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
    )
    @given(answers)
    @example(Answer(200, b"[" * 100_000, (("Content-Type", "application/json"),)))
    @example(Answer(200, b'{"value": [null], "items": [null]}', (("Content-Type", "application/json"),)))
    @example(Answer(200, b"not gzip", (("Content-Type", "application/json"), ("Content-Encoding", "gzip"))))
    @example(Answer(200, b'{"value": [{"properties": true}]}', ()))
    @example(Answer(200, b'{"value": [{"properties": {"properties": [1], "tags": 0, "outputs": "x"}}]}', ()))
    @example(Answer(200, b'{"properties": {"properties": true, "tags": [], "credentials": 1, "outputs": [1]}}', ()))
    @example(Answer(206, b"[]", (("Content-Range", "bytes 0-1/99999999999999999999"),)))
    def check(answer: Answer) -> None:
        stage.say(answer)
        try:
            CALLS[name](stage.world, stage.plan)
        except HubswitchError:
            assert name not in NEVER_RAISES

    check()
