"""A runbook of Azure Automation that lets a pair of hubs take part in a recovery plan: it asks hubswitch, and waits.

It needs nothing but Python 3.8 or later. A recovery plan of Site Recovery hands over its context, a JSON object with
``FailoverType`` and ``FailoverDirection`` (learn.microsoft.com, "Add Azure Automation runbooks to recovery plans").
Other callers name an action. How either reaches ``sys.argv`` of a Python runbook is not documented beyond "in order",
so each argument may be that JSON object, ``name=value``, the name of an action, or the name of the pair. Without any of
these, the end of the runbook's own name counts: ``hubswitch-cleanup``.

===================================  ==============================================================================
Unplanned, PrimaryToSecondary        ``failover``: leaves the primary now
Planned, PrimaryToSecondary          ``graceful``: a planned failover
Planned, Unplanned; the other way    ``failback``
Test                                 ``test``: a drill
action ``commit``                    nothing: a switch of hubswitch is committed when its pointer is verified
action ``cleanup``                   ends a drill that is still under way
action ``reprotect``                 acknowledges the switch: from then on the side that is active now is protected
===================================  ==============================================================================

Variables of the Automation account: ``hubswitch-url``; ``hubswitch-key`` (encrypted) or ``hubswitch-audience`` (then
the account's managed identity signs in); ``hubswitch-pair``, ``hubswitch-drill`` and ``hubswitch-minutes`` if the
arguments do not say so; ``hubswitch-drill-run``, which the runbook itself writes.

An Automation job that is moved to another machine begins anew, so every action may be repeated: what is done already is
not ordered again, and what is under way is waited for. Exit status 0: it is done. 1: it is not, and the last line says
why.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

TYPES = {"test": "test", "planned": "graceful", "unplanned": "failover"}
ACTIONS = {
    "failover": "failover",
    "graceful": "graceful",
    "plannedfailover": "graceful",
    "failback": "failback",
    "test": "test",
    "testfailover": "test",
    "commit": "commit",
    "failovercommit": "commit",
    "cleanup": "cleanup",
    "testfailovercleanup": "cleanup",
    "reprotect": "reprotect",
}
PARAMETERS = ("action", "pair", "drill", "minutes", "plan")
OVER = ("completed", "failed", "terminated")
DRILL = "hubswitch-drill-run"
"""Variable in which the drill that was begun last is kept, for ``cleanup``."""

POLL = float(os.environ.get("HUBSWITCH_RUNBOOK_POLL", "10"))
"""Seconds between two questions."""

LONGEST = 170
"""Minutes: Automation stops a cloud job after three hours (learn.microsoft.com, "Runbook execution", fair share)."""

UNANSWERED = 30
"""Questions in a row without an answer after which nobody waits any longer."""


class Failed(Exception):
    """Why it is not done, in one line."""


class Refused(Failed):
    """The app has answered that it does not do so now."""


def main(arguments):
    """Do what the arguments say."""
    wanted = read_arguments(arguments)
    api = Api(read_variable("hubswitch-url"))
    pair = wanted.get("pair") or read_variable("hubswitch-pair")
    minutes = wanted.get("minutes") or read_variable("hubswitch-minutes", "60")
    if not (minutes.isdigit() and 1 <= int(minutes) <= LONGEST):
        raise Failed("minutes: expected a number from 1 to %d, got %r" % (LONGEST, minutes))
    deadline = time.monotonic() + 60 * int(minutes)
    said = {"reason": "recovery plan %s" % wanted.get("plan", "without a name"), "by": "Azure recovery plan"}
    action = wanted["action"]
    print("%s: %s" % (pair, action))
    if action in ("failover", "graceful", "failback"):
        return switch(api, pair, action, said, deadline)
    if action == "test":
        kind = wanted.get("drill") or read_variable("hubswitch-drill", "tabletop")
        return practise(api, pair, dict(said, kind=kind), deadline)
    if action == "cleanup":
        return clean_up(api, pair, said, deadline)
    if action == "reprotect":
        return acknowledge(api, pair, said)
    return "there is nothing to commit: a switch is committed when its pointer is verified"


def read_arguments(arguments):
    """Action, pair, and whatever else is said; raises ``Failed`` for what cannot be meant."""
    found = {}
    for argument in arguments:
        text = argument.strip()
        if not text:
            continue
        context = read_context(text)
        name, equals, value = text.partition("=")
        key = squeeze(name)
        if context is not None:
            found.update(context)
        elif equals and key in PARAMETERS:
            found[key] = value.strip()
        elif squeeze(text) in ACTIONS:
            found["action"] = squeeze(text)
        elif text.replace("-", "").isalnum() and "pair" not in found:
            found["pair"] = text
        else:
            raise Failed("argument %r: expected a recovery plan's context, an action, a pair or name=value" % text[:80])
    action = ACTIONS.get(squeeze(found.get("action") or name_of_runbook()))
    if action is None:
        expected = "a recovery plan's context, or one of %s" % ", ".join(sorted(ACTIONS))
        raise Failed("action: expected %s, got %r" % (expected, found.get("action", "nothing")))
    return dict(found, action=action)


def name_of_runbook():
    """The end of this runbook's name, as far as Automation says it in ``sys.argv``: ``cleanup`` of hubswitch-cleanup."""
    name = os.path.splitext(os.path.basename(sys.argv[0]))[0]
    return name.rpartition("-")[2]


