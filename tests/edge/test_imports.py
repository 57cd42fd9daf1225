"""Arrows point one way: edgetl -> benchmarks -> trainer -> edge, edgetl -> deploy -> edge.

The device never meets TensorFlow.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {"tensorflow", "keras", "matplotlib"}
FORBIDDEN = {
    "edge": {"trainer", "benchmarks", "deploy", "edgetl", "tests"} | HEAVY,
    "trainer": {"benchmarks", "deploy", "edgetl", "tests"},
    "benchmarks": {"deploy", "edgetl", "tests"},
    "deploy": {"trainer", "benchmarks", "edgetl", "tests"} | HEAVY,
}
FILES = [path for package in FORBIDDEN for path in sorted((ROOT / package).rglob("*.py"))]


def imported(tree: ast.AST) -> set[str]:
    """The top-level packages imported anywhere in `tree`, inside functions too."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0] if not node.level else ".")
    return names


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_package_imports_only_what_is_below_it(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    assert not imported(parsed(path)) & (FORBIDDEN[package] | {"."})


def test_the_front_door_imports_nothing_heavy_until_a_command_runs() -> None:
    top = parsed(ROOT / "edgetl.py").body
    names = set().union(*(imported(node) for node in top if isinstance(node, ast.Import)))
    modules = {node.module for node in top if isinstance(node, ast.ImportFrom)}
    ours = {name for name in modules if name.partition(".")[0] in {*FORBIDDEN}}
    light = {"errors", "extras", "garbage", "native_log", "standard_streams"}
    assert ours <= {"edge"} | {f"edge.{name}" for name in light}
    assert not (names | modules) & (HEAVY | {"cv2", "numpy", "PIL", "rich"})


def test_the_check_sees_imports_inside_functions_and_type_checking_blocks() -> None:
    code = (
        "def f():\n    from trainer.export import export\nif True:\n    import keras.layers as k\n"
    )
    assert imported(ast.parse(code)) == {"trainer", "keras"}


def test_every_package_is_checked() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in FILES} == set(FORBIDDEN)
