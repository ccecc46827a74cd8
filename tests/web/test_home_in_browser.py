"""The home page in a real browser: it takes a key or a login, keeps itself up to date, and gives orders."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from browsing import BROWSER, browser, tab
from home_page import do, entered, give, overflow, wait
from live import Caller, live, until

from orchestrator.local.session import Local, variables

WIDTHS = (320, 390, 1280)
HOSTILE = "<img src=x onerror=\"document.title='run'\"> & <script>document.title='run'</script>"
BUTTONS = "[...document.querySelectorAll('main button')].map(b => b.dataset.do)"
CALM = '["pause","failover","drill"]'
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no browser on this machine")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with browser(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture(scope="module")
def local() -> Iterator[Local]:
    """An app that people enter with a key."""
    with live() as running, Caller(running) as caller:
        caller.settled_down()
        yield running


def test_a_key_opens_the_page_and_is_kept_in_the_tab_alone(place: str, local: Local) -> None:
    """In no address, no cookie, and nowhere that outlives the tab; the browser complains of the 401 alone."""

    async def look() -> dict[str, Any]:
        async with entered(place, local) as one:
            # A slow answer makes a pair suspect for a look, and then other buttons are offered.
            await wait(one, f"JSON.stringify({BUTTONS}) === '{CALM}'", "the buttons of a pair at rest")
            await wait(one, "document.getElementById('age').textContent.startsWith('up to date')", "the age")
            return {
                "addresses": [told["request"]["url"] for told in one.told("Network.requestWillBeSent")],
                "cookies": await one.value("document.cookie"),
                "lasting": await one.value("Object.keys(localStorage).length"),
                "complaints": [told["entry"]["text"] for told in one.told("Log.entryAdded")],
            }

    found = asyncio.run(look())
    assert len(found["addresses"]) > 2
    assert not [address for address in found["addresses"] if local.key in address or "code=" in address]
    assert (found["cookies"], found["lasting"]) == ("", 0)
    assert [text for text in found["complaints"] if "401" not in text] == []


def test_a_wrong_key_is_forgotten_and_asked_for_again(place: str, local: Local) -> None:
    """Nothing of any pair is shown meanwhile."""

    async def look() -> tuple[str, Any, int]:
        async with entered(place, local) as one:
            await do(one, "sessionStorage.setItem('hubswitch-key', 'wrong')")
            await do(one, "document.getElementById('again').click()")
            await wait(one, "!document.getElementById('entry').hidden", "the question for a key")
            return (
                await one.value("document.getElementById('entry-why').textContent"),
                await one.value("sessionStorage.getItem('hubswitch-key')"),
                await one.value("document.querySelectorAll('main article').length"),
            )

    assert asyncio.run(look()) == ("That key is not one that the app knows.", None, 0)


def test_an_order_needs_a_reason_and_shows_on_the_page_by_itself(place: str, local: Local) -> None:
    """Word for word and as text, whatever is in it; the focus comes back to the pair's buttons."""

    async def look() -> dict[str, Any]:
        found: dict[str, Any] = {}
        async with entered(place, local) as one:
            await give(one, "pause", "   ")
            found["refused"] = await one.value("document.getElementById('order-fault').textContent")
            found["open"] = await one.value("document.getElementById('order').open")
            await do(one, "document.getElementById('order-cancel').click()")
            await give(one, "pause", HOSTILE)
            await wait(one, "document.querySelector('main button[data-do=resume]')", "the end of the order")
            found["text"] = await one.value("document.querySelector('main').textContent")
            found["title"] = await one.value("document.title")
            found["told"] = await one.value("document.getElementById('told').textContent")
            for width in WIDTHS:
                found[width] = await overflow(one, width)
            await give(one, "resume", "it was practice")
            await wait(one, "document.querySelector('main button[data-do=pause]')", "the end of the pause")
        return found

    found = asyncio.run(look())
    assert (found["refused"], found["open"]) == ("A reason is needed.", True)
    assert HOSTILE in found["text"]
    assert "ana" in found["text"]
    assert found["title"] == "1 pair needs a look | hubswitch"
    assert found["told"]
    assert {width: found[width] for width in WIDTHS} == dict.fromkeys(WIDTHS, 0)


def test_a_rule_leads_to_what_it_means_and_stays_open(place: str, local: Local) -> None:
    """Also when the page renews itself meanwhile; what was folded beside it stays folded."""

    async def look() -> dict[str, Any]:
        found: dict[str, Any] = {}
        async with entered(place, local) as one:
            await give(one, "pause", "practice")
            await wait(one, "document.querySelector('main a[href=\"#rule-demo-hold.paused\"]')", "the rule")
            await do(one, "document.querySelector('main a[href=\"#rule-demo-hold.paused\"]').click()")
            await wait(one, "document.getElementById('rules-demo').open", "the explanation")
            await do(one, "document.getElementById('rules-demo').dataset.old = 'yes'")
            await do(one, "document.getElementById('again').click()")
            await wait(one, "!document.getElementById('rules-demo').dataset.old", "the renewed page")
            found["open"] = await one.value("[...document.querySelectorAll('main details[open]')].map(d => d.id)")
            found["portal"] = await one.value(
                "[...document.querySelectorAll('main a[target=_blank]')].map(a => a.host)"
            )
            found["wide"] = [await overflow(one, width) for width in WIDTHS]
            await give(one, "resume", "it was practice")
            await wait(one, "document.querySelector('main button[data-do=pause]')", "the end of the pause")
        return found

    found = asyncio.run(look())
    assert found == {"open": ["rules-demo"], "portal": ["portal.azure.com"] * 2, "wide": [0] * len(WIDTHS)}