def read_context(text):
    """What a recovery plan hands over; None if a text is no JSON object. Raises ``Failed`` for unknown words in it."""
    try:
        context = json.loads(text)
    except ValueError:
        return None
    if not isinstance(context, dict):
        return None
    if isinstance(context.get("RecoveryPlanContext"), dict):
        context = context["RecoveryPlanContext"]
    given = {squeeze(name): value for name, value in context.items()}
    kind, direction = squeeze(given.get("failovertype", "")), squeeze(given.get("failoverdirection", ""))
    if kind not in TYPES:
        raise Failed("FailoverType: expected Test, Planned or Unplanned, got %r" % given.get("failovertype"))
    if direction not in ("primarytosecondary", "secondarytoprimary"):
        got = given.get("failoverdirection")
        raise Failed("FailoverDirection: expected PrimaryToSecondary or SecondaryToPrimary, got %r" % got)
    action = TYPES[kind]
    if action != "test" and direction == "secondarytoprimary":
        action = "failback"
    plan = given.get("recoveryplanname")
    return {"action": action, "plan": plan if isinstance(plan, str) and plan else "without a name"}


def squeeze(said):
    return "".join(c for c in str(said).lower() if c.isalnum())


def quote(name):
    return urllib.parse.quote(name, safe="")


def switch(api, pair, action, said, deadline):
    """Order a switch unless it is done or under way; wait for its end."""
    target = "primary" if action == "failback" else "secondary"
    before = api.get("pairs/%s" % quote(pair))
    if before.get("run"):
        kind = before["run"].partition("-")[0]
        if (kind == "failback") == (action == "failback"):
            return wait_for(api, before["run"], deadline)
        raise Failed("%s is under way, and does not lead to the %s" % (before["run"], target))
    if before.get("active") == target:
        return "the %s is active already, under epoch %s" % (target, before.get("epoch"))
    order = dict(said, graceful=True) if action == "graceful" else said
    api.post("pairs/%s/%s" % (quote(pair), "failback" if action == "failback" else "failover"), order)
    return wait_for(api, find_run(api, pair, before, deadline), deadline)


def find_run(api, pair, before, deadline):
    """The run that an order has started. It may wait for the approval of a person, who is given the time there is."""
    known = (before.get("run"), before.get("last_run"))
    unanswered, now = 0, before
    while time.monotonic() < deadline:
        try:
            now = api.get("pairs/%s" % quote(pair))
            unanswered = 0
        except Refused:
            raise
        except Failed:
            unanswered += 1
            if unanswered >= UNANSWERED:
                raise
        for run in (now.get("run"), now.get("last_run")):
            if run and run not in known:
                return run
        time.sleep(POLL)
    waits = " (it waits for an approval: %s)" % now["proposal"] if now.get("proposal") else ""
    raise Failed("%s: nothing was started in time%s: %s" % (pair, waits, now.get("why")))


def wait_for(api, run, deadline):
    """Wait for the end of a run; raises ``Failed`` if it does not end well, or not in time."""
    print("waits for %s" % run)
    unanswered, found = 0, {}
    while time.monotonic() < deadline:
        try:
            found = api.get("runs/%s" % quote(run))
            unanswered = 0
        except Failed:
            unanswered += 1
            if unanswered >= UNANSWERED:
                raise
        if found.get("status") in OVER:
            return judge(run, found)
        time.sleep(POLL)
    waits = found.get("waits_for") or {}
    at = "; it is at %s: %s" % (waits.get("step"), waits.get("why")) if waits else ""
    raise Failed("%s has not ended in time, and goes on%s" % (run, at))


def judge(run, found):
    output = found.get("output") if isinstance(found.get("output"), dict) else {}
    is_well = output.get("ok", output.get("outcome") == "completed")
    faults = ["%s: %s" % (each["check"], each["why"]) for each in output.get("findings") or () if not each["ok"]]
    told = "; ".join(faults) or output.get("why") or output.get("aborted") or ""
    if found["status"] != "completed" or not is_well:
        raise Failed("%s: %s: %s" % (run, output.get("outcome") or "failed", told))
    return "%s: done: %s" % (run, told)


