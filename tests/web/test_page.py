"""The page needs nothing but itself, tells everything in words, and lets nothing through that is not text."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from stories import START, Story

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.evidence_classes import MEANINGS
from orchestrator.core.base.text import format_duration
from orchestrator.core.base.vocabulary import EvidenceClass, Observation, Phase
from orchestrator.web.guidance import WIDTH
from orchestrator.web.page import HEADERS, MARKS, TONES, PageScope, home_page, number_in_full, status_page
from orchestrator.web.portal import PORTAL, portal_links
from orchestrator.web.views import UNKNOWN, pair_view, status_view

TEMPLATE_SCHEMES = ("light", "dark")
TONE_NAMES = ("good", "warn", "bad", "busy", "blind", "mute")


class Outline(HTMLParser):
    """Elements, in order, with their attributes; and the texts between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def looks(number: int) -> list[dict[str, object]]:
    """Looks at a standby, one each half hour, of which one in ten found it not ready."""
    return [
        {"at": START + timedelta(minutes=30 * n), "score": 100 - n % 10 * 4, "ready": n % 10 < 9} for n in range(number)
    ]


@pytest.fixture
def everything(plan_of: Any, quiet: Story, suspect: Story, moved: Story) -> str:
    """A page with a pair in every situation."""
    unreadable = InvalidInput("state of broken", "phase", "steady or suspect", "'sleeping'")
    views = [
        pair_view(plan_of("broken"), unreadable, START),
        pair_view(plan_of("research"), suspect.state, suspect.now),
        pair_view(plan_of("serving"), moved.state, moved.now)
        | {"portal": portal_links(plan_of("serving")), "trend": looks(96)},
        pair_view(plan_of("fresh"), None, START),
        pair_view(plan_of("vision"), quiet.state, quiet.now),
    ]
    jobs = {"research": {"running": 412, "waiting": 3}, "serving": None, "vision": {}}
    behind = {
        "research": {"jobs": 2, "assets": 3, "since": "2026-03-01T08:00:00Z", "running": 412},
        "serving": None,
        "vision": {"jobs": 0, "assets": 0, "since": None, "running": 1},
    }
    return status_page(views, suspect.now, jobs=jobs, behind=behind)


def test_how_far_a_standby_is_behind_is_told_with_the_oldest(everything: str) -> None:
    """Numbers and since when; nothing where it is not known; all is well in one sentence."""
    text = " ".join(everything.split())
    assert "2 of 412 running jobs need 3 assets that are not in the standby yet" in text
    assert "the oldest since 2026-03-01 08:00:00 UTC" in text
    assert "Everything that the 1 running job needs is in the standby." in text
    assert text.count("Replication to the standby") == 2


def test_the_page_loads_nothing_and_runs_nothing(everything: str) -> None:
    """No script, no picture, no font, no style from elsewhere; of links to elsewhere only those to the portal."""
    outline = Outline(everything)
    loading = {"script", "img", "iframe", "object", "embed", "form", "base", "video", "audio"}
    assert everything.startswith("<!DOCTYPE html>")
    assert {tag for tag, _ in outline.elements} & loading == set()
    assert [link["href"] for link in outline.all("link")] == ["data:,"]
    links = [link["href"] or "" for link in outline.all("a")]
    ours = ("#pair-", "#rule-", "#jobs-", "/api/")
    assert [link for link in links if not link.startswith((*ours, PORTAL))] == []
    portal = [link for link in outline.all("a") if (link["href"] or "").startswith(PORTAL)]
    assert len(portal) == 2
    assert all(link["rel"] == "noreferrer noopener" for link in portal)
    assert "url(" not in everything
    assert "@import" not in everything
    assert "http" not in everything.replace("http-equiv", "").replace(f'href="{PORTAL}', "")


def test_hostile_text_stays_text(everything: str, hostile: str) -> None:
    """A reason is typed by people and by senders of events; no element comes of it, and it is shown as it is."""
    outline = Outline(everything)
    assert hostile not in everything
    assert "<script>alert(1)</script>" in outline.text
    assert not [name for _, attributes in outline.elements for name in attributes if name.startswith("on")]


