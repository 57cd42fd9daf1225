"""What `edgetl service install` refuses, each in one line."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import edgetl
from edgetl.edge.errors import MissingExtraError, SettingError
from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.service.checks import check_rights
from edgetl.edge.service.classify_job import check_extras
from tests.conftest import Cli, assert_one_clear_line
from tests.edge.service import install


@pytest.mark.parametrize("name", ["two\nlines", "\x7f", "\udce9"])
def test_a_folder_that_systemd_cannot_read_is_refused(cli: Cli, card: Path, name: str) -> None:
    (card / "home/pi" / name).mkdir()
    result = cli.refused(*install(card, "--dry-run", "--output", f"/home/pi/{name}/a.csv"))
    assert_one_clear_line(result, "systemd takes no folder")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--window"], ["--window", "--preview"]),
        (["--run-as", "root"], ["--run-as USER"]),
        (["--run-as", "a b"], ["--run-as"]),
        (["--run-as", "0"], ["root", "--run-as USER"]),
        (["--run-as", "000"], ["root", "--run-as USER"]),
        (["--run-as", "boss"], ["root", "--run-as USER"]),
        (["--memory-max", "much"], ["--memory-max", "1G"]),
        (["--memory-max", "200%"], ["--memory-max 200%", "100%"]),
        (["--memory-max", "99999999999999999999T"], ["--memory-max", "1G"]),
        (["--memory-max", "1"], ["--memory-max 1:", "110 MB"]),
        (["--name", "../x"], ["--name"]),
        (["--model", "/home/pi/gone.tflite"], ["gone.tflite"]),
        (["--output", "/home/pi/none/a.jsonl"], ["/home/pi/none", "no such folder"]),
        (["--output", "/home/pi/a.txt"], ["/home/pi/a.txt", "--format"]),
        (["--output", "/home/pi/folder.csv"], ["/home/pi/folder.csv", "directory"]),
        (["--output", "/home/pi/notes.csv"], ["/home/pi/notes.csv", "does not begin with"]),
        (["--save-video", "/home/pi/v.mp4"], ["--save-video", "boot", "--snapshots"]),
        (["--smooth", "-1"], ["smooth -1"]),
        (["--smooth", "nan"], ["smooth nan"]),
        (["--mqtt-discovery"], ["--mqtt URL"]),
        (["--camera", "rtsp://me:secret@[::1/x"], ["--camera", "rtsp://host"]),
        (["--camera", "-1"], ["--camera '-1'", "--camera 0"]),
        (["--camera", ""], ["--camera: empty"]),
        (["photo.jpg"], ["photo.jpg"]),
        (["--mqtt", "host"], ["--mqtt"]),
        (["--preview", "h:99999"], ["--preview"]),
        (["--roi", "2"], ["roi"]),
        (["--keep", "red>0.9"], ["--snapshots"]),
        (["--snapshots", "/home/pi", "--keep", "dog>0.9"], ["dog"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_what_a_service_cannot_do_is_refused_at_once(
    cli: Cli, card: Path, arguments: list[str], words: list[str]
) -> None:
    result = cli.refused(*install(card, "--yes", *arguments))
    assert_one_clear_line(result, *words)
    assert not list(card.glob("etc/systemd/system/*"))


def test_a_path_that_is_wrong_is_named_before_a_volatile_folder(cli: Cli, card: Path) -> None:
    here = card / cli.folder.relative_to("/")  # below /tmp
    here.mkdir(parents=True)
    shutil.copy(card / "home/pi/m.tflite", here)
    for arguments, words in (
        (["--model", "gone.tflite"], ["gone.tflite: no such file"]),
        (["--model", ""], ["--model: empty"]),
        (["--output", "-"], ["--output -: add --format"]),
        (["--model", "m.tflite"], ["--model", "temporary"]),
        (["--output", "a.csv"], ["--output", "temporary"]),
    ):
        result = cli.refused(*install(card, "--yes", *arguments))
        assert_one_clear_line(result, *words)


def test_a_dry_run_shows_the_unit_and_then_all_that_would_be_refused(cli: Cli, card: Path) -> None:
    good = cli.here(*install(card, "--dry-run")).stdout
    wrong = ["--output", "/home/pi/none/a.csv", "--labels", "/home/pi/l"]
    result = cli.here(*install(card, "--dry-run", *wrong), check=2)
    assert result.stdout.splitlines()[:3] == good.splitlines()[:3]
    assert '"--output=/home/pi/none/a.csv"' in result.stdout
    labels, folder = result.stderr.splitlines()
    assert labels.startswith(f"edgetl: {card}/home/pi/l: ")
    assert folder.startswith("edgetl: /home/pi/none: no such folder")
    # A program that reads JSON gets the first of them, and no unit.
    assert_one_clear_line(cli.refused(*install(card, "--dry-run", "--json", *wrong)), "/pi/l: ")


def test_a_dry_run_shows_the_unit_of_a_user_that_is_refused(cli: Cli, card: Path) -> None:
    wrong = ["--run-as", "root", "--labels", "/home/pi/l"]
    result = cli.here(*install(card, "--dry-run", *wrong), check=2)
    assert "User=root" in result.stdout
    user, labels = result.stderr.splitlines()
    assert "--run-as USER" in user
    assert "/home/pi/l: " in labels


def test_checking_the_options_writes_nothing(cli: Cli, card: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in card.rglob("*")}
    more = ["--output", "/home/pi/new.csv", "--snapshots", "/home/pi/out put", "--keep", "red>0.9"]
    cli.here(*install(card, "--dry-run", *more))
    assert before == {path: path.stat().st_mtime_ns for path in card.rglob("*")}


@pytest.mark.parametrize("arguments", [["--model", "m.tflite"], ["--output", "a.csv"]])
def test_a_relative_path_in_a_folder_that_is_gone_is_refused(
    cli: Cli, card: Path, arguments: list[str]
) -> None:
    gone = cli.folder / "gone"
    gone.mkdir()
    command = ["sh", "-c", 'rmdir "$PWD" && exec "$0" -P -m edgetl "$@"', sys.executable]
    result = subprocess.run(
        [*command, *install(card, "--dry-run", *arguments)],
        cwd=gone,
        env={**os.environ, "PYTHONPATH": str(Path(edgetl.__file__).parents[1])},
        capture_output=True,
        text=True,
    )
    assert_one_clear_line(result, arguments[1], "the folder here is gone")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who tries another user's rights")
def test_what_the_user_may_not_do_is_refused(tmp_path: Path) -> None:
    there, program = Path("/etc/passwd"), Path("/bin/sh")
    new = Path("/tmp/no-such-results.jsonl")
    check_rights("daemon", runs=[program], reads=[there], writes=[Path("/tmp"), new])
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "m.tflite").touch(mode=0o644)
    for runs, reads, writes, words in (
        ([there], [], [], f"{there}: daemon may not run it.*--run-as"),
        ([], [closed / "m.tflite"], [], f"{closed}/m.tflite: daemon may not read it.*--run-as"),
        ([], [], [there], f"{there}: daemon may not write there"),
        ([], [], [Path("/etc")], "/etc: daemon may not write there; type: sudo chown daemon /etc$"),
    ):
        with pytest.raises(SettingError, match=words):
            check_rights("daemon", runs=runs, reads=reads, writes=writes)


@pytest.mark.parametrize(
    ("option", "module"), [("mqtt", "paho"), ("preview", "starlette"), ("preview", "uvicorn")]
)
def test_an_option_whose_package_is_missing_is_refused(
    monkeypatch: pytest.MonkeyPatch, option: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    check_extras(ClassifyOptions(camera="0"))
    with pytest.raises(MissingExtraError, match=rf"--{option} .*edgetl\[{option}\]"):
        check_extras(ClassifyOptions(camera="0", **{option: "host"}))


def test_a_library_that_does_not_load_is_one_clear_line(cli: Cli, card: Path) -> None:
    package = cli.folder / "packages" / "cv2"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('libGL.so.1: no such file')")
    paths = os.pathsep.join([str(package.parent), os.environ.get("PYTHONPATH", "")])
    result = cli(*install(card, "--dry-run"), check=2, PYTHONPATH=paths)
    assert_one_clear_line(result, "libGL.so.1", "edgetl doctor")


def test_a_file_tree_that_is_not_there_is_named_itself(cli: Cli, card: Path) -> None:
    gone, file = card / "gone", card / "etc/passwd"
    here = ["service", "install", "--camera", "0"]
    for command in (here, ["service", "install", "serve"], ["service", "uninstall"]):
        more = [] if command[-1] == "uninstall" else ["--model", "/home/pi/m.tflite", "--yes"]
        result = cli.refused(*command, "--root", gone, *more)
        assert_one_clear_line(result, f"--root {gone}: no such folder")
        result = cli.refused(*command, "--root", file, *more)
        assert_one_clear_line(result, f"--root {file}: no folder")
    assert not gone.exists()


def test_files_in_place_of_a_camera_and_a_missing_answer_are_refused(cli: Cli, card: Path) -> None:
    base = ["service", "install", "--root", card, "--run-as", "pi", "--yes"]
    assert_one_clear_line(cli.refused(*base, "--model", "/home/pi/m.tflite"), "--camera 0")
    assert_one_clear_line(cli.refused(*base, "--camera", "0"), "--model FILE")
    assert "--bogus" in cli.refused(*base, "--bogus").stderr
    assert_one_clear_line(cli.refused(*install(card)), "--yes")


@pytest.mark.skipif(os.path.isdir("/run/systemd/system"), reason="systemd runs here")  # noqa: PTH112
@pytest.mark.parametrize("command", ["install --camera 0 --model m", "status", "logs", "uninstall"])
def test_without_systemd_it_says_so(cli: Cli, command: str) -> None:
    assert_one_clear_line(cli.refused("service", *command.split()), "systemd does not run")
