"""Record the demo as an animated SVG for the README: a real run on a terminal of its own, drawn frame by frame.

``.venv/bin/python scripts/record_demo.py`` writes ``docs/images/demo.svg``. The frames are those of the run, at most
four a second, each taken when the program has written all of it. One that stood for longer than two seconds is cut to
two; then all are shown twice as fast. The drawing needs no script and loads nothing: the frames stand below each other,
and a CSS animation shows one after the other. Whoever prefers less motion sees the last one.
"""
# ruff: noqa: INP001 - a script, not a package

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

import pyte

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "images" / "demo.svg"
COMMAND = (str(ROOT / ".venv" / "bin" / "hubswitch"), "demo", "--seed", "7", "--jobs", "60")
COLUMNS, ROWS = 100, 32

SHORTEST, LONGEST, LAST = 0.25, 2.0, 8.0
"""Seconds of a frame as it was recorded, and of the last one as it is shown."""

QUIET = 0.05
"""Seconds without output after which a screen is whole: a terminal hands a large one over in pieces."""

PACE = 2
"""How many times as fast it is shown."""

CELL, LINE, MARGIN = 8.4, 18, 14
"""Width and height of a character, and the edge around all, in pixels."""

GROUND, INK = "#12171d", "#d8dee6"
COLOURS = {
    "black": "#5c6773",
    "red": "#ff8f88",
    "green": "#7fd99a",
    "brown": "#f0c75e",
    "blue": "#84b9ff",
    "magenta": "#d5a6ff",
    "cyan": "#7fd6e0",
    "white": "#ffffff",
}
"""What pyte calls the colours of a terminal -> as drawn. All stand out from the ground by more than 4.5 to 1."""


class Piece(NamedTuple):
    """Characters of one look, from a column on."""

    column: int
    text: str
    colour: str
    bold: bool


type Line = tuple[Piece, ...]
type Frame = tuple[Line, ...]
"""The lines of a screen, from the top."""


class Shown(NamedTuple):
    """A frame, and for how many seconds."""

    frame: Frame
    seconds: float