def test_hostile_text_in_an_unreadable_state_stays_text(plan_of: Any, hostile: str) -> None:
    """What cannot be read is quoted in the complaint."""
    view = pair_view(plan_of("broken"), InvalidInput("state", "phase", "a phase", hostile), START)
    assert "<script" not in status_page([view], START)


def test_every_pair_stands_in_the_overview_and_has_its_place(everything: str) -> None:
    """Links and places match."""
    outline = Outline(everything)
    places = [article["id"] for article in outline.all("article")]
    assert places == [f"pair-{name}" for name in ("broken", "research", "serving", "fresh", "vision")]
    within = [str(link["href"]) for link in outline.all("a") if str(link["href"]).startswith("#")]
    assert [link for link in within if link.startswith("#pair-")] == [f"#{place}" for place in places]
    ids = {attributes["id"] for _, attributes in outline.elements if "id" in attributes}
    assert {link.removeprefix("#") for link in within} <= ids


def test_tables_can_be_read_aloud(everything: str) -> None:
    """Every table has a caption and headers with a scope; every scrolling part can be reached and has a name."""
    outline = Outline(everything)
    assert len(outline.all("caption")) == len(outline.all("table")) > 4
    assert {header.get("scope") for header in outline.all("th")} == {"col", "row"}
    scrolling = [attributes for _, attributes in outline.elements if attributes.get("class") == "scroll"]
    assert all(part["tabindex"] == "0" and part["aria-label"] for part in scrolling)
    assert outline.all("html") == [{"lang": "en"}]
    assert len(outline.all("h1")) == 1
    assert len(outline.all("main")) == 1


def test_ids_are_unique(everything: str) -> None:
    """Links and names would lead astray otherwise."""
    found = [attributes["id"] for _, attributes in Outline(everything).elements if "id" in attributes]
    assert len(found) == len(set(found))


def test_what_is_seen_is_told_in_words(everything: str) -> None:
    """Colour only repeats it: every verdict's word is there, and its reason."""
    text = Outline(everything).text
    for words in ("unreadable", "suspect", "settled", "steady", "bad", "ok", "blind", "no evidence", "paused"):
        assert words in text
    assert "hub probe: primary.hub is bad" in text


def test_every_word_that_can_be_shown_has_its_colour_and_its_mark() -> None:
    """A phase or an observation that is added later must be given one."""
    assert {*Phase, *Observation, None} <= TONES.keys()
    assert set(TONES.values()) == MARKS.keys() == set(TONE_NAMES)
    assert list(MEANINGS) == list(EvidenceClass)


def test_an_unknown_word_is_shown_as_bad() -> None:
    """A newer version's phase is told in its own words, and not as if all were well."""
    view = {"pair": "p", "phase": "dancing", "why": "w", "headline": "h"}
    page = status_page([dict.fromkeys(UNKNOWN) | view], START)
    assert 'class="badge bad"><span aria-hidden="true">✕</span> dancing' in page


def test_jobs_are_counted_or_said_not_to_be(everything: str) -> None:
    """A number, none yet, or not in time."""
    text = Outline(everything).text
    assert "412" in text
    assert "could not be counted" in text
    assert "None yet" in text


def test_older_entries_of_the_journal_are_folded_away(plan_of: Any, suspect: Story) -> None:
    """They are there, one click away."""
    view = pair_view(plan_of(), suspect.state, suspect.now)
    entries = view["journal"][:1] * 10
    outline = Outline(status_page([view | {"journal": entries}], suspect.now))
    assert [details["id"] for details in outline.all("details")] == ["older-research", "rules-research"]
    assert "4 older entries" in outline.text


