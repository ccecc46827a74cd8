"""The examples follow a switch: as they stand, but for names, addresses and credentials."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest
import requests
from azure.core.credentials import TokenCredential
from client_values import fill
from waiting import until

from orchestrator.settings import Settings

EXAMPLES = Path(__file__).parents[2] / "client" / "examples"
STORES = '["https://appcs-hubswitch.azconfig.io", "https://appcs-hubswitch-westus3.azconfig.io"]'
STORE = "https://appcs-hubswitch.azconfig.io"

LOOP = """
import sys
for _ in sys.stdin:
    print(ask(), flush=True)
"""

type Ask = Callable[[], str]


class Model(ThreadingHTTPServer):
    """A region's account: every chat is answered with the region's name, or with 503 while it is ill."""

    def __init__(self, region: str) -> None:
        self.region, self.is_ill = region, False
        self.tokens: list[str | None] = []
        super().__init__(("127.0.0.1", 0), _Chat)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Chat(BaseHTTPRequestHandler):
    server: Model

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.tokens.append(self.headers.get("Authorization"))
        message = {"role": "assistant", "content": self.server.region}
        answer = {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-4o",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }
        body = json.dumps({"error": {"code": "503", "message": "ill"}} if self.server.is_ill else answer).encode()
        self.send_response(503 if self.server.is_ill else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def models() -> Iterator[dict[str, Model]]:
    """By region: an account in each region of the first two epochs."""
    made = {fill(epoch).region: Model(fill(epoch).region) for epoch in (1, 2)}
    threads = [threading.Thread(target=each.serve_forever) for each in made.values()]
    for thread in threads:
        thread.start()
    yield made
    for each in made.values():
        each.shutdown()
        each.server_close()
    for thread in threads:
        thread.join()


@pytest.fixture
def begin(
    settings: Settings, signed_in: None, endpoints: list[str], pair: str, tmp_path: Path
) -> Iterator[Callable[[str, str], Ask]]:
    """``begin(example, rest)``: loads an example for our pair and store in a process of its own; gives its ``ask()``.

    The rest defines what is asked. Of its own, since some of these packages change settings of their process.
    """
    del signed_in
    processes: list[subprocess.Popen[str]] = []

    def start(name: str, rest: str) -> Ask:
        text = (EXAMPLES / name).read_text(encoding="utf-8").partition('if __name__ == "__main__":')[0]
        text = text.replace(STORES, repr(endpoints)).replace(STORE, endpoints[0])
        text = text.replace("hubswitch:vision:", f"hubswitch:{pair}:").replace(
            "refresh_interval=30", "refresh_interval=1"
        )
        assert "azconfig.io" not in text
        program = tmp_path / name
        program.write_text(f"{text}\n{rest}\n{LOOP}", encoding="utf-8")
        environment = {
            **os.environ,
            "PYTHONPATH": str(EXAMPLES.parent),
            "REQUESTS_CA_BUNDLE": str(settings.ca_bundle),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # litellm would fetch it from the network
        }
        pipe = subprocess.PIPE
        process = subprocess.Popen([sys.executable, str(program)], env=environment, text=True, stdin=pipe, stdout=pipe)
        processes.append(process)

        def ask() -> str:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        return ask

    yield start
    for process in processes:
        process.communicate(timeout=60)


def test_the_configuration_provider_follows(begin: Callable[[str, str], Ask], publish: Callable[[int], None]) -> None:
    """Whole values, by the key that changes last."""
    publish(1)
    ask = begin("provider.py", "store = open_store()\ndef ask():\n    return find_active(store)['hub']")
    assert ask() == fill(1).hub
    publish(2)
    until(lambda: ask() == fill(2).hub, "the new hub: the provider looks once a second, and after a failure much later")


OPENAI = """
hub = ActiveHub({pair!r}, STORES, max_age=0, connection_timeout=60, read_timeout=60)
models = RegionalModels(hub, {accounts!r}, lambda: "a-token")
def ask():
    said = models.active().chat.completions.create(model="gpt-4o", messages=[{{"role": "user", "content": "?"}}])
    return said.choices[0].message.content
