"""Who may do what: roles of people whom App Service authentication has signed in, and keys of machines."""

from __future__ import annotations

import base64
import json
from typing import Any

import azure.functions as func
import pytest
import requests
from live import Caller, until

from orchestrator.core.base.errors import InvalidInput
from orchestrator.settings import digest_of, settings_from
from orchestrator.triggers.callers import CallerRole, UnreadablePrincipal, caller_of, identify
from orchestrator.triggers.routes import ROUTES, RouteAccess

ROLE_CLAIM = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
KEY = "a key of a machine"
ON = settings_from(
    {"HUBSWITCH_PLANS": "plans", "HUBSWITCH_SIGNED_IN_HEADER": "true", "HUBSWITCH_MACHINE_KEYS": digest_of(KEY)}
)
PAUSE = {"reason": "practice", "by": "somebody else"}
OWN = {"x-hubswitch-request": "1"}


def principal(*roles: str, claim: str = "roles", name: str = "ana@contoso.example", **more: Any) -> str:
    """What App Service would put into the header."""
    claims = [{"typ": "preferred_username", "val": name}, *({"typ": claim, "val": role} for role in roles)]
    body = {"auth_typ": "aad", "name_typ": "x", "role_typ": ROLE_CLAIM, "claims": claims, **more}
    return base64.b64encode(json.dumps(body).encode()).decode()


def signed_in(*roles: str, **more: Any) -> dict[str, str]:
    return {"x-ms-client-principal": principal(*roles, **more)}


def request(headers: dict[str, str], method: str = "GET", params: dict[str, str] | None = None) -> func.HttpRequest:
    return func.HttpRequest(method, "https://x.example/api/status", headers=headers, params=params, body=b"")


def send(caller: Caller, method: str, path: str, headers: dict[str, str], body: Any = None) -> requests.Response:
    """A request without a key, to an app whose setting says that App Service authentication is in front of it."""
    return caller.send(method, path, key=None, headers=headers, json=body)


@pytest.mark.parametrize(
    ("roles", "method", "path", "status"),
    [
        (("Reader",), "GET", "status", 200),
        (("Reader",), "POST", "pairs/demo/pause", 403),
        (("Reader",), "POST", "pairs/demo/approve", 403),
        (("Operator",), "GET", "pairs/demo", 200),
        (("Operator",), "POST", "pairs/demo/acknowledge", 409),
        (("Operator",), "POST", "pairs/demo/approve", 403),
        (("Operator",), "POST", "pairs/demo/reject", 403),
        (("Approver",), "GET", "pairs/demo/explain", 200),
        (("Approver",), "POST", "pairs/demo/approve", 409),
        (("Approver",), "POST", "pairs/demo/failover", 403),
        (("Approver",), "POST", "pause", 403),
        (("Approver",), "POST", "pairs/demo/drill", 403),
        (("Operator", "Approver"), "POST", "pairs/demo/reject", 409),
        ((), "GET", "status", 403),
        (("reader",), "GET", "status", 403),
        (("Owner", "Administrator"), "GET", "status", 403),
    ],
)
def test_a_role_may_what_its_row_says(
    caller: Caller, roles: tuple[str, ...], method: str, path: str, status: int
) -> None:
    """409 is an order that was let in and makes no sense now; 403 names the role that is needed."""
    answer = send(caller, method, path, signed_in(*roles) | OWN, PAUSE if method == "POST" else None)
    assert answer.status_code == status, answer.text
    if status == 403:
        said = answer.json()
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert said["needed"] in said["detail"]
        assert said["needed"] in set(CallerRole)


def test_an_order_carries_who_has_signed_in_and_not_who_the_body_says(caller: Caller) -> None:
    """The name of the token."""
    answer = send(caller, "POST", "pairs/demo/pause", signed_in("Operator") | OWN, PAUSE)
    paused = until(lambda: caller.view()["paused"], "the pause")
    caller.post("pairs/demo/resume", {"reason": "done"})
    until(lambda: caller.view()["paused"] is None, "the end of the pause")
    assert answer.status_code == 202
    assert "ana@contoso.example" in answer.json()["why"]
    assert paused["by"] == "ana@contoso.example"


