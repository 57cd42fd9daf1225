"""Arrows point one way: edgetl -> benchmarks -> trainer -> edge, edgetl -> deploy -> edge.

The same holds for the folders inside a package: none imports what imports it. And the device never
meets TensorFlow.
"""

import ast
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {"tensorflow", "keras", "matplotlib", "jinja2"}
COMMANDS = {"edgetl.cli", "edgetl.commands"}
FORBIDDEN = {
    "edge": {"edgetl.trainer", "edgetl.benchmarks", "edgetl.deploy", "tests"} | HEAVY | COMMANDS,
    "trainer": {"edgetl.benchmarks", "edgetl.deploy", "tests"} | COMMANDS,
    "benchmarks": {"edgetl.deploy", "tests"} | COMMANDS,
    "deploy": {"edgetl.trainer", "edgetl.benchmarks", "tests"} | HEAVY | COMMANDS,
}
FILES = [path for package in FORBIDDEN for path in sorted((ROOT / package).rglob("*.py"))]
# They run on whatever Python Ansible finds, without edgetl.
ALONE = {"callback_plugins", "roles"}


def imported(tree: ast.AST) -> set[str]:
    """The modules imported anywhere in `tree`, inside functions too, each with its parents."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." if node.level else node.module or ""
            names |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    parts = [name.split(".") for name in names if name != "."]
    parents = {".".join(part[:end]) for part in parts for end in range(1, len(part) + 1)}
    return parents | (names & {"."})


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_package_imports_only_what_is_below_it(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    names = imported(parsed(path))
    assert not names & (FORBIDDEN[package] | {"."})
    # Under these names a module would be there twice, or be another distribution's.
    assert not names & set(FORBIDDEN)


def folder_of(name: str, package: str) -> str | None:
    """The folder or module right inside edgetl.PACKAGE that a module belongs to."""
    parts = name.split(".")
    return parts[2] if parts[:2] == ["edgetl", package] and len(parts) > 2 else None


@pytest.mark.parametrize("package", sorted(FORBIDDEN))
def test_no_folder_imports_one_that_imports_it(package: str) -> None:
    children = {path.stem for path in (ROOT / package).iterdir()}
    imports: dict[str, set[str]] = defaultdict(set)
    for path in sorted((ROOT / package).rglob("*.py")):
        inside = path.relative_to(ROOT / package).with_suffix("").parts
        if ALONE & set(inside) or inside == ("__init__",):
            continue
        used = {folder_of(name, package) for name in imported(parsed(path))}
        imports[inside[0]] |= {name for name in used if name in children} - {inside[0]}
    list(TopologicalSorter(imports).static_order())  # raises CycleError, which names the circle


def test_the_front_door_imports_nothing_heavy_until_a_command_runs() -> None:
    top = parsed(ROOT / "edgetl" / "cli.py").body
    names = set().union(
        *(imported(node) for node in top if isinstance(node, ast.Import | ast.ImportFrom))
    )
    ours = {name for name in names if name.startswith("edgetl.edge.") and name.count(".") == 3}
    light = {"messages", "native_log", "out_of_memory", "shutdown", "standard_streams"}
    assert {name.rpartition(".")[2] for name in ours if name.startswith("edgetl.edge.system.")} <= (
        light
    )
    assert not names & (HEAVY | {"cv2", "numpy", "PIL", "rich"})
    assert not {name for name in names if name.startswith(("edgetl.trainer", "edgetl.benchmarks"))}


def test_the_check_sees_imports_inside_functions_and_type_checking_blocks() -> None:
    code = "def f():\n    from edgetl.edge import x\nif True:\n    import keras.layers as k\n"
    found = imported(ast.parse(code))
    assert found == {"edgetl", "edgetl.edge", "edgetl.edge.x", "keras", "keras.layers"}


def test_every_package_is_checked() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in FILES} == set(FORBIDDEN)
