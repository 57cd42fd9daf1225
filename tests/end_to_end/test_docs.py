"""The documentation says what the code does, and the code is in files that can be read."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from edgetl.cli import app

ROOT = Path(__file__).parents[2]
if not (ROOT / "edge").is_dir():
    pytest.skip("there is no source here", allow_module_level=True)

DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
CODE = re.compile(r"^```(?:bash|text)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LONGEST = 400


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def commands(group: Any = app, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """The words of each command after `edgetl`, and the command."""
    context = typer.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if hasattr(command, "list_commands"):
            yield from commands(command, (*words, name))
        else:
            yield " ".join((*words, name)), command


COMMANDS = dict(commands())


def options(command: Any) -> set[str]:
    return {flag for p in command.params for flag in (*p.opts, *p.secondary_opts) if flag[0] == "-"}


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_the_reference_is_what_the_code_says() -> None:
    result = subprocess.run(
        [sys.executable, ROOT / "scripts" / "reference", "--check"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_is_in_the_reference(name: str) -> None:
    page = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")
    shared, *sections = page.split("\n## ")[1:]
    (section,) = (text for text in sections if text.startswith(f"edgetl {name}\n"))
    spelled = set(re.findall(r"(?<![\w-])--?[\w-]+", section + shared))
    assert options(COMMANDS[name]) <= spelled


def typed_lines() -> list[tuple[Path, str]]:
    return [
        (path, line)
        for path in DOCS
        if "reference" not in path.parts
        for block in CODE.findall(path.read_text(encoding="utf-8"))
        for line in block.replace("\\\n", " ").splitlines()
        if re.search(r"(?:^|[/ ])edgetl [a-z]", line)
    ]


def test_every_option_that_the_documentation_types_exists() -> None:
    unknown, seen = [], 0
    for path, line in typed_lines():
        words = re.split(r"(?:^|[/ ])edgetl ", line, maxsplit=1)[1].split("'")[0].split()
        begins = (" ".join(words[:end]) for end in (3, 2, 1))
        name = next((one for one in begins if one in COMMANDS), None)
        if name is None:
            continue
        known = options(COMMANDS[name]) | {"--help", "--help-all"}
        if name == "service install":
            known |= options(COMMANDS["classify"])
        for word in words:
            seen += word.startswith("--")
            if word.startswith("--") and word.partition("=")[0] not in known:
                unknown.append((named(path), line))
    assert seen > 20
    assert not unknown


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    linked = set(re.findall(r"\]\(([^)#]+\.md)\)", index))
    assert pages - {"index.md"} <= linked


@pytest.mark.parametrize("path", DOCS, ids=named)
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
    assert not [link for link in links if not (path.parent / link).exists()]


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/architecture.md", "README.md"])
def test_files_that_are_named_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    paths = re.findall(
        r"`((?:edge|trainer|benchmarks|deploy|edgetl|tests|docs|scripts|\.ci)/[\w./-]+)`", text
    )
    assert paths
    assert not [p for p in paths if "NAME" not in p and not (ROOT / p).exists()]


def test_ci_and_the_scripts_are_what_contributing_says_to_type() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    typed = {
        line.split()[0]
        for block in re.findall(r"^```bash\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        for line in block.splitlines()
    }
    assert {"scripts/install", "scripts/test", "scripts/lint", "scripts/check"} <= typed
    assert not [name for name in typed if "/" in name and not (ROOT / name).exists()
                and not name.startswith(".venv/")]  # fmt: skip


def test_no_file_is_longer_than_can_be_read() -> None:
    files = [*tracked("*.py"), *tracked("scripts", ".ci")]
    long = {
        named(path): count
        for path in files
        if (count := path.read_text(encoding="utf-8").count("\n")) > LONGEST
    }
    assert not long