def record(command: Sequence[str]) -> tuple[list[Shown], int]:
    """Run a command on a terminal: its frames and its exit status."""
    screen = pyte.Screen(COLUMNS, ROWS)
    inner, outer = pty.openpty()
    fcntl.ioctl(outer, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
    with subprocess.Popen(command, stdin=outer, stdout=outer, stderr=outer, env=environment, cwd=ROOT) as process:
        os.close(outer)
        frames = take(((time.monotonic(), data) for data in _read(inner)), screen)
        frames.append((time.monotonic(), frame_of(screen)))
    os.close(inner)
    return cut(frames), process.returncode


def take(written: Iterable[tuple[float, bytes]], screen: pyte.Screen) -> list[tuple[float, Frame]]:
    """The frames of what is written on a screen, with their times. Nothing is written: the screen is whole."""
    stream = pyte.ByteStream(screen)
    frames: list[tuple[float, Frame]] = []
    for at, data in written:
        if data:
            stream.feed(data)
        elif not frames or at - frames[-1][0] >= SHORTEST:
            frames.append((at, frame_of(screen)))
    return frames


def _read(terminal: int) -> Iterator[bytes]:
    """What is written, and nothing now and then while nothing is, until the other end is closed."""
    while True:
        ready, _, _ = select.select([terminal], [], [], QUIET)
        if not ready:
            yield b""
            continue
        try:
            data = os.read(terminal, 65536)
        except OSError:  # Linux says so when the last process has closed its terminal
            return
        if not data:
            return
        yield data


def frame_of(screen: pyte.Screen) -> Frame:
    """What stands on a screen."""
    return tuple(_line(screen, row) for row in range(screen.lines))


def _line(screen: pyte.Screen, row: int) -> Line:
    cells = [screen.buffer[row][column] for column in range(screen.columns)]
    pieces, column = [], 0
    for (colour, bold), alike in groupby(cells, key=lambda cell: (cell.fg, cell.bold)):
        text = "".join(cell.data for cell in alike)
        bare = text.strip(" ")
        if bare:
            pieces.append(Piece(column + len(text) - len(text.lstrip(" ")), bare, COLOURS.get(colour, INK), bold))
        column += len(text)
    return tuple(pieces)


def cut(frames: Sequence[tuple[float, Frame]]) -> list[Shown]:
    """Frames with their times, those that are alike in a row as one, and for how long each is shown."""
    firsts = [next(alike) for _, alike in groupby(frames, key=lambda each: each[1])]
    ends = [at for at, _ in firsts[1:]]
    shown = [Shown(frame, min(end - at, LONGEST) / PACE) for (at, frame), end in zip(firsts, ends, strict=False)]
    return [*shown, Shown(firsts[-1][1], LAST)]


def draw(shown: Sequence[Shown]) -> str:
    """The animated SVG. Each line that is ever seen stands in it once."""
    lines = list(dict.fromkeys(line for each in shown for line in each.frame if line))
    number = {line: index for index, line in enumerate(lines)}
    height = ROWS * LINE
    uses = (
        f'<use href="#l{number[line]}" y="{frame * height + row * LINE}"/>'
        for frame, each in enumerate(shown)
        for row, line in enumerate(each.frame)
        if line
    )
    width, whole = round(COLUMNS * CELL + 2 * MARGIN), height + 2 * MARGIN
    last = -(len(shown) - 1) * height
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {whole}" width="{width}" height="{whole}"',
        'role="img">',
        "<title>A run of hubswitch demo: a region goes down, the pair switches, and every job is accounted for</title>",
        "<style>text{font:14px ui-monospace,'Cascadia Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace;",
        f"white-space:pre;fill:{INK}}}.b{{font-weight:700}}",
        *(f".{name}{{fill:{colour}}}" for name, colour in COLOURS.items()),
        f"@keyframes film{{{_keyframes(shown, height)}}}",
        f".film{{animation:film {sum(each.seconds for each in shown):.2f}s steps(1,end) infinite}}",
        f"@media(prefers-reduced-motion:reduce){{.film{{animation:none;transform:translateY({last}px)}}}}</style>",
        "<defs>",
        *(f'<g id="l{index}">{_draw_line(line)}</g>' for line, index in number.items()),
        "</defs>",
        f'<rect width="100%" height="100%" rx="8" fill="{GROUND}"/>',
        f'<svg x="{MARGIN}" y="{MARGIN}" width="{COLUMNS * CELL:g}" height="{height}"><g class="film">',
        *uses,
        "</g></svg></svg>",
    ]
    return "\n".join(parts) + "\n"


def _keyframes(shown: Sequence[Shown], height: int) -> str:
    whole, at, told = sum(each.seconds for each in shown), 0.0, []
    for frame, each in enumerate(shown):
        told.append(f"{at / whole * 100:.3f}%{{transform:translateY({-frame * height}px)}}")
        at += each.seconds
    return "".join(told)


def _draw_line(line: Line) -> str:
    """The pieces, each as wide as its characters whatever the font is."""
    names = {colour: name for name, colour in COLOURS.items()}
    drawn = []
    for piece in line:
        look = " ".join(filter(None, (names.get(piece.colour, ""), "b" if piece.bold else "")))
        length = f' textLength="{len(piece.text) * CELL:g}" lengthAdjust="spacingAndGlyphs"'
        kind = f' class="{look}"' if look else ""
        drawn.append(f'<text x="{piece.column * CELL:g}" y="13"{length}{kind}>{escape(piece.text)}</text>')
    return "".join(drawn)


def main() -> None:
    shown, status = record(COMMAND)
    if status:
        sys.exit(f"the demo ended with {status}; nothing was written")
    TARGET.write_text(draw(shown), encoding="utf-8")
    sys.stdout.write(f"{TARGET.relative_to(ROOT)}: {len(shown)} frames, {TARGET.stat().st_size // 1000} KB\n")


if __name__ == "__main__":
    main()