@pytest.mark.parametrize(
    ("refresh", "told"), [(None, "stands still"), (30, "every 30 seconds"), (0, "every 5 seconds")]
)
def test_the_page_says_whether_it_reloads_itself(refresh: int | None, told: str) -> None:
    """And does so only if asked, not too often."""
    page = status_page([], START, scope=PageScope(refresh=refresh))
    assert told in page
    assert ('http-equiv="refresh"' in page) == (refresh is not None)


def test_the_title_says_whether_anybody_is_needed(plan_of: Any, quiet: Story, suspect: Story) -> None:
    """It is read in a tab, without opening it."""
    calm = pair_view(plan_of("calm"), quiet.state, quiet.now)
    ill = pair_view(plan_of("ill"), suspect.state, suspect.now)
    assert "<title>all quiet | hubswitch</title>" in status_page([calm], START)
    assert "<title>1 pair needs a look | hubswitch</title>" in status_page([ill, calm], START)
    assert "<title>2 pairs need a look | hubswitch</title>" in status_page([ill, ill], START)


def test_the_page_may_neither_be_framed_nor_cached() -> None:
    """Its address may hold a key."""
    assert "frame-ancestors 'none'" in HEADERS["Content-Security-Policy"]
    assert HEADERS["Content-Security-Policy"].startswith(
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:;"
    )


def test_buttons_are_there_for_those_who_may_and_hidden_without_a_script(plan_of: Any, suspect: Story) -> None:
    """They do nothing by themselves: the home page's script shows them."""
    view = pair_view(plan_of("ill"), suspect.state, suspect.now)
    scope = PageScope(may=frozenset({"operate"}))
    buttons = [each["data-do"] for each in Outline(status_page([view], START, scope=scope)).all("button")]
    assert buttons == ["resume", "failover", "drill"]
    assert Outline(status_page([view], START)).all("button") == []
    groups = [
        each
        for _, each in Outline(status_page([view], START, scope=scope)).elements
        if "actions" in str(each.get("class"))
    ]
    assert all("hidden" in each for each in groups)


def test_the_trend_of_the_readiness_is_drawn_and_told(plan_of: Any, quiet: Story) -> None:
    """One line of the same numbers as the sentence; of a standby that was looked at once there is no trend."""
    view = pair_view(plan_of(), quiet.state, quiet.now)
    outline = Outline(status_page([view | {"trend": looks(11)}], quiet.now))
    (line,) = outline.all("polyline")
    assert len((line["points"] or "").split()) == 11
    assert len(outline.all("circle")) == 2
    assert "Readiness from 100 to 100 in 5 h, lowest 64; not ready in 1 of 11 looks" in outline.text
    assert not Outline(status_page([view | {"trend": looks(1)}], quiet.now)).all("polyline")


def test_each_rule_that_is_named_is_explained_on_the_page(plan_of: Any, suspect: Story) -> None:
    """A link leads from the rule to what it means and what to do; no other rule is there."""
    view = pair_view(plan_of(), suspect.state, suspect.now)
    outline = Outline(status_page([view], suspect.now))
    explained = {
        attributes["id"] for _, attributes in outline.elements if str(attributes.get("id")).startswith("rule-")
    }
    linked = {str(link["href"])[1:] for link in outline.all("a") if str(link["href"]).startswith("#rule-")}
    assert explained == linked
    assert {"rule-research-hold.paused", "rule-research-suspect"} <= explained
    assert "Ask them; resume." in outline.text
    assert "rule-research-hold.mass" not in explained


def test_what_comes_next_is_counted_down(plan_of: Any, moved: Story) -> None:
    """In words without a script, for the script as a time, and as a bar from the beginning of the phase."""
    at = moved.now + timedelta(minutes=10)
    view = pair_view(plan_of(), moved.state, at)
    ends = view["next"]["at"]
    page = status_page([view], at)
    outline = Outline(page)
    counted = [attributes["data-until"] for _, attributes in outline.elements if "data-until" in attributes]
    assert counted == [ends.isoformat()] * 2
    assert f"Until the cooldown ends (in {format_duration(ends - at)})" in outline.text
    bar = page.partition('class="wait"')[2].partition("</svg>")[0]
    share = (at - moved.state.phase_since) / (ends - moved.state.phase_since)
    assert f"{round(share * 100)} % of the wait is over" in bar
    (width,) = re.findall(r'width="([0-9.]+)"', bar)
    assert float(width) == pytest.approx(share * WIDTH, abs=1)
    assert "(any moment)" in status_page([view], ends + timedelta(seconds=1))


