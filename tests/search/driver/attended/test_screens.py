"""Where progress is shown, and what that leaves behind."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from search.driver.attended.screens import NotebookDisplay, TerminalLine, is_command_in_cell, screen_here

VARIABLES = ("JPY_PARENT_PID", "CLICOLOR_FORCE", "GIT_PAGER")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Display:
    """Stands in for IPython's module of this name, and for the handles that it returns."""

    def __init__(self) -> None:
        self.made: list[dict[str, str]] = []
        self.updated: list[dict[str, str]] = []

    def display(self, content: dict[str, str], *, raw: bool, display_id: bool) -> Display:
        self.made.append(content)
        return self

    def update(self, content: dict[str, str], *, raw: bool) -> None:
        self.updated.append(content)


@pytest.fixture(autouse=True)
def _outside_jupyter(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    monkeypatch.setenv("TERM", "xterm")


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Display:
    """Return the display of the kernel that this process then is."""
    shown = Display()
    monkeypatch.setitem(sys.modules, "IPython", _ipython(SimpleNamespace(kernel=object())))
    monkeypatch.setitem(sys.modules, "IPython.display", shown)
    return shown


def _ipython(shell: object) -> Any:
    return SimpleNamespace(get_ipython=lambda: shell)


@pytest.mark.parametrize(
    ("stderr", "variables", "kind"),
    [
        (io.StringIO(), {}, type(None)),  # a file, or a pipe
        (None, {}, type(None)),
        (Terminal(), {}, TerminalLine),
        (Terminal(), {"JPY_PARENT_PID": "1"}, type(None)),  # a cell of a notebook, which replaces no line
        (Terminal(), {"TERM": "dumb"}, type(None)),
    ],
)
def test_a_terminal_has_a_screen_if_it_can_replace_a_line(
    monkeypatch: pytest.MonkeyPatch, stderr: io.StringIO | None, variables: dict[str, str], kind: type
) -> None:
    monkeypatch.setattr(sys, "stderr", stderr)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert isinstance(screen_here(), kind)


def test_ipython_in_a_terminal_is_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    for shell in (None, SimpleNamespace()):
        monkeypatch.setitem(sys.modules, "IPython", _ipython(shell))
        assert isinstance(screen_here(), TerminalLine)


def test_a_command_of_a_cell_is_known_by_what_ipykernel_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_command_in_cell()
    monkeypatch.setenv("CLICOLOR_FORCE", "1")
    assert not is_command_in_cell(), "a user's own wish for colors"
    monkeypatch.setenv("GIT_PAGER", "cat")
    assert is_command_in_cell()


def test_a_line_is_replaced_and_cut_and_lines_that_stay_are_above() -> None:
    stream = Terminal()
    line = TerminalLine(stream)
    line.show("one\x1b[31m")
    line.say("a warning")
    line.show("x" * 200)
    line.close()
    assert stream.getvalue().split("\r\x1b[K") == ["", "one [31m", "a warning\none [31m", f"{'x' * 78}…\n"]


def test_a_stream_that_lacks_a_sign_gets_another() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, "ascii")
    TerminalLine(stream).show("1 · 2")
    assert raw.getvalue() == b"\r\x1b[K1 ? 2"


def test_a_cell_gets_one_display_which_is_updated(display: Display) -> None:
    screen = screen_here()
    assert isinstance(screen, NotebookDisplay)
    screen.show("1 of 2", 0.5)
    screen.say("<b>odd</b>")
    screen.show("2 of 2", 1.0)
    screen.close()
    assert [content["text/plain"] for content in display.made] == ["1 of 2"]
    assert [content["text/plain"] for content in display.updated] == ["<b>odd</b>\n1 of 2", "<b>odd</b>\n2 of 2"]
    assert display.updated[-1]["text/html"] == (
        '&lt;b&gt;odd&lt;/b&gt;<br><progress max="1" value="1.0000"></progress> 2 of 2'
    )
