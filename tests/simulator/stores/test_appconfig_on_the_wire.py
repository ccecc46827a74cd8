"""App Configuration as a plain HTTP client finds it: formats, headers, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import requests
from stores_support import Credential, Host

from orchestrator.simulator.services import Kernel
from orchestrator.simulator.stores.appconfig import ConfigurationStore

VERSION = "api-version=2024-09-01"


@pytest.fixture
def store(kernel: Kernel) -> ConfigurationStore:
    return ConfigurationStore(kernel, replicas=0)


@pytest.fixture
def url(store: ConfigurationStore, host: Host) -> str:
    return host.serve(store.routes())


@pytest.fixture
def http(host: Host, credential: Credential) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.verify = host.ca
        session.headers.update(credential.bearer("https://azconfig.io"))
        yield session


def test_a_request_without_a_token_is_challenged(url: str, host: Host) -> None:
    """401 with both schemes; a bad token is called invalid."""
    for token, expected in (
        (None, "HMAC-SHA256, Bearer"),
        ("x", 'HMAC-SHA256, Bearer error="invalid_token", error_description="Authorization token failed validation"'),
    ):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = requests.get(f"{url}/kv/a?{VERSION}", headers=headers, verify=host.ca, timeout=60)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, expected)


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("", "API version is not specified"),
        ("api-version=2099-01-01", "Unsupported API version"),
        ("api-version=1.0&api-version=2023-11-01", "Ambiguous API version"),
    ],
)
def test_the_version_must_be_one_that_is_known(url: str, http: requests.Session, query: str, title: str) -> None:
    """400 as problem details that name the parameter."""
    answer = http.get(f"{url}/kv?{query}")
    assert answer.status_code == 400
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert {name: answer.json()[name] for name in ("title", "name", "status")} == {
        "title": title,
        "name": "api-version",
        "status": 400,
    }


def test_answers_have_the_services_own_types(url: str, http: requests.Session, store: ConfigurationStore) -> None:
    """One media type for a key-value and one for each kind of set."""
    store.put("a", "1", "prod")
    kinds = {
        path: http.get(f"{url}/{path}{'&' if '?' in path else '?'}{VERSION}").headers["Content-Type"].partition(";")[0]
        for path in ("kv/a?label=prod", "kv", "keys", "labels", "revisions")
    }
    prefix = "application/vnd.microsoft.appconfig."
    assert kinds == {
        "kv/a?label=prod": f"{prefix}kv+json",
        "kv": f"{prefix}kvset+json",
        "keys": f"{prefix}keyset+json",
        "labels": f"{prefix}labelset+json",
        "revisions": f"{prefix}kvset+json",
    }


def test_a_key_value_has_an_etag_in_head_and_body(url: str, http: requests.Session, store: ConfigurationStore) -> None:
    """Both are the same; HEAD sends the head alone, and a zero label means none."""
    etag = store.put("a/b c", "1")
    for path in ("a%2Fb%20c", "a/b%20c", "a%2Fb%20c?label=%00"):
        separator = "&" if "?" in path else "?"
        answer = http.get(f"{url}/kv/{path}{separator}{VERSION}")
        assert (answer.headers["ETag"], answer.json()["etag"], answer.json()["label"]) == (f'"{etag}"', etag, None)
    head = http.head(f"{url}/kv/a%2Fb%20c?{VERSION}")
    assert (head.status_code, head.content, head.headers["ETag"]) == (200, b"", f'"{etag}"')


def test_names_are_listed_in_pages(url: str, http: requests.Session, store: ConfigurationStore) -> None:
    """Keys and labels come once each, and the next link leads through all of them."""
    store.page_size = 2
    for key, label in (("a", None), ("a", "x"), ("b", "y"), ("c", None)):
        store.put(key, "1", label)
    for path, expected in (("keys", ["a", "b", "c"]), ("labels", [None, "x", "y"])):
        found, link = [], f"/{path}?{VERSION}"
        while link:
            page = http.get(url + link).json()
            found += [item["name"] for item in page["items"]]
            link = page.get("@nextLink", "")
        assert found == expected


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"{", "model"),
        (b"[]", "model"),
        (b'{"value": 1}', "value"),
        (b'{"content_type": {}}', "content_type"),
        (b'{"tags": {"a": 1}}', "tags"),
    ],
)
def test_bodies_that_are_not_right_are_refused(
    url: str, http: requests.Session, store: ConfigurationStore, body: bytes, name: str
) -> None:
    """400 that names the field; nothing is written."""
    answer = http.put(f"{url}/kv/a?{VERSION}", data=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["name"]) == (400, name)
    assert store.get("a") is None


def test_a_body_must_be_json(url: str, http: requests.Session) -> None:
    """415 for another media type."""
    answer = http.put(f"{url}/kv/a?{VERSION}", data=b"{}", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415


@pytest.mark.parametrize("key", ["%2E%2E%2e", "k" * 257, "a%01"])
def test_keys_are_checked(url: str, http: requests.Session, key: str) -> None:
    """Too long, or with a control character: 400. Dots are no problem unless they are all there is."""
    body = json.dumps({"value": "1"})
    answer = http.put(f"{url}/kv/{key}?{VERSION}", data=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == (200 if "2E" in key else 400)


def test_a_locked_key_is_told_as_a_problem(url: str, http: requests.Session, store: ConfigurationStore) -> None:
    """409 key-locked, with the key's name."""
    store.put("a", "1")
    assert http.put(f"{url}/locks/a?{VERSION}").json()["locked"] is True
    answer = http.delete(f"{url}/kv/a?{VERSION}")
    assert (answer.status_code, answer.json()["type"]) == (409, "https://azconfig.io/errors/key-locked")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/kv/a", 405),
        ("PUT", "/kv", 405),
        ("GET", "/locks/a", 405),
        ("GET", "/snapshots/s", 501),
        ("GET", "/kv?snapshot=s", 501),
        ("GET", "/elsewhere", 404),
        ("GET", "/kv/none", 404),
    ],
)
def test_what_is_not_there_is_said(url: str, http: requests.Session, method: str, path: str, status: int) -> None:
    """Wrong methods, unknown paths, and what the real service has and this one has not."""
    assert http.request(method, f"{url}{path}{'&' if '?' in path else '?'}{VERSION}").status_code == status


def test_a_condition_on_a_list_holds_for_the_page(url: str, http: requests.Session, store: ConfigurationStore) -> None:
    """If-Match with another ETag is 412; If-None-Match with the page's own is 304 and still links the next page."""
    store.page_size = 1
    store.put("a", "1")
    etag = http.get(f"{url}/kv?{VERSION}").headers["ETag"]
    same = http.get(f"{url}/kv?{VERSION}", headers={"If-None-Match": etag})
    assert (same.status_code, same.headers["ETag"], 'rel="next"' in same.headers["Link"]) == (304, etag, True)
    assert http.get(f"{url}/kv?{VERSION}", headers={"If-Match": '"x"'}).status_code == 412


def test_sync_tokens_count_writes(url: str, http: requests.Session, store: ConfigurationStore) -> None:
    """The sequence number rises with every write and not with reads; tokens that mean nothing are passed over."""
    store.put("a", "1")
    first = http.get(f"{url}/kv/a?{VERSION}", headers={"Sync-Token": "zzz=bm8=;sn=9,,=;x"}).headers["Sync-Token"]
    store.put("a", "2")
    second = http.get(f"{url}/kv/a?{VERSION}").headers["Sync-Token"]
    assert [token.partition(";sn=")[2] for token in (first, second)] == ["1", "2"]
