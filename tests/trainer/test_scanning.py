"""Links, names and permissions in folders of photos."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from edgetl.edge.errors import DataError
from edgetl.trainer.data.scanning import scan
from tests.conftest import Cli, assert_one_clear_line
from tests.trainer.test_layouts import PLAIN, PNG, assert_noted, both, found, make, refused

posix = pytest.mark.skipif(os.name != "posix", reason="links and bytes in names")


@posix
def test_linked_folders_are_followed_and_circles_end(tmp_path: Path) -> None:
    elsewhere = make(tmp_path / "elsewhere", {"dogs": 3}, {})
    root = make(tmp_path / "data", {"cats": 3}, {})
    (root / "dogs").symlink_to(elsewhere / "dogs")
    (elsewhere / "dogs" / "up").symlink_to(elsewhere)
    (root / "cats" / "again").symlink_to(root)
    assert found(scan(root)) == PLAIN


@posix
def test_a_second_link_to_a_folder_is_noted(tmp_path: Path) -> None:
    elsewhere = make(tmp_path / "elsewhere", {"x": 3}, {})
    root = make(tmp_path / "data", both(""), {})
    for name in ("cats", "dogs"):
        (root / name / "more").symlink_to(elsewhere / "x")
    dataset = scan(root)
    assert found(dataset) == {"- cats": 6, "- dogs": 3}
    assert_noted(dataset, ["linked more than once: dogs/more/"])


@posix
def test_many_links_to_each_other_are_walked_in_bounded_time(tmp_path: Path) -> None:
    names = [f"c{n:02}" for n in range(12)]
    root = make(tmp_path / "data", dict.fromkeys(names, 2), {})
    for name in names:
        for other in names:
            (root / name / f"to-{other}").symlink_to(root / other)
    assert set(scan(root).labels) == set(names)


@posix
def test_links_to_nothing_and_pipes_are_excluded(tmp_path: Path) -> None:
    root = make(tmp_path, both(""), {})
    (root / "cats" / "gone.jpg").symlink_to(root / "nowhere.jpg")
    (root / "cats" / "loop.jpg").symlink_to(root / "cats" / "loop.jpg")
    os.mkfifo(root / "cats" / "pipe.jpg")
    dataset = scan(root)
    assert found(dataset) == PLAIN
    assert [item.file for item in dataset.excluded] == [
        "cats/gone.jpg",
        "cats/loop.jpg",
        "cats/pipe.jpg",
    ]
    assert all("a link to nothing" in item.reason for item in dataset.excluded)


@posix
def test_class_folders_that_are_no_utf8_are_all_named(tmp_path: Path) -> None:
    root = make(tmp_path, both(""), {})
    for name in (b"caf\xe9", b"\xfcber"):
        folder = Path(os.fsdecode(os.fsencode(root) + b"/" + name))
        folder.mkdir()
        (folder / "0.png").write_bytes(PNG)
    line = refused(root)
    assert r"folders caf\udce9, \udcfcber have names that are no UTF-8; rename the folders" in line


_CLOSED = """
import os, sys
from pathlib import Path
from edgetl.edge.errors import DataError
from edgetl.trainer.data.scanning import scan
os.setuid(65534)
try:
    scan(Path(sys.argv[1]))
except DataError as error:
    print(error)
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs to be root")
def test_folders_that_cannot_be_read_are_all_named_but_for_the_system_s() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = make(Path(name), {**both(""), "cats/a": 1, "dogs/b": 1, "lost+found": 1}, {})
        root.chmod(0o755)
        for closed in ("cats/a", "dogs/b", "lost+found"):
            (root / closed).chmod(0)
        result = subprocess.run(
            [sys.executable, "-c", _CLOSED, str(root)],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
    assert result.stdout.count("\n") == 1
    assert "cannot read cats/a (permission denied), dogs/b (permission denied);" in result.stdout


def test_folders_deeper_than_a_hundred_are_named(tmp_path: Path) -> None:
    deep = "/".join(["d"] * 101)
    root = make(tmp_path, {**both(""), f"cats/{deep}": 1}, {})
    with pytest.raises(DataError, match="more than 100 folders deep"):
        scan(root)


def test_train_refuses_before_anything_is_decoded_or_written(cli: Cli) -> None:
    make(cli.folder / "photos", {"train": 3, "bus": 3}, {})
    assert_one_clear_line(cli.here("train", "photos", check=2), "train/ is named like a split")
    assert not (cli.folder / "runs").exists()


def test_a_run_is_no_folder_of_photos(tmp_path: Path) -> None:
    make(tmp_path, {"figures": 3, "exports": 1}, {"config.json": "{}", "labels.txt": "a"})
    assert "is a run of edgetl; name the photos" in refused(tmp_path)
