"""A plan whose sides change places means the same two hubs, and reads as its author wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.vocabulary import Role
from orchestrator.core.jobs.rewrite.name_map import job_map
from orchestrator.core.plan.defaults import DefaultsText
from orchestrator.core.plan.exchange import exchange_sides
from orchestrator.core.plan.exchange_text import exchange_text
from orchestrator.core.plan.load import plan_from, read_plan
from orchestrator.core.plan.schema import Plan
from orchestrator.core.plan.steps import MoveJobs, steps_in
from orchestrator.core.standby.canary import watch_body

SAMPLES = sorted((Path(__file__).parents[3] / "plans").glob("hot-*.yaml"))

BASE = """\
# A pair of ours: größer, 東京 🚀
schema: 1
pair: a   # its name
secondary:
  # the calmer region
  region: westus3
  subscription: 22222222-2222-4222-8222-222222222222
  resource_group: rg-b
  hub: hub-b
  project: proj-b
  api: https://westus3.api.azureml.ms
  storage: https://stb.blob.core.windows.net

primary: {region: eastus2, subscription: 11111111-1111-4111-8111-111111111111, resource_group: rg-a, hub: hub-a,
  project: proj-a, api: 'https://eastus2.api.azureml.ms', storage: "https://sta.blob.core.windows.net"}