@pytest.mark.parametrize("number", [2, 1000])
def test_a_thousand_pairs_are_a_small_page_with_those_first_that_need_a_look(
    plan_of: Any, quiet: Story, suspect: Story, number: int
) -> None:
    """Below 300 KB, in a fault of them all too: one line each, and only the first in full; the others by a click."""
    plans = {f"pair-{number:04}": plan_of(f"pair-{number:04}") for number in range(1000)}
    ill = {"pair-0500", "pair-0999"} if number == 2 else set(plans)
    states = {pair: suspect.state if pair in ill else quiet.state for pair in plans}
    lines = status_view(plans, states, quiet.now)["pairs"]
    views = [
        pair_view(plans[line["pair"]], states[line["pair"]], quiet.now)
        | {"trend": looks(96), "portal": portal_links(plans[line["pair"]])}
        for line in lines[: number_in_full(1000)]
    ]
    page = status_page(views, quiet.now, scope=PageScope(lines=lines))
    outline = Outline(page)
    others = ("/api/", "#rule-", "#jobs-", PORTAL)
    links = [link["href"] for link in outline.all("a") if not str(link["href"]).startswith(others)]
    assert len(page.encode()) < 300_000
    assert len(outline.all("article")) == number_in_full(1000) < number_in_full(12) == 12
    assert len(links) == 1000
    assert set(links[:2]) <= {f"#pair-{pair}" for pair in ill}
    assert str(links[-1]).startswith("?pair=pair-099")
    assert f"{number} of 1000 pairs need a look" in page


@pytest.mark.parametrize("sign_in", [True, False])
def test_the_home_page_lets_only_its_own_style_and_script_run(*, sign_in: bool) -> None:
    """By their hashes: whatever else came into it would not be carried out. It holds nothing of any pair."""
    page, headers = home_page(sign_in=sign_in)
    policy = headers["Content-Security-Policy"]
    outline = Outline(page)
    for tag in ("style", "script"):
        (text,) = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none';")
    assert "connect-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert not [
        name for _, attributes in outline.elements for name in attributes if name.startswith("on") or name == "style"
    ]
    assert outline.all("script") == [{}]
    assert ("/.auth/login/aad" in page) == sign_in


def test_everything_on_the_home_page_that_takes_input_has_a_label() -> None:
    """For those who hear it."""
    outline = Outline(home_page(sign_in=False)[0])
    labels = {each.get("for") for each in outline.all("label")}
    fields = [*outline.all("input"), *outline.all("textarea"), *outline.all("select")]
    assert [each["id"] for each in fields if each.get("type") != "checkbox" and each["id"] not in labels] == []
    assert all("aria-labelledby" in each for each in outline.all("dialog"))


def _colours(page: str, scheme: str) -> dict[str, str]:
    """The colours of one scheme, by name."""
    blocks = re.findall(r":root \{(.*?)\}", page, re.DOTALL)
    text = blocks[TEMPLATE_SCHEMES.index(scheme)]
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", text))


def _luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", TEMPLATE_SCHEMES)
def test_texts_stand_out_from_what_they_are_written_on(everything: str, scheme: str) -> None:
    """At least 4.5 to 1 (WCAG 2.2, 1.4.3), in the light and in the dark."""
    colours = _colours(everything, scheme)
    pairs = [(ink, ground) for ink in ("ink", "faint", "link") for ground in ("card", "ground")]
    pairs += [(f"{tone}-ink", tone) for tone in TONE_NAMES]
    weak = {pair: round(ratio, 2) for pair in pairs if (ratio := _contrast(*(colours[name] for name in pair))) < 4.5}
    assert weak == {}