def test_what_the_app_refuses_is_said_where_it_was_asked_for(place: str, local: Local) -> None:
    """The dialog stays, with the sentence; nothing typed is lost."""

    async def look() -> tuple[str, str]:
        async with entered(place, local) as one:
            await give(one, "pause", "practice", instead="failback")
            await wait(one, "!document.getElementById('order-fault').hidden", "the refusal")
            return (
                await one.value("document.getElementById('order-fault').textContent"),
                await one.value("document.getElementById('reason').value"),
            )

    said, reason = asyncio.run(look())
    assert "nothing to go back from" in said
    assert reason == "practice"


def test_a_partial_drill_asks_for_its_workload(place: str, local: Local) -> None:
    """The field is there for this kind alone, and what it holds is sent; without it the app says what it wants."""

    async def look() -> dict[str, Any]:
        async with entered(place, local) as one:
            found: dict[str, Any] = {}
            row = "document.getElementById('workload-row')"
            button = "document.querySelector('main button[data-do=drill]')"
            await wait(one, f"(b => b && (b.click(), true))({button})", "the button drill")
            found["at first"] = await one.value(f"{row}.hidden")
            await do(
                one,
                "const kind = document.getElementById('kind'); kind.value = 'partial'; "
                "kind.dispatchEvent(new Event('change')); document.getElementById('reason').value = 'practice'; "
                "document.getElementById('by').value = 'ana'; document.getElementById('order-go').click()",
            )
            found["shown"] = not await one.value(f"{row}.hidden")
            await wait(one, "!document.getElementById('order-fault').hidden", "the refusal")
            found["refused"] = await one.value("document.getElementById('order-fault').textContent")
            await do(one, "document.getElementById('workload').value = 'nightly'")
            # On a busy machine the pair may be suspect for a look: then the order is refused, and sent again.
            send = "(b => (b.disabled || b.click(), false))(document.getElementById('order-go'))"
            await wait(one, f"!document.getElementById('order').open || {send}", "the order handed over")
            sent = [told["request"].get("postData") for told in one.told("Network.requestWillBeSent")]
            found["sent"] = [json.loads(body) for body in sent if body][-1]
            return found

    found = asyncio.run(look())
    assert (found["at first"], found["shown"]) == (True, True)
    assert "workload" in found["refused"]
    sent = {"reason": "practice", "by": "ana", "kind": "partial", "workload": "nightly"}
    assert found["sent"] == sent


def test_a_page_that_gets_no_news_says_so_and_looks_so(place: str, local: Local) -> None:
    """At once that the app does not answer, then how old it is; with the next answer all of that is gone."""

    async def look() -> dict[str, Any]:
        found: dict[str, Any] = {}
        async with entered(place, local) as one:
            await do(one, "window.real = [fetch, Date.now]", "window.fetch = async () => { throw new Error('gone') }")
            await do(one, "document.getElementById('again').click()")
            await wait(one, "!document.getElementById('fault').hidden", "the complaint")
            found["fault"] = await one.value("document.getElementById('fault').textContent")
            await do(one, "Date.now = () => window.real[1].call(Date) + 90000")
            await wait(one, "document.body.classList.contains('stale')", "the look of age")
            found["age"] = await one.value("document.getElementById('age').textContent")
            found["articles"] = await one.value("document.querySelectorAll('main article').length")
            await do(one, "[window.fetch, Date.now] = window.real", "document.getElementById('again').click()")
            await wait(one, "document.getElementById('fault').hidden", "the news")
            found["stale"] = await one.value("document.body.classList.contains('stale')")
        return found

    found = asyncio.run(look())
    assert "does not answer" in found["fault"]
    assert found["age"].startswith("STALE: last news more than")
    assert (found["articles"], found["stale"]) == (1, False)


@pytest.mark.parametrize(
    ("roles", "buttons"),
    [(("Reader",), []), (("Approver",), []), (("Operator",), ["pause", "failover", "drill"])],
)
def test_whoever_has_signed_in_sees_the_buttons_of_their_role(
    place: str, roles: tuple[str, ...], buttons: list[str], signed_in: Local
) -> None:
    """No key, no name to type; an order goes out with the login's name."""

    async def look() -> tuple[list[str], bool, bool]:
        claims = [{"typ": "roles", "val": role} for role in roles] + [{"typ": "name", "val": "ben"}]
        header = base64.b64encode(json.dumps({"claims": claims}).encode()).decode()
        async with tab(place) as one:
            await one.ask("Network.enable")
            await one.ask("Network.setExtraHTTPHeaders", headers={"X-MS-CLIENT-PRINCIPAL": header})
            await one.opened(f"{signed_in.host.url}/")
            await wait(one, "document.querySelector('main article')", "the pair")
            await wait(one, f"JSON.stringify({BUTTONS}) === JSON.stringify({json.dumps(buttons)})", "the buttons")
            found = await one.value(BUTTONS)
            entry = await one.value("document.getElementById('entry').hidden")
            name = await one.value("document.getElementById('by') === null")
            if found:
                await give(one, "pause", "practice")
                await wait(one, "document.querySelector('main button[data-do=resume]')", "the pause")
            return found, entry, name

    assert asyncio.run(look()) == (buttons, True, True)
    if buttons:
        with Caller(signed_in) as caller:
            assert until(lambda: caller.view()["paused"], "the pause")["by"] == "ben"


@pytest.fixture(scope="module")
def signed_in(local: Local) -> Iterator[Local]:
    """An app behind App Service authentication, as far as it can tell."""
    del local  # its environment is done with by now
    with variables({"HUBSWITCH_SIGNED_IN_HEADER": "true"}), live(seed=6) as running, Caller(running) as caller:
        caller.settled_down()
        yield running