def practise(api, pair, order, deadline):
    """Hold a drill, unless the one that was begun last is under way; wait for its end."""
    run = find_drill(api, pair)
    if run is None:
        run = api.post("pairs/%s/drill" % quote(pair), order)["run"]
        keep_variable(DRILL, run)
    return wait_for(api, run, deadline)


def clean_up(api, pair, said, deadline):
    """End the drill that was begun last, if it is under way. One that is over has left nothing."""
    run = find_drill(api, pair)
    if run is None:
        return "there is nothing to clean up: no drill of this runbook is under way"
    path = "runs/%s" % quote(run)
    try:
        api.post(path + "/abort", said)
    except Refused:
        if api.get(path)["status"] not in OVER:
            raise
    while api.get(path)["status"] not in OVER:
        if time.monotonic() >= deadline:
            raise Failed("%s has not ended in time" % run)
        time.sleep(POLL)
    return "%s has ended" % run


def find_drill(api, pair):
    """The drill that was begun last if it is one of this pair and under way; else None."""
    run = read_variable(DRILL, "")
    if not run.startswith("drill-%s-" % pair):
        return None
    try:
        found = api.get("runs/%s" % quote(run))
    except Refused:
        return None
    return None if found["status"] in OVER else run


def acknowledge(api, pair, said):
    found = api.get("pairs/%s" % quote(pair))
    if found.get("run"):
        raise Failed("%s is under way: there is nothing to protect again before it has ended" % found["run"])
    if found.get("phase") != "settled":
        return "there is nothing to acknowledge: %s is %s" % (pair, found.get("phase"))
    return api.post("pairs/%s/acknowledge" % quote(pair), said)["why"]


class Api:
    """The app's HTTP interface."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost"):
            raise Failed("hubswitch-url: expected an https URL, got %r" % url)
        self._url = url.rstrip("/")
        self._key = read_variable("hubswitch-key", "")
        self._audience = "" if self._key else read_variable("hubswitch-audience")

    def get(self, path):
        return self._ask("GET", path, None)

    def post(self, path, body):
        return self._ask("POST", path, body)

    def _ask(self, method, path, body):
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if self._key:
            headers["x-functions-key"] = self._key
        else:
            headers["Authorization"] = "Bearer " + get_token(self._audience)
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + "/api/" + path, data, headers, method=method)
        what = "%s %s" % (method, path)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read().decode())
        except urllib.error.HTTPError as fault:
            raise read_problem(what, fault) from fault
        except (OSError, ValueError) as fault:
            raise Failed("%s: no answer that can be read: %s" % (what, fault)) from fault


def read_problem(what, fault):
    """What the app says of why not; ``Refused`` if asking again would bring the same."""
    try:
        told = json.loads(fault.read().decode()).get("detail", "")
    except (OSError, ValueError, AttributeError):
        told = ""
    kind = Refused if 400 <= fault.code < 500 and fault.code not in (408, 429) else Failed
    return kind("%s: %d %s" % (what, fault.code, " ".join(str(told or fault.reason).split())))


def get_token(audience):
    """A token of the account's managed identity (learn.microsoft.com, "Use managed identity for Automation")."""
    endpoint, secret = os.environ.get("IDENTITY_ENDPOINT"), os.environ.get("IDENTITY_HEADER")
    if not endpoint or not secret:
        raise Failed("hubswitch-key: expected a key, or a managed identity of the Automation account, got neither")
    url = endpoint + "?" + urllib.parse.urlencode({"resource": audience})
    request = urllib.request.Request(url, headers={"X-IDENTITY-HEADER": secret, "Metadata": "True"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read().decode())["access_token"]
    except (OSError, ValueError, KeyError) as fault:
        raise Failed("the managed identity got no token for %s: %s" % (audience, fault)) from fault


def read_variable(name, usual=None):
    """A variable of the Automation account; ``usual`` if there is none, without which that is a fault."""
    import automationassets  # Automation has it; nothing else does

    try:
        found = automationassets.get_automation_variable(name)
    except automationassets.AutomationAssetNotFound:
        found = None
    if found is not None and str(found).strip():
        return str(found).strip()
    if usual is None:
        raise Failed("variable %s of the Automation account: expected a value, got nothing" % name)
    return usual


def keep_variable(name, value):
    """Set a variable that the account has. Without it, ``cleanup`` knows of no drill, which is said."""
    import automationassets

    try:
        automationassets.set_automation_variable(name, value)
    except automationassets.AutomationAssetNotFound:
        print("WARNING: the Automation account has no variable %s: cleanup will not know of %s" % (name, value))


if __name__ == "__main__":
    try:
        print(main(sys.argv[1:]))
    except Failed as fault:
        sys.exit("ERROR: hubswitch: %s" % fault)
