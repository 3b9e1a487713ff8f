"""What a person reads is plain technical English: forms that read as a translation, and long sentences.

The forms were chosen on 300 sentences drawn at random: none of them was right where it stood. Most places say which
word the field uses; the page with the terms is docs/concepts/glossary.md.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from support.paths import ROOT
from support.sources import SOURCES, modules_in, nodes_of, place, refuse, text_of

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    ROOT / "results" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
GENERATED = {"commands.md", "space_fields.md"}
"""Pages whose text is in the code."""
MODULES = [*SOURCES, *modules_in("examples")]
FORMS: Mapping[str, str] = {
    r"\bbeside\b": "next to, compared with, or in addition to",
    r"(?<!there )\bis no (?!longer|more|less|other|such|one|matter|trial|need|way)[a-z]+": "is not a",
    r"\b(?:go|goes|going|went|gone) on\b(?! with)": "continue",
    r"\bin place of\b": "instead of",
    r"\bof your own\b(?! [a-z])": "your own network",
    r"\bLeft out[,:]": "By default, or [default: ...]",
    r"\b(?:nobody|somebody|whoever)\b": "name the person or the program: no user, another process",
    r"\btold apart\b|\btell apart\b": "significantly different",
    r"\btakes? away\b": "remove, or export",
    r"\bonce more\b": "again",
    r"\b(?:second|minute|hour|byte)s? an? (?:epoch|step|core|worker)\b": "per epoch",
    r"\bcommittees?\b(?!:)": "ensemble",
}
"""Regular expressions of words, and what to write."""
FIGURES: Mapping[str, str] = {r"(?:[\d}]|^) %(?![\w}])": "99.63%", r"(?:[\d}]|^) [kM]\b": "84k and 4.75M"}
"""Regular expressions of figures, and how they are written; a string begins with a unit that follows a value in it."""
LONGEST = 25
"""Words in a sentence of a page."""
ALLOWED = 8
"""Longer sentences in all pages together. Lower it when you shorten one; it never rises."""


def test_forms_that_a_reader_has_to_read_twice() -> None:
    refuse(
        f'{where}: "{match.group()}": write {instead}'
        for where, line in read_by_people()
        for form, instead in FORMS.items()
        if (match := re.search(form, line, re.IGNORECASE if form.islower() else 0)) is not None
    )


def test_figures_have_one_form() -> None:
    """Those in the blocks of code too, which show what the program prints."""
    files = [*PAGES, *(path for path in sorted((ROOT / "mnist_bench").rglob("templates/*")) if path.is_file())]
    lines = ((place(file, number), line) for file in files for number, line in enumerate(text_of(file).splitlines(), 1))
    refuse(
        f"{where}: {line.strip()}: write {instead}"
        for where, line in (*lines, *strings())
        for form, instead in FIGURES.items()
        if re.search(form, line)
    )


def test_sentences_of_pages_are_short() -> None:
    long = [
        f"{place(page, number)}: {len(sentence.split())} words: {sentence}"
        for page in PAGES
        for number, sentence in sentences_of(page)
        if len(sentence.split()) > LONGEST
    ]
    if len(long) > ALLOWED:
        pytest.fail("\n".join([f"{len(long)} sentences of more than {LONGEST} words, {ALLOWED} allowed:", *long]))
    assert len(long) == ALLOWED, f"lower ALLOWED in {Path(__file__).name} to {len(long)}"


def read_by_people() -> Iterator[tuple[str, str]]:
    """Yield (place, line) of all pages, and of docstrings, help and messages in the code, without what is code."""
    for page in PAGES:
        yield from ((place(page, number), line) for number, line in prose_of(page))
    yield from ((where, without_code(line)) for where, line in strings())


def strings() -> Iterator[tuple[str, str]]:
    """Yield (place, line) of docstrings, help and messages in the code: of strings that hold a space."""
    for module in MODULES:
        for node in nodes_of(module):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
                for after, line in enumerate(node.value.splitlines()):
                    yield place(module, node.lineno + after), line


@cache
def prose_of(page: Path) -> tuple[tuple[int, str], ...]:
    """Return (number, line) of a page, without blocks of code."""
    if page.name in GENERATED:
        return ()
    lines, is_code = [], False
    for number, line in enumerate(text_of(page).splitlines(), start=1):
        fence = line.lstrip().startswith("```")
        is_code ^= fence
        if not (fence or is_code or line.startswith("    ")):
            lines.append((number, without_code(line)))
    return tuple(lines)


def without_code(line: str) -> str:
    """Return a line with `code` and the targets of links replaced by a letter."""
    return re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`]*`", "x", line))


def sentences_of(page: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, sentence) of the paragraphs and lists of a page; tables and headings have none."""
    paragraph: list[tuple[int, str]] = []
    for number, line in [*prose_of(page), (0, "")]:
        if not line.strip() or re.match(r"\s*([|#>!]|:::|[-*] |\d+\. )", line):
            yield from _sentences(paragraph)
            paragraph = []
        if line.strip() and not re.match(r"\s*([|#>!]|:::)", line):
            paragraph.append((number, re.sub(r"^\s*([-*]|\d+\.) ", "", line)))


def _sentences(paragraph: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    if paragraph:
        text = " ".join(line.strip() for _, line in paragraph)
        yield from (
            (paragraph[0][0], part) for part in re.split(r"(?:(?<=[.!?])|(?<=[.!?]\*\*))\s+(?=[A-Z0-9x`\"\[*])", text)
        )