pointer: {endpoint: https://appcs.azconfig.io}
ledger: {account: https://stledger.blob.core.windows.net}
"""

JOBS = """\
jobs:
  computes:
    'gpu-a': gpu-b   # eight cards
    cpu: "cpu-b"
  identities: {one: two}
  endpoints:
    https://score.a.example.com/v1: https://score.b.example.com/v1
canary:
  compute: gpu-b     # there
steps:
  failover:
    - kind: await_standby
    - {kind: scale_cluster, cluster: cpu-b, min_nodes: 2}
    - parallel:
        - kind: wait_for_url
          url: https://stb.blob.core.windows.net/ready?x=1
        - {kind: scale_cluster, name: old, cluster: gpu-a, min_nodes: 0, side: source, on_error: continue, timeout: 1m}
    - kind: move_jobs
  failback:
    - {kind: scale_cluster, cluster: cpu, min_nodes: 1}
    - {kind: scale_cluster, name: less, cluster: cpu-b, min_nodes: 0, side: source}
"""


def exchanged(text: str, **given: str) -> str:
    plan = plan_from(text, "p.yaml")
    values = {field.replace("__", "."): value for field, value in given.items()}
    return exchange_text(text, read_plan(text, "p.yaml"), exchange_sides(plan, "p.yaml", values), "p.yaml")


def test_hubs_tables_and_names_change_places_and_nothing_else_does() -> None:
    """Comments, order and quotes stay, of block and flow style, whatever letters stand before them."""
    after = exchanged(BASE + JOBS)
    wanted = (
        (BASE + JOBS)
        .replace("secondary:", "PRIMARY:")
        .replace("primary:", "secondary:")
        .replace("PRIMARY:", "primary:")
        .replace("'gpu-a': gpu-b   #", "gpu-b: 'gpu-a'   #")
        .replace('cpu: "cpu-b"', '"cpu-b": cpu')
        .replace("{one: two}", "{two: one}")
        .replace(
            "https://score.a.example.com/v1: https://score.b.example.com/v1",
            "https://score.b.example.com/v1: https://score.a.example.com/v1",
        )
        .replace("compute: gpu-b     #", "compute: gpu-a     #")
        .replace("cluster: cpu-b, min_nodes: 2", "cluster: cpu, min_nodes: 2")
        .replace("https://stb.blob.core.windows.net/ready?x=1", "https://sta.blob.core.windows.net/ready?x=1")
        .replace("name: old, cluster: gpu-a", "name: old, cluster: gpu-b")
        .replace("cluster: cpu, min_nodes: 1", "cluster: cpu-b, min_nodes: 1")
        .replace("name: less, cluster: cpu-b", "name: less, cluster: cpu")
    )
    assert after == wanted


def test_endpoints_of_steps_are_those_of_the_other_hub() -> None:
    """By the table of endpoints, or the same name; the names of deployments and their shares stay."""
    steps = (
        "jobs: {endpoints: {score-a: score-b}}\nsteps:\n  failover:\n    - kind: move_jobs\n"
        "    - {kind: scale_deployment, endpoint: score-b, deployment: blue, instances: 2}\n"
        "    - {kind: set_traffic, endpoint: score-b, traffic: {blue: 100}}\n"
        "    - {kind: scale_deployment, name: less, endpoint: score-a, deployment: blue, instances: 1, side: source}\n"
    )
    plan = exchange_sides(plan_from(BASE + steps, "p"), "p").plan
    assert [step.endpoint for _, step in steps_in(plan.steps.failover) if not isinstance(step, MoveJobs)] == [
        *("score-a", "score-a", "score-b")
    ]


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.stem for sample in SAMPLES])
def test_a_plan_exchanged_twice_is_the_plan_that_it_was(sample: Path) -> None:
    """To the letter: so nothing was lost on the way."""
    text = sample.read_text(encoding="utf-8")
    assert exchanged(exchanged(text)) == text


@pytest.mark.parametrize("source", list(Role))
def test_every_job_and_every_canary_is_rewritten_as_before(source: Role) -> None:
    """What a hub's jobs become in the other hub does not depend on which of them is called the primary."""
    before, after = plan_from(BASE + JOBS, "p"), plan_from(exchanged(BASE + JOBS), "p")
    assert job_map(after, source.other) == job_map(before, source)
    assert before.side(source) == after.side(source.other)
    there, here = watch_body(after, source.other, "c")["properties"], watch_body(before, source, "c")["properties"]
    assert (there["computeId"], there["environmentId"]) == (here["computeId"], here["environmentId"])


def test_ends_of_lines_and_a_byte_order_mark_are_kept() -> None:
    """An editor's way of writing is no fault of the plan."""
    text = "\ufeff" + (BASE + JOBS).replace("\n", "\r\n")
    assert exchanged(text) == "\ufeff" + exchanged(BASE + JOBS).replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("text", "field", "expected"),
    [
        (BASE + "jobs: {computes: {a: c, b: c}}\n", "jobs.computes", "one name that leads to c"),
        (
            BASE + "steps: {failover: [{kind: wait_for_url, url: 'https://x.example.com'}, {kind: move_jobs}]}\n",
            "steps.failover[0].url",
            "--set steps.failover[0].url=",
        ),
        (
            BASE + "jobs: {same_names: false, computes: {a: cpu-cluster}}\nsteps: {failback: [{kind: scale_cluster, "
            "cluster: other, min_nodes: 1}]}\n",
            "steps.failback[0].cluster",
            "--set steps.failback[0].cluster=",
        ),
        (BASE + "jobs: {computes: {a: cpu-cluster}}\n", "canary.compute", "it written out, for it becomes a"),
    ],
    ids=["two names to one", "a foreign URL", "an unknown cluster", "a default that changes"],
)
def test_what_nobody_can_tell_is_refused_with_its_field(text: str, field: str, expected: str) -> None:
    """Guessing would show in the next outage."""
    with pytest.raises(InvalidInput) as caught:
        exchanged(text)
    assert (caught.value.where, caught.value.field) == ("p.yaml", field)
    assert expected in str(caught.value)


def test_a_value_that_a_person_gives_is_taken() -> None:
    """For a URL that is neither hub's, also the same one."""
    text = BASE + "steps: {failover: [{kind: wait_for_url, url: 'https://x.example.com'}, {kind: move_jobs}]}\n"
    after = plan_from(exchanged(text, **{"steps__failover[0]__url": "https://y.example.com"}), "p")
    assert _url(after) == "https://y.example.com"
    kept = plan_from(exchanged(text, **{"steps__failover[0]__url": "https://x.example.com"}), "p")
    assert _url(kept) == "https://x.example.com"


def test_a_value_for_a_field_that_is_not_exchanged_is_refused() -> None:
    """A misspelt field must not look as if it had been taken."""
    with pytest.raises(InvalidInput, match=r"jobs.patience: expected one of the fields that are exchanged: canary"):
        exchanged(BASE, jobs__patience="5m")


def test_a_text_that_mixes_the_sides_is_refused() -> None:
    """Aliases: what stands once in the text cannot be two names afterwards."""
    text = BASE + "jobs:\n  computes: {a: &there b}\ncanary: {compute: *there}\n"
    with pytest.raises(InvalidInput, match="cannot be rewritten in place"):
        exchanged(text)


def _url(plan: Plan) -> str:
    return str(getattr(plan.steps.failover[0], "url"))  # noqa: B009 - a step of a kind that mypy does not know here


def test_a_plan_that_extends_defaults_is_rewritten_alone_or_not_at_all() -> None:
    """The defaults are another file, on which other pairs rest: what would have to change there is refused."""
    first, second = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
    text = "extends: our.defaults.yaml\n" + BASE.replace(f"subscription: {first}, ", "").replace(
        f"  subscription: {second}\n", ""
    )

    def exchange(primary: str, secondary: str) -> str:
        shared = f"primary: {{subscription: {primary}}}\nsecondary: {{subscription: {secondary}}}\n"

        def read(name: str) -> DefaultsText:
            return DefaultsText(name, shared)

        plan = plan_from(text, "p.yaml", read)
        return exchange_text(text, read_plan(text, "p.yaml", read), exchange_sides(plan, "p.yaml"), "p.yaml", read)

    assert exchange(first, first).startswith("extends: our.defaults.yaml\n# A pair of ours")
    with pytest.raises(InvalidInput, match="written out in this file"):
        exchange(first, second)


FRONT = """\
steps:
  failover:
    - {kind: move_jobs}
    - kind: switch_front_door
      origin_group: /subscriptions/s/resourceGroups/g/providers/Microsoft.Cdn/profiles/p/originGroups/o
      primary: [east]      # a comment
      secondary:
        - west
        - north
"""


def test_what_leads_to_a_hub_leads_to_it_afterwards() -> None:
    """Names of both sides change places, whatever their number."""
    after = exchanged(BASE + FRONT)
    steps = plan_from(after, "p").steps.failover
    assert (steps[1].primary, steps[1].secondary) == (("west", "north"), ("east",))
    assert "secondary: [east]      # a comment" in after
    assert exchanged(after) == BASE + FRONT


def test_which_alert_watches_the_other_hub_is_asked() -> None:
    """Nobody can tell it from the plan; what a person says is taken."""
    rule = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Insights/metricAlerts/"
    text = BASE + f"steps: {{failover: [{{kind: move_jobs}}, {{kind: wait_for_alert, rule: {rule}west}}]}}\n"
    with pytest.raises(InvalidInput, match=r"--set steps.failover\[1\].rule=") as refused:
        exchanged(text)
    assert refused.value.field == "steps.failover[1].rule"
    assert f"rule: {rule}east" in exchanged(text, **{"steps__failover[1]__rule": f"{rule}east"})


def test_data_that_are_copied_are_those_of_the_hub_that_is_the_primary_afterwards() -> None:
    data = (
        "jobs: {datastores: {rows: rows2}}\n"
        "data:\n  copies:\n    - {datastore: rows, prefix: v2/}   # large\n"
        "    - primary: https://sta.blob.core.windows.net/one\n"
        "      secondary: https://stb.blob.core.windows.net/two\n"
    )
    after = plan_from(exchanged(BASE + data), "p.yaml")
    rows, urls = after.data.copies
    assert (rows.datastore, rows.prefix, after.jobs.datastores) == ("rows2", "v2/", {"rows2": "rows"})
    assert urls.primary == "https://stb.blob.core.windows.net/two"
    assert urls.secondary == "https://sta.blob.core.windows.net/one"
