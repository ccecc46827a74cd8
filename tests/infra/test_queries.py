"""Alert rules and the workbook read what the app really logs: a name that changes in the code is noticed here.

Kusto itself is not at hand, so no query has been run. Held against the code are tables, columns, functions, notices and
the line that they parse.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from crash_harness import Bench

from orchestrator.core.base.notice_table import NOTICE_TABLE, Matter
from orchestrator.core.base.vocabulary import NoticeName
from orchestrator.triggers import registration
from orchestrator.workflows.activities import notify
from orchestrator.workflows.messages import Tidings

ROOT = Path(__file__).parents[2]
QUERIES = {file.stem: file.read_text(encoding="utf-8") for file in sorted((ROOT / "infra" / "queries").glob("*.kql"))}
COLUMNS = {
    "AppRequests": {"TimeGenerated", "OperationName", "Success", "DurationMs"},
    "AppTraces": {"TimeGenerated", "Message", "SeverityLevel"},
}
"""Those of Azure Monitor's tables that are read (learn.microsoft.com, "Azure Monitor Logs reference")."""

AGGREGATES = {"arg_max", "bin", "count", "countif", "max"}
WORDS = AGGREGATES | {"and", "in", "startswith", "true", "false", "5m"}
WORDS |= {"now", "where", "parse", "with", "summarize", "by", "project", "order", "asc", "desc", "take"}
OPENED = {
    "pair-blind": {Matter.SIGHT},
    "run-stuck": {Matter.RUN},
    "readiness-red": {Matter.STANDBY},
    "stamp-silent": {Matter.SILENCE},
}
"""Rules over the last notice of a pair, and the matters that are open while they alert."""

ENDS_BADLY = {"run-stuck": {NoticeName.RUN_FAILED}}
"""Notices that close a matter and are alerted of all the same."""


def strings_of(query: str) -> list[str]:
    return re.findall(r'"([^"]*)"', query)


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_reads_columns_that_its_table_has(name: str) -> None:
    """Or columns that the query itself makes."""
    query = QUERIES[name]
    table = query.splitlines()[0]
    code = re.sub(r'"[^"]*"', '""', query)
    made = set(re.findall(r"\b(\w+) = ", code)) | set(re.findall(r'"" (\w+)', code.partition("parse")[2]))
    words = set(re.findall(r"\b[A-Za-z]\w*|\b5m\b", code)) - WORDS - made - {table}
    assert words - COLUMNS[table] == set()


@pytest.mark.parametrize("name", [name for name, query in QUERIES.items() if "OperationName ==" in query])
def test_a_function_that_a_query_names_is_registered(name: str) -> None:
    """By the name under which the host records its requests."""
    source = Path(registration.__file__).read_text(encoding="utf-8")
    functions = set(re.findall(r'function_name\("(\w+)"\)', source))
    assert set(strings_of(QUERIES[name])) <= functions


@pytest.mark.parametrize("name", OPENED)
def test_a_rule_reads_every_notice_that_opens_or_closes_its_matter(name: str) -> None:
    """One that is missing would leave an alert open for ever, or never raise it."""
    matters = OPENED[name]
    closing = {row.name for row in NOTICE_TABLE.values() if matters & set(row.closes)}
    opening = {row.name for row in NOTICE_TABLE.values() if row.matter in matters} - closing
    alerts = opening | ENDS_BADLY.get(name, set())
    read, last = QUERIES[name].rpartition("| where")[::2]
    listed = set(strings_of(read.rpartition("| where")[2]))
    assert listed == {each.value for each in opening | closing}
    assert set(strings_of(last)) == {each.value for each in alerts}


@pytest.mark.parametrize("name", [name for name, query in QUERIES.items() if '"notice "' in query])
def test_a_query_parses_the_line_that_a_notice_leaves_in_the_log(
    name: str, bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Logged by the code as it is, and read by the pattern as it stands in the query."""
    visit = bench.visit()
    tidings = Tidings(
        pair=visit.plan.pair, id="n", name=NoticeName.SIGHT_LOST, at=datetime(2026, 3, 1, tzinfo=UTC), why="a: b of c"
    )
    with caplog.at_level(logging.INFO, logger="hubswitch.notices"):
        notify.publish_notice(visit.world, tidings)
    (line,) = [record for record in caplog.records if record.msg == notify.LOG_LINE]
    assert line.levelno >= logging.WARNING
    pattern = re.search(r"parse Message with (.*)", QUERIES[name])
    assert pattern is not None
    parts = re.findall(r'"([^"]*)" (\w+)', pattern[1])
    found = re.fullmatch("".join(f"{re.escape(text)}(?P<{column}>.*?)" for text, column in parts), line.getMessage())
    assert found is not None
    assert found.groupdict() == {"name": "SightLost", "pair": visit.plan.pair, "why": "a: b of c"}
    assert line.getMessage().startswith(strings_of(QUERIES[name])[0])


def test_a_notice_that_is_told_again_is_logged_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Channels that had it not yet are no second event."""
    visit = bench.visit()
    at = datetime(2026, 3, 1, tzinfo=UTC)
    tidings = Tidings(pair=visit.plan.pair, id="n", name=NoticeName.SETTLED, at=at, why="a test")
    with caplog.at_level(logging.INFO, logger="hubswitch.notices"):
        notify.publish_notice(visit.world, tidings)
        notify.publish_notice(visit.world, msgspec.structs.replace(tidings, channels=("one",)))
    assert [record.levelno for record in caplog.records if record.msg == notify.LOG_LINE] == [logging.INFO]


def test_the_host_keeps_what_the_queries_read() -> None:
    """The level of all but ``watch`` lets notices through, and nothing that an alert rests on is sampled away."""
    levels = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))["logging"]["logLevel"]
    assert levels["default"] == "Information"
    quiet = {name for name, level in levels.items() if level != "Information" and name.startswith("Function.")}
    assert quiet == {"Function.watch"}
    sampling = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))["logging"]["applicationInsights"]
    assert {"Request", "Trace"} <= set(sampling["samplingSettings"]["excludedTypes"].split(";"))


def test_the_workbook_shows_the_queries_as_they_are() -> None:
    """Its text is one JSON file, so the queries stand in it a second time; each is named after its file."""
    book = json.loads((ROOT / "infra" / "workbook.json").read_text(encoding="utf-8"))
    shown = {item["name"]: item["content"]["query"] for item in book["items"] if item["type"] == 3}
    for_rules_alone = {"nobody-looks", "mail"}  # what the latter finds is among the notices that are shown
    assert shown == {name: query for name, query in QUERIES.items() if name not in for_rules_alone}


def test_every_query_is_used() -> None:
    """By an alert rule or by the workbook."""
    rules = (ROOT / "infra" / "modules" / "app_alerts.bicep").read_text(encoding="utf-8")
    book = json.loads((ROOT / "infra" / "workbook.json").read_text(encoding="utf-8"))
    used = set(re.findall(r"loadTextContent\('\.\./queries/([\w-]+)\.kql'\)", rules))
    assert used | {item["name"] for item in book["items"] if item["type"] == 3} == set(QUERIES)