"""


@pytest.mark.skipif(find_spec("openai") is None, reason="openai is not installed: make examples")
def test_the_model_of_the_active_region_is_asked(
    begin: Callable[[str, str], Ask], publish: Callable[[int], None], models: dict[str, Model], pair: str
) -> None:
    """From the first call after a switch, with a token of Entra ID."""
    publish(1)
    accounts = {region: f"{each.url}/openai/v1/" for region, each in models.items()}
    ask = begin("openai_models.py", OPENAI.format(pair=pair, accounts=accounts))
    assert ask() == fill(1).region
    publish(2)
    assert [ask(), ask()] == [fill(2).region] * 2
    assert models[fill(1).region].tokens == ["Bearer a-token"]


LITELLM = """
hub = ActiveHub({pair!r}, STORES, max_age=0, connection_timeout=60, read_timeout=60)
router = make_router({accounts!r}, lambda: "a-token")
def ask():
    return complete(router, hub, [{{"role": "user", "content": "?"}}]).choices[0].message.content
"""


@pytest.mark.skipif(find_spec("litellm") is None, reason="litellm is not installed: make examples")
def test_the_router_asks_the_group_of_the_active_region(
    begin: Callable[[str, str], Ask], publish: Callable[[int], None], models: dict[str, Model], pair: str
) -> None:
    """And the other one while the model there is ill, without a switch."""
    publish(1)
    ask = begin(
        "litellm_models.py", LITELLM.format(pair=pair, accounts={name: each.url for name, each in models.items()})
    )
    assert ask() == fill(1).region
    models[fill(1).region].is_ill = True
    assert ask() == fill(2).region
    models[fill(1).region].is_ill = False
    assert ask() == fill(1).region
    publish(2)
    assert ask() == fill(2).region


def test_what_the_gateway_asks_is_answered_with_the_pointer(
    settings: Settings, executor: TokenCredential, publish: Callable[[int], None], endpoints: list[str], pair: str
) -> None:
    """Its request and the way to the region in the answer. Azure API Management itself runs nowhere but in Azure."""
    publish(2)
    policy = ET.parse(EXAMPLES / "apim-policy.xml")  # noqa: S314 - our own file
    (request,) = policy.iter("send-request")
    (identity,) = request.iter("authentication-managed-identity")
    url = str(request.findtext("set-url")).replace(STORE, endpoints[0]).replace("vision", pair)
    token = executor.get_token(f"{identity.attrib['resource']}/.default").token
    answer = requests.request(
        str(request.findtext("set-method")),
        url,
        headers={"Authorization": f"Bearer {token}"},
        verify=str(settings.ca_bundle),
        timeout=60,
    )
    assert answer.status_code == 200
    (region,) = (each.attrib["value"] for each in policy.iter("set-variable"))
    outer, inner = re.findall(r'\["(\w+)"\]', region.partition("Body")[2])
    assert json.loads(answer.json()[outer])[inner] == fill(2).region


def test_every_way_through_the_policy_ends_with_a_backend() -> None:
    """A region is known on each branch before the backend is chosen by it, and is kept for thirty seconds."""
    policy = ET.parse(EXAMPLES / "apim-policy.xml")  # noqa: S314 - our own file
    inbound = policy.find("inbound")
    assert inbound is not None
    assert [each.tag for each in inbound] == ["base", "cache-lookup-value", "choose", "set-backend-service"]
    asked, last = policy.iter("cache-lookup-value")
    assert (asked.attrib["variable-name"], last.attrib["variable-name"]) == ("region", "region")
    assert last.attrib["default-value"]
    stored = {each.attrib["key"]: each.attrib["duration"] for each in policy.iter("cache-store-value")}
    assert stored == {last.attrib["key"]: "86400", asked.attrib["key"]: "30"}
    assert "Variables" in inbound[-1].attrib["backend-id"]
    assert "region" in inbound[-1].attrib["backend-id"]
