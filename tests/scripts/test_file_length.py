"""No file that people write has more than 400 lines, and each command's has no more than 150."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("edge", "trainer", "benchmarks", "deploy", "edgetl", "scripts", "tests")
WRITTEN = {".py", ".html", ".css", ".js", ".j2", ".yml", ""}


def longer_than(lines: int, *folders: str) -> dict[str, int]:
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*")]
    found = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in paths
        if path.suffix in WRITTEN and path.is_file() and "__pycache__" not in path.parts
    }
    assert len(found) > 10
    return {name: count for name, count in found.items() if count > lines}


def test_a_file_has_at_most_400_lines() -> None:
    assert longer_than(400, *FOLDERS) == {}


def test_the_front_door_and_each_command_have_at_most_150() -> None:
    # What makes commands of options is neither.
    assert longer_than(150, "edgetl").keys() == {"edgetl/command.py"}