def test_nobody_may_anything_but_look_at_health(caller: Caller) -> None:
    """Without a key or a login every route that has a role answers 401 with an empty body, as the host does."""
    for route in ROUTES:
        if route.access is RouteAccess.ANYBODY:
            continue
        path = route.path.replace("{pair}", "demo").replace("{id}", "some").replace("{name}", "some")
        for headers in ({}, {"x-functions-key": "wrong"}):
            answer = send(caller, route.methods[0], path, headers | OWN, PAUSE)
            assert (answer.status_code, answer.content) == (401, b""), route.name


def test_machines_keep_their_keys_and_all_rights(caller: Caller) -> None:
    """In the header or in the query; no header of a page is asked of them, and the body says who."""
    paused = caller.post("pairs/demo/pause", PAUSE)
    until(lambda: caller.view()["paused"], "the pause")
    resumed = send(caller, "POST", f"pairs/demo/resume?code={caller.local.key}", {}, PAUSE)
    assert (paused.status_code, resumed.status_code) == (202, 202)
    assert "somebody else" in paused.json()["why"]


def test_deliveries_take_a_key_of_the_host_and_no_login(caller: Caller) -> None:
    """Event Grid and action groups do not sign in; a person has no business there."""
    roles = tuple(CallerRole)
    assert send(caller, "POST", "alerts", signed_in(*roles) | OWN, {"schemaId": "x"}).status_code == 401
    let_in = caller.post("alerts", {"schemaId": "x"})
    assert (let_in.status_code, let_in.json()["title"]) == (400, "Bad Request")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        (OWN, 202),
        (OWN | {"Sec-Fetch-Site": "same-origin", "Origin": "https://anything.example"}, 202),
        (OWN | {"Sec-Fetch-Site": "cross-site"}, 403),
        (OWN | {"Sec-Fetch-Site": "same-site"}, 403),
        (OWN | {"Origin": "https://evil.example"}, 403),
        (OWN | {"Origin": "null"}, 403),
        ({"Authorization": "Bearer x", "Origin": "https://evil.example"}, 202),
    ],
)
def test_an_order_of_a_browser_comes_from_our_own_page(caller: Caller, headers: dict[str, str], status: int) -> None:
    """A page of another site can send a form along with the cookie, and no header of ours; a token is no cookie."""
    answer = send(caller, "POST", "pairs/demo/pause", signed_in("Operator") | headers, PAUSE)
    assert answer.status_code == status, answer.text


def test_the_origin_may_be_this_host(caller: Caller) -> None:
    """Older browsers send no ``Sec-Fetch-Site``."""
    headers = signed_in("Operator") | OWN | {"Origin": caller.local.host.url}
    assert send(caller, "POST", "pairs/demo/pause", headers, PAUSE).status_code == 202


@pytest.mark.parametrize(
    "given",
    [
        "%%%",
        "bm90IGpzb24=",
        base64.b64encode(b"[]").decode(),
        base64.b64encode(b"{}").decode(),
        base64.b64encode(b'{"claims": [{"typ": "roles"}]}').decode(),
        base64.b64encode(b'{"claims": {"roles": "Operator"}}').decode(),
        base64.b64encode(b'{"claims": [{"typ": "roles", "val": ["Operator"]}]}').decode(),
        base64.b64encode(b'{"x": ' + b"[" * 5000).decode(),
    ],
)
def test_a_principal_that_cannot_be_read_opens_nothing(caller: Caller, given: str) -> None:
    """403 and a sentence, whatever is wrong with it."""
    answer = send(caller, "GET", "status", {"x-ms-client-principal": given})
    assert answer.status_code == 403
    assert "cannot be read" in answer.json()["detail"]


@pytest.mark.parametrize("given", ["x" * 70_000, base64.b64encode(b'{"x": ' + b"[" * 40_000).decode()])
def test_a_principal_that_is_too_large_or_too_deep_is_refused(given: str) -> None:
    """More than any host lets through, and nothing breaks."""
    with pytest.raises(UnreadablePrincipal, match="x-ms-client-principal"):
        identify(request({"x-ms-client-principal": given}), ON)


