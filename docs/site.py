"""What the site adds to the pages of this folder, for mkdocs: the repository's own pages, and results they point at.

Pages are written for the repository, in folders of `docs/`, and link files outside it. In the site all of them have one
root.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
START = "README.md"
OWN = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
"""Pages of the repository's root that are part of the site, besides the first one."""
SHOWN = frozenset({".md", ".png"})
"""Of the published results, what the site shows; other files are named, and not linked."""
FUNCTIONS = "<!-- made: functions -->"
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the repository's pages, README.md as the first one, and the published results."""
    from mkdocs.structure.files import File

    for name in (START, *OWN):
        files.append(File.generated(config, _in_site(name), abs_src_path=str(ROOT / name)))
    for path in sorted((ROOT / "results" / "published").rglob("*")):
        if path.suffix in SHOWN:
            files.append(File.generated(config, path.relative_to(ROOT).as_posix(), abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return a page with links as the site has them; of what the site does not show, the name alone."""
    source = page.file.src_uri
    at_root = source == _in_site(START) or source in OWN
    in_docs = (ROOT / "docs" / source).exists()
    here = Path() if at_root else (Path("docs", source) if in_docs else Path(source)).parent

    def changed(link: re.Match[str]) -> str:
        picture, text, target = link.groups()
        path, _, anchor = target.partition("#")
        if "://" in target or not path:
            return link[0]
        whole = posixpath.normpath((here / path).as_posix())
        there = files.get_file_from_path(_in_site(whole))
        if there is None:
            return text
        up = "../" * source.count("/")
        return f"{picture}[{text}]({up}{there.src_uri}{'#' * bool(anchor)}{anchor})"

    return _with_functions_linked(LINK.sub(changed, markdown))


def _with_functions_linked(markdown: str) -> str:
    """Return a page in which the table of all functions links their descriptions below, by mkdocstrings' references."""
    import mnist_bench

    before, mark, rest = markdown.partition(FUNCTIONS)
    table, end, after = rest.partition("<!-- end -->")
    for name in vars(mnist_bench)["__all__"] if mark else ():
        function = getattr(mnist_bench, name)
        if callable(function):
            table = table.replace(f"| `{name}` |", f"| [`{name}`][{function.__module__}.{name}] |")
    return before + mark + table + end + after


def _in_site(path: str) -> str:
    """Return where a file of the repository is in the site."""
    return "index.md" if path == START else path.removeprefix("docs/")
