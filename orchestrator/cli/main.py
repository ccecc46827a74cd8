"""The ``hubswitch`` command. Each command is a plain function elsewhere; here are only names and options.

Exit status: 0 done, 1 the thing asked for does not hold, 2 unusable arguments or input, 3 a person has to decide.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator import __version__
from orchestrator.cli.default_command import SHOW, ShowByDefault
from orchestrator.core.base.errors import InvalidInput
from orchestrator.core.base.vocabulary import Mode, Role
from orchestrator.core.jobs.record import JobStatus

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Failover for pairs of Azure ML and AI Foundry hubs.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
events = typer.Typer(no_args_is_help=True, help="What Azure delivers.")
jobs = typer.Typer(no_args_is_help=True, help="Jobs of the ledger, and bodies of jobs.")
signals = typer.Typer(no_args_is_help=True, help="What was seen, as it was recorded.")
plan = typer.Typer(no_args_is_help=True, help="Plans: one YAML file per pair.")
readiness = typer.Typer(
    cls=ShowByDefault,
    help="Whether the standby could take over. A name that is no command is a pair: `hubswitch readiness PAIR`.",
)
evidence = typer.Typer(cls=ShowByDefault, help="The evidence of a run or drill; `evidence RUN` prints it.")
audit = typer.Typer(cls=ShowByDefault, help="What was ordered and decided; `audit [PAIR]` prints the newest of it.")
app.add_typer(evidence, name="evidence")
app.add_typer(audit, name="audit")
app.add_typer(events, name="events")
app.add_typer(jobs, name="jobs")
app.add_typer(signals, name="signals")
app.add_typer(plan, name="plan")
app.add_typer(readiness, name="readiness")
group = typer.Typer(no_args_is_help=True, help="Recovery groups: pairs that one order switches together.")
app.add_typer(group, name="group")

Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output and nothing else.")]
Seed = Annotated[int, typer.Option(help="Seed of everything that is random.")]
Speed = Annotated[float, typer.Option(min=0.1, help="Divides waiting: durations of jobs, intervals, timers.")]

Url = Annotated[str, typer.Option(envvar="HUBSWITCH_URL", help="Address of the app.", show_envvar=True)]
Key = Annotated[str, typer.Option(envvar="HUBSWITCH_KEY", help="Function key of the app.", show_envvar=True)]
LOCAL = "http://127.0.0.1:7071"

PlanFile = Annotated[Path, typer.Option("--plan", envvar="HUBSWITCH_PAIR_PLAN", help="Plan of the pair.")]
Statuses = Annotated[list[JobStatus] | None, typer.Option("--status", help="Only of this status; may be repeated.")]
Side = Annotated[Role | None, typer.Option(help="Only of this hub.")]
By = Annotated[str, typer.Option(envvar="USER", help="Who asks.")]
Reason = Annotated[str, typer.Option(help="Why; it goes into the job's history.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"hubswitch {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Failover for pairs of Azure ML and AI Foundry hubs."""
    del version