@pytest.mark.parametrize("claim", ["roles", ROLE_CLAIM, "the-type-that-role_typ-names"])
def test_roles_are_found_under_every_name_that_the_platform_gives_them(claim: str) -> None:
    """By the token's own name, by the one that App Service maps it to, and by ``role_typ``."""
    found = identify(request(signed_in("Approver", claim=claim, role_typ=claim)), ON)
    assert found is not None
    assert found.may == {CallerRole.APPROVER, CallerRole.READER}


def test_a_claim_of_another_kind_is_no_role() -> None:
    """A person may well be called Operator."""
    found = identify(request(signed_in("Operator", claim="groups", name="Operator")), ON)
    assert found is not None
    assert (found.name, found.may) == ("Operator", frozenset())


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ([("appid", "11-22"), ("oid", "33")], "11-22"),
        ([("name", "Ana"), ("preferred_username", "ana@contoso.example")], "ana@contoso.example"),
        ([("x", "the one that name_typ names"), ("name", "Ana")], "the one that name_typ names"),
        ([], "a login without a name"),
    ],
)
def test_a_caller_is_called_by_the_best_name_that_there_is(claims: list[tuple[str, str]], name: str) -> None:
    """Applications have no name of a person; nobody who has signed in may choose one in the body."""
    body = {"name_typ": "x", "claims": [{"typ": typ, "val": val} for typ, val in claims]}
    given = base64.b64encode(json.dumps(body).encode()).decode()
    assert caller_of(request({"x-ms-client-principal": given}), ON) == name


def test_keys_are_compared_by_their_digests() -> None:
    """In either case, one of several; an empty key is none."""
    several = settings_from(
        {
            "HUBSWITCH_PLANS": "plans",
            "HUBSWITCH_SIGNED_IN_HEADER": "true",
            "HUBSWITCH_MACHINE_KEYS": f"{digest_of('old')}, {digest_of(KEY).upper()}",
        }
    )
    found = identify(request({"x-functions-key": KEY}), several)
    assert found is not None
    assert (found.name, found.may) == ("", frozenset(CallerRole))
    assert identify(request({"x-functions-key": digest_of(KEY)}), several) is None
    assert identify(request({"x-functions-key": ""}), several) is None


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"HUBSWITCH_MACHINE_KEYS": "the key itself"}, "HUBSWITCH_MACHINE_KEYS"),
        ({"HUBSWITCH_MACHINE_KEYS": f"{digest_of('a')},,{digest_of('b')}"}, "HUBSWITCH_MACHINE_KEYS"),
        ({"HUBSWITCH_SIGNED_IN_HEADER": "true", "WEBSITE_AUTH_ENABLED": "False"}, "HUBSWITCH_SIGNED_IN_HEADER"),
        ({"HUBSWITCH_SIGNED_IN_HEADER": "true", "WEBSITE_SITE_NAME": "func-hubswitch"}, "HUBSWITCH_SIGNED_IN_HEADER"),
    ],
)
def test_settings_that_would_let_anybody_in_are_refused(given: dict[str, str], field: str) -> None:
    """At start, by name; a key that was put there instead of its digest is not told."""
    with pytest.raises(InvalidInput) as caught:
        settings_from({"HUBSWITCH_PLANS": "plans", **given})
    assert caught.value.field == field
    assert "the key itself" not in str(caught.value)


def test_every_row_that_wants_more_than_health_says_which_role() -> None:
    """Reading is for Readers, answers are for Approvers, all other orders are for Operators, deliveries for nobody."""
    found = {(route.methods[0], route.name): route.role for route in ROUTES if route.role is not None}
    answers = {"approve_pair", "reject_pair"}
    assert found == {
        (method, name): CallerRole.READER
        if method == "GET"
        else CallerRole.APPROVER
        if name in answers
        else CallerRole.OPERATOR
        for method, name in found
    }
    without = {route.name for route in ROUTES if route.role is None}
    assert without == {"health_live", "health_ready", "receive_events", "receive_alerts"}
