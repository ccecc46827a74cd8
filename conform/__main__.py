"""``python -m conform [--wire FOLDER] [--list FILE]``: does the simulated Azure speak as the real one does?

Runs a whole outage and holds every request and answer against Microsoft's types and recorded traffic. Exit status 0 if
all differences are allowed by ``conform/allowed.toml``; 1 if one is not, or if an entry of the list is of no use any
more; 2 if the list cannot be read or the outage did not come to its end; 3 if types and recordings are not there and
nothing was checked.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterable
from pathlib import Path

from conform.allowed import Allowance, BadList, left_over, read_list
from conform.exchanges import Reference, Report, check_all
from conform.outage import NotShown, exchanges_of_an_outage
from orchestrator.simulator.request_log import LoggedExchange

ROOT = Path(__file__).resolve().parents[1]
WIRE = ROOT.parent / "shared" / "corpus" / "wire"
LIST = Path(__file__).with_name("allowed.toml")
OK, DIFFERENT, BROKEN, NOTHING_DONE = 0, 1, 2, 3


def main(arguments: list[str] | None = None) -> int:
    """Check, print what is left, and answer with the exit status."""
    parser = argparse.ArgumentParser(prog="python -m conform", description=__doc__.partition("\n")[0])
    parser.add_argument("--wire", type=Path, default=WIRE, help="folder with recordings, and types under specs/")
    parser.add_argument("--list", type=Path, default=LIST, help="differences that are allowed, with reasons")
    given = parser.parse_args(arguments)
    if not (given.wire / "specs").is_dir():
        print(f"{given.wire}: no types and recordings there: NOTHING WAS CHECKED (--wire names another folder)")
        return NOTHING_DONE
    try:
        allowed = read_list(given.list)
        exchanges = exchanges_of_an_outage()
    except (BadList, NotShown) as fault:
        print(fault, file=sys.stderr)
        return BROKEN
    return judge(exchanges, Reference(given.wire), allowed)


def judge(exchanges: Iterable[LoggedExchange], reference: Reference, allowed: list[Allowance]) -> int:
    """Print what differs and is not allowed, and what is allowed and does not differ; the exit status."""
    report = check_all(exchanges, reference)
    left, unused = left_over(report.lines, allowed)
    for line in left:
        print(f"{line}   ({report.lines[line]} times)")
    for entry in unused:
        print(f"the list's entry matches nothing any more: {entry.line}")
    print(_sum_up(report, left))
    return DIFFERENT if left or unused else OK


def _sum_up(report: Report, left: list[str]) -> str:
    return (
        f"{report.exchanges} exchanges, {report.recordings} recordings: "
        f"{len(report.lines)} differences, {len(left)} of them not allowed"
    )


if __name__ == "__main__":
    logging.getLogger().setLevel(logging.CRITICAL)
    sys.exit(main())
