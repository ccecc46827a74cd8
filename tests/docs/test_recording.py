"""The recording of the demo: how a terminal becomes a drawing, and what the one in the README shows."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import pyte
import pytest

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def recorder(root: Path) -> ModuleType:
    """The script."""
    spec = importlib.util.spec_from_file_location("record_demo", root / "scripts" / "record_demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def frames_of(recorder: ModuleType, *written: str) -> list[tuple[float, object]]:
    """What stands on a terminal after each of these, one second apart."""
    screen = pyte.Screen(recorder.COLUMNS, recorder.ROWS)
    stream, frames = pyte.Stream(screen), []
    for second, text in enumerate(written):
        stream.feed(text)
        frames.append((float(second), recorder.frame_of(screen)))
    return frames


def test_a_terminal_is_drawn_as_it_stood(recorder: ModuleType) -> None:
    """Columns, colours and bold letters; what is overwritten is gone; what is no markup stays text."""
    frames = frames_of(recorder, "  one \x1b[1;31mbad\x1b[0m <b>&", "\r\x1b[2Ktwo")
    svg = recorder.draw(recorder.cut(frames))
    root = ET.fromstring(svg)  # noqa: S314 - our own
    lines = [[(text.text, text.get("x"), text.get("class")) for text in line] for line in root.iter(f"{SVG}g")][:2]
    assert lines == [
        [("one", f"{2 * recorder.CELL:g}", None), ("bad", f"{6 * recorder.CELL:g}", "red b"), ("<b>&", "84", None)],
        [("two", "0", None)],
    ]


def test_a_line_that_stays_stands_in_the_file_once(recorder: ModuleType) -> None:
    """A recording of minutes is small: most of a screen does not change."""
    frames = frames_of(recorder, "head\r\n", *(f"\r{number}" for number in range(50)))
    svg = recorder.draw(recorder.cut(frames))
    assert svg.count(">head<") == 1
    assert svg.count("<use ") == 1 + 2 * 50


def test_frames_that_are_alike_are_one_and_long_ones_are_cut(recorder: ModuleType) -> None:
    """Nobody waits for a screen that stands still."""
    first, second = (frame for _, frame in frames_of(recorder, "a", "b"))
    shown = recorder.cut([(0.0, first), (0.5, first), (1.0, second), (91.0, first), (92.0, first)])
    assert [each.frame for each in shown] == [first, second, first]
    wanted = [1.0 / recorder.PACE, recorder.LONGEST / recorder.PACE, recorder.LAST]
    assert [each.seconds for each in shown] == wanted


def test_a_screen_that_is_written_in_pieces_is_one_frame(recorder: ModuleType) -> None:
    """However long the pieces take: half of a screen is no frame."""
    screen = pyte.Screen(recorder.COLUMNS, recorder.ROWS)
    pieces = [b"head\r\n", b"", b"\x1b[H\x1b[2Jone\r\n", b"two\r\n", b"three", b"", b"", b" four", b""]
    frames = recorder.take(list(enumerate(pieces)), screen)
    assert [at for at, _ in frames] == [1, 5, 6, 8]
    told = [["".join(piece.text for piece in line) for line in frame if line] for _, frame in frames]
    assert told == [["head"], ["one", "two", "three"], ["one", "two", "three"], ["one", "two", "three four"]]


def test_every_screen_of_the_recording_is_whole(root: Path, recorder: ModuleType) -> None:
    """A box that has begun has ended."""
    tree = ET.parse(root / "docs" / "images" / "demo.svg").getroot()  # noqa: S314 - our own
    text = {f"#{line.get('id')}": "".join(piece.text or "" for piece in line) for line in tree.iter(f"{SVG}g")}
    frames: dict[int, list[str]] = {}
    for use in tree.iter(f"{SVG}use"):
        frame = int(use.get("y") or 0) // (recorder.ROWS * recorder.LINE)
        frames.setdefault(frame, []).append(text[use.get("href") or ""])
    live = [lines for lines in frames.values() if any("  active " in line for line in lines)]
    assert len(live) > 10
    assert [lines for lines in live if not lines[-1].startswith("╰")] == []


def test_the_recording_shows_a_run_that_went_well(root: Path) -> None:
    """From the first screen to the last sentence; it loads nothing, runs nothing, and is small."""
    path = root / "docs" / "images" / "demo.svg"
    text = path.read_text(encoding="utf-8")
    tree = ET.fromstring(text)  # noqa: S314 - our own
    assert path.stat().st_size < 300_000
    assert {element.tag.removeprefix(SVG) for element in tree.iter()} <= {
        *("svg", "title", "style", "defs", "g", "text", "use", "rect"),
    }
    assert re.findall(r"(?:href|src)=\"(?!#)|url\(|@import|<script| on[a-z]+=", text) == []
    words = {"".join(piece.text or "" for piece in line) for line in tree.iter(f"{SVG}g")}
    assert "every job is accounted for" in words
    assert any("switching" in line or "resubmitting" in line for line in words)
    assert any(re.fullmatch(r"│ lost *│ 0 *│ *│", line) for line in words)
    assert "prefers-reduced-motion" in text


def test_the_readme_shows_it(root: Path) -> None:
    """With words for those who do not see it."""
    found = re.search(r"!\[([^\]]{20,})\]\(docs/images/demo\.svg\)", (root / "README.md").read_text(encoding="utf-8"))
    assert found