@app.command()
def demo(
    json: Json = False,
    jobs: Annotated[int, typer.Option(min=1, max=2000, help="Jobs that run when the region goes down.")] = 100,
    seed: Seed = 1,
    speed: Annotated[
        float | None,
        typer.Option(min=0.1, help="Divides waiting, as 60 does on a quiet machine; follows this machine if left out."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the page open at the end, until Ctrl-C.")] = False,
) -> None:
    """Show a regional outage handled from end to end, on this machine."""
    from orchestrator.local.demo import DemoOptions, demo_command

    raise typer.Exit(demo_command(DemoOptions(jobs, seed, speed, json, keep)))


@app.command()
def up(  # noqa: PLR0913, PLR0917 - each is an option
    port: Annotated[int, typer.Option(help="Port on loopback; 0 lets the system choose.")] = 7071,
    seed: Seed = 1,
    speed: Speed = 1.0,
    key: Annotated[str, typer.Option(help="Function key to accept; made up if not given.")] = "",
    json: Json = False,
    mode: Annotated[Mode | None, typer.Option(help="How far the pair goes alone; auto, or as the plan says.")] = None,
    plan: Annotated[
        Path | None, typer.Option(help="A plan whose policy, rules for jobs, drills and targets are practised.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=0, max=2000, help="Jobs that run in the primary from the beginning.")] = 0,
) -> None:
    """Serve the function app here, with a local Azure beside it, until interrupted."""
    from orchestrator.local.up import UpOptions, up_command

    raise typer.Exit(up_command(UpOptions(port, seed, speed, key, json, mode, plan, jobs)))


@app.command()
def azure(
    folder: Annotated[Path | None, typer.Option(help="Where plan and environment go; a temporary one.")] = None,
    seed: Seed = 0,
    speed: Speed = 1.0,
    json: Json = False,
) -> None:
    """Serve the local Azure alone, until interrupted."""
    from orchestrator.local.serve_azure import serve

    serve(seed=seed, speed=speed, folder=folder, as_json=json)


@app.command()
def replay(
    scenarios: Annotated[list[Path], typer.Argument(help="Scenario files.")],
    plan: Annotated[Path | None, typer.Option(help="Plan whose policy is used instead of the default.")] = None,
    json: Json = False,
) -> None:
    """Play scenarios through the decision core on a virtual clock."""
    from orchestrator.cli.commands_replay import replay_command

    raise typer.Exit(replay_command(scenarios, plan, as_json=json, out=sys.stdout, err=sys.stderr))


@app.command()
def submit(  # noqa: PLR0913 - each is an option of the command
    file: Annotated[Path, typer.Argument(help="YAML file of a job, as azure-ai-ml reads it.")],
    plan: PlanFile,
    *,
    name: Annotated[str | None, typer.Option(help="Name of the job; give the same one to try again.")] = None,
    sets: Annotated[list[str] | None, typer.Option("--set", help="path.to.field=value, laid over the file.")] = None,
    side: Annotated[Role | None, typer.Option(help="Where to, without asking the pointer.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Do not submit what cannot be written down.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Until it, or what it was moved to, has ended.")] = False,
    json: Json = False,
) -> None:
    """Submit a job to the active hub, its record in the ledger ahead of it."""
    from orchestrator.cli.commands_submit import SubmitOptions, submit_command

    wanted = SubmitOptions(name=name, sets=tuple(sets or ()), side=side, strict=strict, wait=wait)
    raise typer.Exit(submit_command(file, plan, wanted, as_json=json, out=sys.stdout, err=sys.stderr))


@jobs.command("list")
def jobs_list(
    plan: PlanFile,
    status: Statuses = None,
    side: Side = None,
    why: Annotated[bool, typer.Option("--why", help="Read every record for its reason.")] = False,
    json: Json = False,
) -> None:
    """The jobs of the ledger."""
    from orchestrator.cli.commands_ledger import list_command

    raise typer.Exit(
        list_command(plan, statuses=status or [], side=side, why=why, as_json=json, out=sys.stdout, err=sys.stderr)
    )


@jobs.command("show")
def jobs_show(name: str, plan: PlanFile, json: Json = False) -> None:
    """One job's story: how it stands and why, what it needs, what happened to it and to what it was moved to."""
    from orchestrator.cli.commands_ledger import show_command

    raise typer.Exit(show_command(plan, name, as_json=json, out=sys.stdout, err=sys.stderr))


@jobs.command("retry")
def jobs_retry(name: str, plan: PlanFile, reason: Reason, by: By = "somebody", json: Json = False) -> None:
    """Have a job that waits, failed or was skipped moved at the next opportunity."""
    from orchestrator.cli.commands_ledger import wish_command

    raise typer.Exit(
        wish_command(plan, name, wish="retry", by=by, reason=reason, as_json=json, out=sys.stdout, err=sys.stderr)
    )


@jobs.command("skip")
def jobs_skip(name: str, plan: PlanFile, reason: Reason, by: By = "somebody", json: Json = False) -> None:
    """Leave a job alone: one that waits is closed, one that runs will not be moved."""
    from orchestrator.cli.commands_ledger import wish_command

    raise typer.Exit(
        wish_command(plan, name, wish="skip", by=by, reason=reason, as_json=json, out=sys.stdout, err=sys.stderr)
    )


@jobs.command("export")
def jobs_export(plan: PlanFile, status: Statuses = None, side: Side = None) -> None:
    """Every record as one line of JSON."""
    from orchestrator.cli.commands_ledger import export_command

    raise typer.Exit(export_command(plan, statuses=status or [], side=side, out=sys.stdout, err=sys.stderr))


Pair = Annotated[str, typer.Argument(help="Name of a pair.")]
GroupName = Annotated[str, typer.Argument(help="Name of the group.")]
Why = Annotated[str, typer.Option("--reason", help="Why; asked for on a terminal if not given.")]
ByWhom = Annotated[str, typer.Option("--by", envvar="USER", help="Who asks, if the app does not know by a login.")]
Wait = Annotated[bool, typer.Option("--wait", help="Until the run that this starts has ended, or waits for a person.")]
Force = Annotated[bool, typer.Option("--force", help="Although something holds; the reason should say why.")]


@app.command()
def status(
    watch: Annotated[bool, typer.Option("--watch", help="Again and again, until interrupted.")] = False,
    url: Url = LOCAL,
    key: Key = "",
    json: Json = False,
) -> None:
    """How every pair stands, those that need a look first."""
    from orchestrator.cli.app_calls import App
    from orchestrator.cli.commands_pairs import status_command

    raise typer.Exit(status_command(App(url, key), watch=watch, as_json=json, out=sys.stdout, err=sys.stderr))


@app.command()
def pairs(
    pair: Annotated[str | None, typer.Argument(help="Name of a pair, for all that is known of it.")] = None,
    url: Url = LOCAL,
    key: Key = "",
    json: Json = False,
) -> None:
    """The names of all pairs, or one pair in full."""
    from orchestrator.cli.app_calls import App
    from orchestrator.cli.commands_pairs import pairs_command

    raise typer.Exit(pairs_command(App(url, key), pair, as_json=json, out=sys.stdout, err=sys.stderr))


@app.command()
def decisions(
    pair: Pair,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 20,
    url: Url = LOCAL,
    key: Key = "",
    json: Json = False,
) -> None:
    """What was decided about a pair and why, newest first."""
    from orchestrator.cli.app_calls import App
    from orchestrator.cli.commands_pairs import decisions_command

    raise typer.Exit(decisions_command(App(url, key), pair, limit, as_json=json, out=sys.stdout, err=sys.stderr))


@app.command()
def runs(
    pair: Annotated[str | None, typer.Argument(help="Of this pair alone.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 20,
    url: Url = LOCAL,
    key: Key = "",
    json: Json = False,
) -> None:
    """The runs and drills, those under way first, then the newest."""
    from orchestrator.cli.app_calls import App
    from orchestrator.cli.commands_pairs import runs_command

    raise typer.Exit(runs_command(App(url, key), pair, limit, as_json=json, out=sys.stdout, err=sys.stderr))


@app.command("run")
def show_run(
    run: Annotated[str, typer.Argument(help="Id of a run or drill.")],
    follow: Annotated[bool, typer.Option("--follow", help="Until it has ended.")] = False,
    url: Url = LOCAL,
    key: Key = "",
    json: Json = False,
) -> None:
    """Where a run stands, what it waits for, what it came to; exit 1 if it did not end well."""
    from orchestrator.cli.app_calls import App
    from orchestrator.cli.commands_pairs import run_command

    raise typer.Exit(run_command(App(url, key), run, follow=follow, as_json=json, out=sys.stdout, err=sys.stderr))


@app.command()
def skip(
    run: Annotated[str, typer.Argument(help="Id of a run that is under way.")],
    step: Annotated[str, typer.Argument(help="Name of the step, as `hubswitch run` shows it.")],
    reason: Why = "",
    by: ByWhom = "",
    url: Url = LOCAL,
    key: Key = "",
    json: Json = False,
) -> None:
    """Let a run go on without a step that fails."""
    from orchestrator.cli.app_calls import App
    from orchestrator.cli.commands_orders import OrderOptions, skip_command
    from orchestrator.cli.prompts import ask_reason

    options = OrderOptions(reason=ask_reason(reason, interactive=sys.stdin.isatty()), by=by)
    raise typer.Exit(skip_command(App(url, key), run, step, options, as_json=json, out=sys.stdout, err=sys.stderr))


def _add_wish(do: str, said: str) -> None:
    @app.command(do, help=said)
    def wish(
        run: Annotated[str, typer.Argument(help="Id of a run or drill.")],
        reason: Why = "",
        by: ByWhom = "",
        url: Url = LOCAL,
        key: Key = "",
        json: Json = False,
    ) -> None:
        from orchestrator.cli.app_calls import App
        from orchestrator.cli.commands_orders import OrderOptions, wish_command
        from orchestrator.cli.prompts import ask_reason

        options = OrderOptions(reason=ask_reason(reason, interactive=sys.stdin.isatty()), by=by)
        raise typer.Exit(wish_command(App(url, key), run, do, options, as_json=json, out=sys.stdout, err=sys.stderr))


_add_wish("ungraceful", "Let a planned switch wait for no job: what still runs is stopped there and moved.")
_add_wish("abort", "End a run that has not switched yet, or a drill; everything is as it was.")
_add_wish("retry", "Let a run that pauses before the next try of a step try it at once.")


def _order(pair: str, do: str, at: tuple[str, str], *, json: bool, reason: str, **more: Any) -> None:
    from orchestrator.cli.app_calls import App
    from orchestrator.cli.commands_orders import OrderOptions, order_command
    from orchestrator.cli.prompts import ask_reason

    options = OrderOptions(reason=ask_reason(reason, interactive=sys.stdin.isatty()), **more)
    raise typer.Exit(order_command(App(*at), pair, do, options, as_json=json, out=sys.stdout, err=sys.stderr))


def _add_answer(do: str, said: str) -> None:
    @app.command(do, help=said)
    def answer_proposal(
        pair: Pair,
        reason: Why = "",
        *,
        proposal: Annotated[str, typer.Option(help="Id of the proposal, as status shows it.")] = "",
        by: ByWhom = "",
        url: Url = LOCAL,
        key: Key = "",
        json: Json = False,
    ) -> None:
        _order(pair, do, (url, key), json=json, reason=reason, by=by, proposal=proposal)


def _add_order(do: str, said: str) -> None:
    @app.command(do, help=said)
    def order(
        pair: Pair, reason: Why = "", by: ByWhom = "", url: Url = LOCAL, key: Key = "", json: Json = False
    ) -> None:
        _order(pair, do, (url, key), json=json, reason=reason, by=by)


@app.command()
def failover(  # noqa: PLR0913 - each is an option of the command
    pair: Pair,
    reason: Why = "",
    *,
    graceful: Annotated[
        bool,
        typer.Option(
            "--graceful",
            help="For a side that is well: pointer first (but see --drain), then jobs, as jobs.failback says.",
        ),
    ] = False,
    drain: Annotated[
        str,
        typer.Option("--drain", help="With --graceful: wait so long for jobs that run before the switch, such as 30m."),
    ] = "",
    force: Force = False,
    wait: Wait = False,
    by: ByWhom = "",
    url: Url = LOCAL,
    key: Key = "",
    json: Json = False,
) -> None:
    """Leave the active side now."""
    more = {"by": by, "force": force, "graceful": graceful, "drain": drain, "wait": wait}
    _order(pair, "failover", (url, key), json=json, reason=reason, **more)


@app.command()
def failback(  # noqa: PLR0913 - each is an option of the command
    pair: Pair,
    reason: Why = "",
    *,
    force: Force = False,
    wait: Wait = False,
    by: ByWhom = "",
    url: Url = LOCAL,
    key: Key = "",
    json: Json = False,
) -> None:
    """Go back to the primary, and take the jobs along as the plan says."""
    _order(pair, "failback", (url, key), json=json, reason=reason, by=by, force=force, wait=wait)


_add_answer("approve", "Let the switch that was proposed begin.")
_add_answer("reject", "Do not let the switch that was proposed begin.")


@app.command()
def acknowledge(
    pair: Pair,
    reason: Why = "",
    *,
    force: Annotated[bool, typer.Option("--force", help="Give up waiting for a run that will never report.")] = False,
    by: ByWhom = "",
    url: Url = LOCAL,
    key: Key = "",
    json: Json = False,
) -> None:
    """Say that a switch, a deletion or a failed run was seen; it ends the cooldown."""
    _order(pair, "acknowledge", (url, key), json=json, reason=reason, by=by, force=force)


_add_order("pause", "Let nothing of a pair be switched until it is resumed.")
_add_order("resume", "End a pause.")


DRILL_KINDS = (
    "tabletop asks everything, decision plays an outage; neither writes. "
    "canary runs one job in the standby, partial copies of the jobs of a workload. "
    "full moves pointer and jobs there and back."
)


@app.command()
def drill(  # noqa: PLR0913 - each is an option of the command
    pair: Pair,
    reason: Why = "",
    *,
    kind: Annotated[str, typer.Option(help=DRILL_KINDS)] = "tabletop",
    workload: Annotated[str, typer.Option(help="Of a partial drill: value of the jobs' tag hubswitch.workload.")] = "",
    force: Force = False,
    wait: Wait = False,
    by: ByWhom = "",
    url: Url = LOCAL,
    key: Key = "",
    json: Json = False,
) -> None:
    """Practise a failover."""
    more = {"kind": kind, "workload": workload}
    _order(pair, "drill", (url, key), json=json, reason=reason, by=by, force=force, wait=wait, **more)


def _order_group(name: str, do: str, at: tuple[str, str], *, json: bool, reason: str, **more: Any) -> None:
    from orchestrator.cli.app_calls import App
    from orchestrator.cli.commands_groups import GroupOptions, group_command
    from orchestrator.cli.prompts import ask_reason

    options = GroupOptions(reason=ask_reason(reason, interactive=sys.stdin.isatty()), **more)
    raise typer.Exit(group_command(App(*at), name, do, options, as_json=json, out=sys.stdout, err=sys.stderr))


@group.command("failover")
def group_failover(  # noqa: PLR0913 - each is an option of the command
    name: GroupName,
    reason: Why = "",
    *,
    graceful: Annotated[bool, typer.Option("--graceful", help="For sides that are well, as in failover.")] = False,
    wait: Wait = False,
    by: ByWhom = "",
    url: Url = LOCAL,
    key: Key = "",
    json: Json = False,
) -> None:
    """Order the failover of every pair of a group, in the group's order."""
    _order_group(name, "failover", (url, key), json=json, reason=reason, by=by, graceful=graceful, wait=wait)


@group.command("failback")
def group_failback(
    name: GroupName,
    reason: Why = "",
    *,
    wait: Wait = False,
    by: ByWhom = "",
    url: Url = LOCAL,
    key: Key = "",
    json: Json = False,
) -> None:
    """Order the way back of every pair of a group, in the group's order."""
    _order_group(name, "failback", (url, key), json=json, reason=reason, by=by, wait=wait)


@app.command()
def recover(  # noqa: PLR0913 - each is an option of the command
    pair: Pair,
    reason: Why = "",
    *,
    do: Annotated[bool, typer.Option("--do", help="Bring back what can be; without it, only show it.")] = False,
    proposal: Annotated[str, typer.Option(help="Id of the proposal that was looked at; needed in mode approve.")] = "",
    wait: Wait = False,
    by: ByWhom = "",
    url: Url = LOCAL,
    key: Key = "",
    json: Json = False,
) -> None:
    """Show what was deleted of a pair, and bring it back; exit 3 if something is deleted and was only shown."""
    from orchestrator.cli.app_calls import App
    from orchestrator.cli.commands_recover import RecoverOptions, recover_command
    from orchestrator.cli.prompts import ask_reason

    said = ask_reason(reason, interactive=sys.stdin.isatty()) if do else reason or "a look at what is deleted"
    options = RecoverOptions(reason=said, by=by, proposal=proposal, do=do, wait=wait)
    raise typer.Exit(recover_command(App(url, key), pair, options, as_json=json, out=sys.stdout, err=sys.stderr))


@app.command()
def explain(
    pair: Pair,
    url: Url = LOCAL,
    key: Key = "",
    json: Json = False,
) -> None:
    """Say why a pair stands where it stands, and what would change it."""
    from orchestrator.cli.app_calls import App
    from orchestrator.cli.commands_pairs import explain_command

    raise typer.Exit(explain_command(App(url, key), pair, as_json=json, out=sys.stdout, err=sys.stderr))


@app.command()
def init(  # noqa: PLR0913 - each is an option of the command
    primary: Annotated[str, typer.Argument(help="ARM id of the project (or workspace) where work runs.")],
    secondary: Annotated[str, typer.Argument(help="ARM id of the project that is to take over.")],
    *,
    pair: Annotated[str, typer.Option(help="Name of the pair; it never changes afterwards.")] = "",
    pointer: Annotated[str, typer.Option(help="Endpoint of the App Configuration store.")] = "",
    ledger: Annotated[str, typer.Option(help="Blob endpoint of the ledger's account.")] = "",
    replica: Annotated[list[str] | None, typer.Option(help="Endpoint of a replica of the store.")] = None,
    notices: Annotated[str, typer.Option(help="Endpoint of the Event Grid topic for notices.")] = "",
    home: Annotated[str, typer.Option(help="Region in which the app runs.")] = "",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; printed without it.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Say why each value, on standard error.")] = False,
    json: Json = False,
) -> None:
    """Write a first plan from what Azure says of two projects; what is not sure is marked in it."""
    from orchestrator.cli.commands_init import InitOptions, init_command
    from orchestrator.cli.prompts import ask_for
    from orchestrator.core.standby.plan_proposal import ProposalRequest

    asked = {"pair": pair, "pointer": pointer, "ledger": ledger}
    given = {
        name: ask_for(name, said.strip(), "a value", interactive=sys.stdin.isatty()) for name, said in asked.items()
    }
    wanted = ProposalRequest(
        primary=primary, secondary=secondary, **given, replicas=tuple(replica or ()), notices=notices, home=home
    )
    options = InitOptions(output, force=force, explain=explain)
    raise typer.Exit(init_command(wanted, options, as_json=json, out=sys.stdout, err=sys.stderr))


@app.command()
def breakglass(  # noqa: PLR0913 - each is an option of the command
    plan_file: Annotated[Path, typer.Argument(metavar="PLAN", help="Plan of the pair.")],
    *,
    to: Annotated[Role | None, typer.Option(help="Side to make active; without it the pair is only shown.")] = None,
    reason: Annotated[str, typer.Option(help="Why; it goes into the epoch record.")] = "",
    by: By = "somebody",
    bad_since: Annotated[
        str,
        typer.Option(
            help="When the side that is left began to fail; jobs that failed later are moved. Needed for a switch to "
            "the primary away from a secondary that is down: without it that is a failback from one that is well."
        ),
    ] = "",
    patience: Annotated[str, typer.Option(help="How long to try jobs that are neither taken nor refused.")] = "10m",
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this it only says what it would do.")] = False,
    json: Json = False,
) -> None:
    """Show or switch a pair with this machine's login alone, while the app is away."""
    from orchestrator.cli.commands_breakglass import HandOptions, breakglass_command, since_from
    from orchestrator.core.base.text import duration_from

    since = since_from(bad_since) if bad_since else None
    tried = duration_from(patience, "--patience", "")
    wanted = HandOptions(to=to, by=by, reason=reason, bad_since=since, patience=tried, yes=yes)
    raise typer.Exit(breakglass_command(plan_file, wanted, as_json=json, out=sys.stdout, err=sys.stderr))


@app.command()
def doctor(  # noqa: PLR0913 - each is an option of the command
    pair: Annotated[str | None, typer.Argument(help="Of this pair alone.")] = None,
    *,
    url: Url = LOCAL,
    key: Key = "",
    wire: Annotated[
        Path | None,
        typer.Option(help="Ask with this machine's login instead, and write the shapes of the answers to this file."),
    ] = None,
    plan: Annotated[Path | None, typer.Option(help="The plan of the pair, for --wire.")] = None,
    test_notices: Annotated[
        bool, typer.Option("--test-notices", help="Send a test notice on every channel of the pair instead.")
    ] = False,
    reason: Why = "",
    by: ByWhom = "",
    json: Json = False,
) -> None:
    """Ask the app whether everything holds that a failover needs, and what mends it; exit 1 if something does not."""
    from orchestrator.cli.app_calls import App
    from orchestrator.cli.commands_doctor import doctor_command, send_test_notices_command

    if test_notices:
        from orchestrator.cli.prompts import ask_reason

        if pair is None:
            raise typer.BadParameter("--test-notices: a pair was expected, got none")
        said = ask_reason(reason, interactive=sys.stdin.isatty())
        app = App(url, key)
        raise typer.Exit(
            send_test_notices_command(
                app, pair, {"reason": said, "by": by}, as_json=json, out=sys.stdout, err=sys.stderr
            )
        )

    if wire is not None or plan is not None:
        from orchestrator.cli.commands_wire import wire_command

        raise typer.Exit(wire_command(wire, plan, out=sys.stdout, err=sys.stderr))
    raise typer.Exit(doctor_command(App(url, key), pair, as_json=json, out=sys.stdout, err=sys.stderr))


@app.command()
def data(pair: Pair, url: Url = LOCAL, key: Key = "", json: Json = False) -> None:
    """Say what running jobs read, and whether it is on the other side; exit 3 if something must be copied."""
    from orchestrator.cli.app_calls import App
    from orchestrator.cli.commands_data import data_command

    raise typer.Exit(data_command(App(url, key), pair, as_json=json, out=sys.stdout, err=sys.stderr))


@app.command()
def backtest(
    events: Annotated[list[Path], typer.Argument(help="Recordings of one pair, as `signals export` gives them.")],
    policy: Annotated[Path, typer.Option(help="YAML with the fields of the policy that are to be changed.")],
    plan: Annotated[Path | None, typer.Option(help="Plan whose policy counts as the recorded one.")] = None,
    json: Json = False,
) -> None:
    """Play a recording under another policy; exit 1 if it would have done something else."""
    from orchestrator.cli.commands_backtest import backtest_command

    raise typer.Exit(backtest_command(events, policy, plan, as_json=json, out=sys.stdout, err=sys.stderr))


@signals.command("export")
def signals_export(
    pair: Pair,
    since: Annotated[str | None, typer.Option(help="Day (UTC) from which on; yesterday.")] = None,
    url: Url = LOCAL,
    key: Key = "",
) -> None:
    """Print a pair's recording as JSON Lines."""
    from orchestrator.cli.app_calls import App
    from orchestrator.cli.commands_pairs import export_command

    raise typer.Exit(export_command(App(url, key), pair, since, out=sys.stdout, err=sys.stderr))


Run = Annotated[str, typer.Argument(help="Id of a run or drill.")]
OfPair = Annotated[str | None, typer.Argument(help="Of this pair alone.")]
Heads = Annotated[
    list[str] | None, typer.Option("--head", help="Hash of an entry that must be there; may be repeated.")
]


@evidence.command(SHOW)
def evidence_show(
    run: Run,
    html: Annotated[Path | None, typer.Option(help="File to save it to as a page; prints nothing else.")] = None,
    url: Url = LOCAL,
    key: Key = "",
    json: Json = False,
) -> None:
    """Print the evidence of a run or drill that has ended."""
    from orchestrator.cli.app_calls import App
    from orchestrator.cli.commands_evidence import evidence_command

    raise typer.Exit(evidence_command(App(url, key), run, html, as_json=json, out=sys.stdout, err=sys.stderr))


@evidence.command("finalise")
def evidence_finalise(  # noqa: PLR0913 - each is an option of the command
    run: Run,
    verdict: Annotated[str, typer.Option(help="success or failure.")],
    reason: Why = "",
    *,
    note: Annotated[str, typer.Option(help="What auditors should know.")] = "",
    by: ByWhom = "",
    url: Url = LOCAL,
    key: Key = "",
    json: Json = False,
) -> None:
    """Freeze the evidence of a run with a verdict; exit 1 if it is final with other words."""
    from orchestrator.cli.app_calls import App
    from orchestrator.cli.commands_evidence import Attested, finalise_command
    from orchestrator.cli.prompts import ask_reason

    said = Attested(ask_reason(reason, interactive=sys.stdin.isatty()), verdict, note, by)
    raise typer.Exit(finalise_command(App(url, key), run, said, as_json=json, out=sys.stdout, err=sys.stderr))


@audit.command(SHOW)
def audit_show(
    pair: OfPair = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many of each pair.")] = 20,
    url: Url = LOCAL,
    key: Key = "",
    json: Json = False,
) -> None:
    """The newest entries of the audit log of a pair, or of all."""
    from orchestrator.cli.app_calls import App
    from orchestrator.cli.commands_audit import audit_command

    raise typer.Exit(audit_command(App(url, key), pair, limit, as_json=json, out=sys.stdout, err=sys.stderr))


@audit.command("export")
def audit_export(pair: OfPair = None, url: Url = LOCAL, key: Key = "") -> None:
    """Print the whole audit log as it is stored, as JSON Lines."""
    from orchestrator.cli.app_calls import App
    from orchestrator.cli.commands_audit import export_command

    raise typer.Exit(export_command(App(url, key), pair, out=sys.stdout, err=sys.stderr))


@audit.command("verify")
def audit_verify(
    file: Annotated[
        str | None, typer.Argument(help="Exported log; - is standard input; the app's if left out.")
    ] = None,
    head: Heads = None,
    url: Url = LOCAL,
    key: Key = "",
    json: Json = False,
) -> None:
    """Check the chain of an audit log; exit 1 and name the first entry that is changed, missing or inserted."""
    from orchestrator.cli.app_calls import App
    from orchestrator.cli.commands_audit import verify_app_command, verify_file_command

    if file is not None:
        raise typer.Exit(verify_file_command(file, head or (), as_json=json, out=sys.stdout, err=sys.stderr))
    raise typer.Exit(verify_app_command(App(url, key), head or (), as_json=json, out=sys.stdout, err=sys.stderr))


@events.command("parse")
def events_parse(files: Annotated[list[str] | None, typer.Argument(help="Files; - is standard input.")] = None) -> None:
    """Say what each delivered element is, and whether it counts."""
    from orchestrator.cli.commands_events import events_parse_command

    raise typer.Exit(events_parse_command(files or ["-"], stdin=sys.stdin, out=sys.stdout, err=sys.stderr))


@jobs.command("rewrite")
def jobs_rewrite(
    body: Annotated[Path, typer.Argument(help="ARM JSON of a job.")],
    map: Annotated[Path, typer.Option("--map", help="How names of one hub read in the other.")],  # noqa: A002
    assets: Annotated[Path | None, typer.Option(help="Snapshot of assets, for the whole closure.")] = None,
) -> None:
    """Rewrite a job's body for the other hub; exit 3 if something is unmapped."""
    from orchestrator.cli.commands_jobs import jobs_rewrite_command

    raise typer.Exit(jobs_rewrite_command(body, map, assets, out=sys.stdout, err=sys.stderr))


@jobs.command("data")
def jobs_data(plan: PlanFile, json: Json = False) -> None:
    """Say what running jobs read, and whether it is on the other side; exit 3 if something must be copied."""
    from orchestrator.cli.commands_data import jobs_data_command

    raise typer.Exit(jobs_data_command(plan, as_json=json, out=sys.stdout, err=sys.stderr))


@readiness.command("show")
def readiness_show(
    pair: Pair,
    watch: Annotated[bool, typer.Option("--watch", help="Again whenever it has changed, until interrupted.")] = False,
    url: Url = LOCAL,
    key: Key = "",
    json: Json = False,
) -> None:
    """What the last look at a pair's standby found, worst first; exit 1 if it is not ready. `show` may be left out."""
    from orchestrator.cli.app_calls import App
    from orchestrator.cli.commands_readiness import readiness_command

    raise typer.Exit(readiness_command(App(url, key), pair, watch=watch, as_json=json, out=sys.stdout, err=sys.stderr))


@readiness.command("compare")
def readiness_compare(
    primary: Annotated[Path, typer.Argument(help="Inventory of the primary: what Azure answered, as JSON.")],
    secondary: Annotated[Path, typer.Argument(help="Inventory of the secondary.")],
    map: Annotated[Path | None, typer.Option("--map", help="Which thing is which on the other side.")] = None,  # noqa: A002
    json: Json = False,
) -> None:
    """Compare two inventories; exit 1 if the secondary is not ready."""
    from orchestrator.cli.commands_readiness import readiness_compare_command

    raise typer.Exit(readiness_compare_command(primary, secondary, map, as_json=json, out=sys.stdout))


@plan.command("check")
def plan_check(
    places: Annotated[list[Path], typer.Argument(help="Plans, or folders: every *.yaml directly in one is a plan.")],
    online: Annotated[bool, typer.Option("--online", help="Compare names and permissions with both sides.")] = False,
    json: Json = False,
) -> None:
    """Report every fault of plans at once, and print what they would do; exit 2 if there is a fault."""
    from orchestrator.cli.commands_plan import plan_check_command

    raise typer.Exit(plan_check_command(places, online=online, as_json=json, out=sys.stdout, err=sys.stderr))


@plan.command("exchange")
def plan_exchange(
    file: Annotated[Path, typer.Argument(help="Plan of the pair; it is rewritten in place.")],
    reason: Annotated[str, typer.Option(help="Why; it goes into the epoch record.")],
    by: By = "somebody",
    *,
    pair: Annotated[str, typer.Option(help="Name of the pair that is meant, to be sure.")] = "",
    sets: Annotated[
        list[str] | None, typer.Option("--set", help="FIELD=VALUE after the exchange, where it asks for one.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this it only says what it would do.")] = False,
    json: Json = False,
) -> None:
    """Make the active secondary the primary for good; exit 3 if it could be done and --yes was not given."""
    from orchestrator.cli.commands_exchange import ExchangeOptions, exchange_command

    wanted = ExchangeOptions(by=by, reason=reason, sets=tuple(sets or ()), pair=pair, yes=yes)
    raise typer.Exit(exchange_command(file, wanted, as_json=json, out=sys.stdout, err=sys.stderr))


@plan.command("schema")
def plan_schema(
    *, group: Annotated[bool, typer.Option("--group", help="That of recovery groups instead.")] = False
) -> None:
    """Print the JSON Schema of plans, for editors."""
    from orchestrator.cli.commands_plan import plan_schema_command

    raise typer.Exit(plan_schema_command(out=sys.stdout, of_groups=group))


def run() -> None:
    """Entry point. Unusable arguments and bad input are one line on standard error and status 2."""
    # Where no command has set up logging, Python would print what the SDKs log, tracebacks included, between our lines.
    logging.getLogger("azure").addHandler(logging.NullHandler())
    _name_user()
    sys.exit(status_of(sys.argv[1:]))


def _name_user() -> None:
    """Set ``USER``, from which ``--by`` is taken, where a shell in a container or under another system has not."""
    if not os.environ.get("USER"):
        from getpass import getuser

        with suppress(OSError):  # a user id without a name: the app says unnamed
            os.environ["USER"] = getuser()


def status_of(arguments: list[str]) -> int:
    """Run a command line; its exit status."""
    try:
        return app(args=arguments, prog_name="hubswitch", standalone_mode=False) or 0
    except typer.Abort:
        return 130
    except InvalidInput as fault:
        print(fault, file=sys.stderr)
        return 2
    except ModuleNotFoundError as fault:
        needs = "what hubswitch's wheel brings and requirements.txt, for Azure, does not"
        told = f"pip install its wheel, or `pip install .` in a copy of the repository: {fault.name} is not installed"
        print(f"this command needs {needs}; {told}", file=sys.stderr)
        return 2
    except Exception as fault:
        said = getattr(fault, "format_message", None)
        if said is None:
            raise
        print(" ".join(str(said()).split()) or "a command is missing; see --help", file=sys.stderr)
        return 2
