"""`edgetl service`: units that systemd itself reads, in another system's file tree."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

import edgetl
from edgetl.command import options_from_arguments
from edgetl.edge.errors import MissingExtraError, SettingError
from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.preview.token import kept_token, token_file
from edgetl.edge.service.checks import check_extras, check_rights
from edgetl.edge.service.options import UnitLocation
from edgetl.edge.service.systemd import described
from edgetl.edge.service.unit import MARK, Service, unit_text, word
from tests.conftest import Cli, assert_one_clear_line

# Exposure by `systemd-analyze security`, in tenths, from 0 (none) to 100. What remains is mostly
# the network, the file tree that can be read, and running in the machine's own namespaces.
MOST_EXPOSURE = 25

needs_systemd = pytest.mark.skipif(
    not (shutil.which("systemd-analyze") and shutil.which("systemctl")),
    reason="needs systemd's tools: apt-get install systemd",
)

OPTION_SETS = {
    "camera": Service(["/bin/true"], "daemon", devices=["char-video4linux"]),
    "raspberry": Service(
        ["/bin/true"],
        "daemon",
        devices=["char-video4linux", "char-media", "char-dma_heap"],
        netlink=True,
    ),
    "all": Service(
        ["/bin/true", "a b", '"', "\\", "100%", "$HOME", "${X}", "'", ";", "\n", "é\udce9"],
        "daemon",
        memory_max="50%",
        devices=["char-video4linux"],
        writable=[PurePosixPath("/srv"), PurePosixPath('/srv/o u"t%d')],
        network=True,
        results_to_journal=True,
        secrets=PurePosixPath("/etc/edgetl/edgetl.env"),
        state=PurePosixPath("/var/lib/edgetl/edgetl"),
    ),
    "stream": Service(["/bin/true"], "daemon", network=True),
}


def _verified(unit: Path) -> str:
    """What `systemd-analyze verify` has to say of a unit."""
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True
    )
    return "\n".join(
        line for line in (result.stdout + result.stderr).splitlines() if unit.name in line
    )


@needs_systemd
@pytest.mark.parametrize("name", OPTION_SETS)
def test_systemd_finds_nothing_to_warn_of(tmp_path: Path, name: str) -> None:
    unit = tmp_path / "edgetl-tried.service"
    unit.write_text(unit_text(OPTION_SETS[name]))
    assert _verified(unit) == ""


@needs_systemd
def test_the_check_sees_a_key_and_a_value_that_systemd_does_not_know(tmp_path: Path) -> None:
    unit = tmp_path / "edgetl-tried.service"
    good = unit_text(OPTION_SETS["camera"])
    for bad in (good.replace("UMask=", "Umasque="), good.replace("RestartSec=10", "RestartSec=x")):
        unit.write_text(bad)
        assert _verified(unit) != ""


@needs_systemd
@pytest.mark.parametrize("name", OPTION_SETS)
def test_little_is_exposed(tmp_path: Path, name: str) -> None:
    unit = tmp_path / "edgetl-tried.service"
    unit.write_text(unit_text(OPTION_SETS[name]))
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSURE}"]
    result = subprocess.run([*command, unit], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-300:] + result.stderr
    assert "Overall exposure level" in result.stdout


@needs_systemd
def test_systemd_reads_a_quoted_word_as_it_was(tmp_path: Path) -> None:
    unit = tmp_path / "edgetl-tried.service"
    # It shows the name of a program that it will not run, as it has read it.
    odd = "/a b\"c'd\\e%f%%\\x41;é"
    unit.write_text(unit_text(Service([odd], "daemon")))
    assert f"special characters: {odd}" in _verified(unit)
    program = tmp_path / "a b%f%%;é" / "edgetl"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    unit.write_text(unit_text(Service([str(program)], "daemon")))
    assert "not executable" in _verified(unit)
    program.chmod(0o755)
    assert _verified(unit) == ""


def _as_read(unit: Path, name: str) -> str:
    """What systemd has read of a unit, by the name of a key."""
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", unit],
        capture_output=True, text=True, env={**os.environ, "SYSTEMD_LOG_LEVEL": "debug"},
    )  # fmt: skip
    dump = result.stdout.partition(f"-> Unit {unit.name}:")[2].partition("-> Unit ")[0]
    return "\n".join(re.findall(rf"^\s*{name}: (.*)$", dump, re.MULTILINE))


@needs_systemd
@pytest.mark.parametrize("name", ["out put", "no-break\u00a0space", "é\u2028", "\\x41 %n \"'$HOME"])
def test_systemd_reads_a_folder_as_it_was(tmp_path: Path, name: str) -> None:
    unit = tmp_path / "edgetl-tried.service"
    folder = PurePosixPath("/srv", name)
    unit.write_text(unit_text(Service(["/bin/true"], "daemon", writable=[folder])))
    assert _as_read(unit, "ReadWritePaths") == str(folder)
    assert _verified(unit) == ""


@pytest.mark.parametrize("name", ["two\nlines", "\x7f", "\udce9"])
def test_a_folder_that_systemd_cannot_read_is_refused(cli: Cli, card: Path, name: str) -> None:
    (card / "home/pi" / name).mkdir()
    result = cli(*_install(card, "--dry-run", "--output", f"/home/pi/{name}/a.csv"), check=2)
    assert_one_clear_line(result, "systemd takes no folder")


@needs_systemd
def test_a_folder_typed_by_way_of_another_is_one_that_systemd_takes(cli: Cli, card: Path) -> None:
    unit = cli.folder / "edgetl-tried.service"
    output = "/home/pi/out put/../a.csv"
    unit.write_text(cli(*_install(card, "--dry-run", "--output", output)).stdout)
    assert _as_read(unit, "ReadWritePaths") == "/home/pi"


@needs_systemd
def test_the_key_of_the_preview_outlives_a_restart_but_no_uninstall(
    cli: Cli, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = ["--name", "door"]
    assert "StateDirectory" not in cli(*_install(card, "--dry-run")).stdout
    cli(*_install(card, "--preview", "0.0.0.0:8000", "--yes"))
    cli(*_install(card, *door, "--preview", "0.0.0.0:8000", "--yes"))
    kept = []
    for name in ("edgetl", "door"):
        unit = card / f"etc/systemd/system/{name}.service"
        folder = f"/var/lib/{_as_read(unit, 'StateDirectory')}"
        environment = _as_read(unit, "Environment")
        monkeypatch.setenv(*environment.split("="))
        file = token_file()
        assert file
        assert file.is_relative_to(folder)
        kept.append(card / file.relative_to("/"))
    assert kept[0] != kept[1]
    for file in kept:
        kept_token(file)
    cli(*_install(card, "--preview", "0.0.0.0:9000", "--yes"))
    assert kept[0].exists()
    cli("service", "uninstall", "--root", card)
    assert not kept[0].exists()
    assert kept[1].exists()
    cli("service", "uninstall", "--root", card, *door)
    assert not list(card.glob("var/lib/*"))


def test_an_argument_is_one_word_without_variables() -> None:
    assert word('a $b %c "d\\') == '"a $$b %%c \\"d\\\\"'
    assert word("\n\udce9") == '"\\x0a\\xe9"'
    assert word("$", variables=False) == '"$"'


@pytest.fixture
def card(tmp_path: Path, foreign_models: Path) -> Path:
    """Another system's file tree, with a model in it."""
    home = tmp_path / "card" / "home" / "pi"
    (home / "out put").mkdir(parents=True)
    (tmp_path / "card" / "etc/systemd/system").mkdir(parents=True)
    shutil.copy(foreign_models / "described.tflite", home / "m.tflite")
    (home / "folder.csv").mkdir()
    (home / "notes.csv").write_text("what I saw\n")
    users = "root:x:0:0::/root:\nboss:x:0:0::/root:\npi:x:1000:1000::/home/pi:\n"
    (tmp_path / "card" / "etc/passwd").write_text(users)
    return tmp_path / "card"


def _install(card: Path, *more: str) -> list[str | Path]:
    camera = ["--camera", "0", "--model", "/home/pi/m.tflite"]
    return ["service", "install", *camera, "--root", card, "--run-as", "pi", *more]


@needs_systemd
def test_a_service_is_installed_left_alone_changed_and_removed(cli: Cli, card: Path) -> None:
    unit = card / "etc/systemd/system/edgetl.service"
    enabled = card / "etc/systemd/system/multi-user.target.wants/edgetl.service"
    shown = cli(*_install(card, "--dry-run")).stdout
    plan = {"changed": True, "unit": str(unit)}
    assert json.loads(cli(*_install(card, "--dry-run", "--json")).stdout) == plan
    assert not unit.exists()
    done = cli(*_install(card, "--yes", "--json"))
    assert json.loads(done.stdout) == plan
    # Nobody is asked, and the unit is shown all the same.
    assert shown.strip() in done.stderr
    assert unit.read_text() == shown
    assert enabled.is_symlink()
    assert json.loads(cli(*_install(card, "--json")).stdout)["changed"] is False
    assert "unchanged" in cli(*_install(card)).stdout
    enabled.unlink()
    assert json.loads(cli(*_install(card, "--yes", "--json")).stdout)["changed"]
    assert enabled.is_symlink()
    assert json.loads(cli(*_install(card, "--top-k", "1", "--yes", "--json")).stdout)["changed"]
    assert '"--top-k=1"' in unit.read_text()
    assert "removed" in cli("service", "uninstall", "--root", card).stdout
    assert not unit.exists()
    assert not enabled.is_symlink()
    assert "not installed" in cli("service", "uninstall", "--root", card).stdout


@needs_systemd
def test_a_password_is_readable_by_root_alone(cli: Cli, card: Path) -> None:
    secret = 'p"a$s`s\\w rd'
    url = "mqtt://door:p%22a%24s%60s%5Cw%20rd@host/home/door"
    cli(*_install(card, "--mqtt", url, "--yes"))
    unit, secrets = card / "etc/systemd/system/edgetl.service", card / "etc/edgetl/edgetl.env"
    assert '"--mqtt=mqtt://door@host/home/door"' in unit.read_text()
    assert "EnvironmentFile=/etc/edgetl/edgetl.env\n" in unit.read_text()
    assert unit.stat().st_mode & 0o777 == 0o644
    assert secrets.stat().st_mode & 0o777 == 0o600
    # The file's quoting is the shell's.
    script = f'. {secrets}; printf %s "$EDGETL_MQTT_PASSWORD"'
    assert subprocess.run(["sh", "-c", script], capture_output=True, text=True).stdout == secret
    cli(*_install(card, "--yes"))
    assert not secrets.parent.exists()
    cli(*_install(card, "--mqtt", url, "--yes"))
    cli(*_install(card, "--name", "door", "--mqtt", url, "--yes"))
    cli("service", "uninstall", "--root", card)
    assert [path.name for path in secrets.parent.iterdir()] == ["door.env"]
    cli("service", "uninstall", "--root", card, "--name", "door")
    assert not secrets.parent.exists()


@needs_systemd
def test_a_unit_of_others_is_not_touched(cli: Cli, card: Path) -> None:
    unit = card / "etc/systemd/system/ssh.service"
    unit.write_text("[Service]\nExecStart=/bin/true\n")
    result = cli(*_install(card, "--name", "ssh", "--yes"), check=2)
    assert_one_clear_line(result, "not written by edgetl", "--name")
    assert_one_clear_line(
        cli("service", "uninstall", "--root", card, "--name", "ssh", check=2), "not written"
    )
    assert unit.read_text().startswith("[Service]")


def test_only_what_is_asked_for_is_open(cli: Cli, card: Path) -> None:
    plain = cli(*_install(card, "--dry-run")).stdout
    assert plain.startswith(MARK)
    assert "\nRestrictAddressFamilies=AF_UNIX AF_NETLINK\n" in plain
    assert "ReadWritePaths" not in plain
    assert "\nDeviceAllow=char-dma_heap rw\n" in plain
    assert "\nStandardOutput=null\n" in plain
    more = ["--output", "/home/pi/out put/a.jsonl", "--preview", "--camera-backend", "opencv"]
    text = cli(*_install(card, "--yes", *more, "--labels", "/home/pi/l", "--on-change"), check=2)
    assert_one_clear_line(text, "/home/pi/l")
    full = cli(*_install(card, "--dry-run", *more, "--no-reconnect")).stdout
    assert '\nReadWritePaths="/home/pi/out put"\n' in full
    assert '"--output=/home/pi/out put/a.jsonl" ' in full
    assert '"--preview=127.0.0.1:8000"' in full
    assert '"--no-reconnect"' in full
    assert "\nRestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\n" in full
    assert re.findall("DeviceAllow=(.*)", full) == ["char-video4linux rw"]
    assert "\nStandardOutput=journal\n" in cli(*_install(card, "--dry-run", "--on-change")).stdout


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
        (["--camera", ""], ["--camera ''", "--camera 0"]),
        (["photo.jpg"], ["photo.jpg"]),
        (["--mqtt", "host"], ["--mqtt"]),
        (["--preview", "h:99999"], ["--preview"]),
        (["--roi", "2"], ["roi"]),
        (["--when", "red>0.9"], ["--snapshots"]),
        (["--snapshots", "/home/pi", "--when", "dog>0.9"], ["dog"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_what_a_service_cannot_do_is_refused_at_once(
    cli: Cli, card: Path, arguments: list[str], words: list[str]
) -> None:
    result = cli(*_install(card, "--yes", *arguments), check=2)
    assert_one_clear_line(result, *words)
    assert not list(card.glob("etc/systemd/system/*"))


def test_a_path_that_is_wrong_is_named_before_a_place_that_is(cli: Cli, card: Path) -> None:
    here = card / cli.folder.relative_to("/")  # below /tmp
    here.mkdir(parents=True)
    shutil.copy(card / "home/pi/m.tflite", here)
    for arguments, words in (
        (["--model", "gone.tflite"], ["gone.tflite: no such file"]),
        (["--model", ""], [f"{here}: is a directory"]),
        (["--output", "-"], ["--output -: add --format"]),
        (["--model", "m.tflite"], ["--model", "temporary"]),
        (["--output", "a.csv"], ["--output", "temporary"]),
    ):
        result = cli(*_install(card, "--yes", *arguments), check=2)
        assert_one_clear_line(result, *words)


def test_a_dry_run_shows_the_unit_and_then_all_that_would_be_refused(cli: Cli, card: Path) -> None:
    good = cli(*_install(card, "--dry-run")).stdout
    wrong = ["--output", "/home/pi/none/a.csv", "--labels", "/home/pi/l"]
    result = cli(*_install(card, "--dry-run", *wrong), check=2)
    assert result.stdout.splitlines()[:3] == good.splitlines()[:3]
    assert '"--output=/home/pi/none/a.csv"' in result.stdout
    labels, folder = result.stderr.splitlines()
    assert labels.startswith(f"edgetl: {card}/home/pi/l: ")
    assert folder.startswith("edgetl: /home/pi/none: no such folder")
    # A program that reads JSON gets the first of them, and no unit.
    assert_one_clear_line(cli(*_install(card, "--dry-run", "--json", *wrong), check=2), "/pi/l: ")


def test_the_unit_s_arguments_give_classify_the_same_options(cli: Cli, card: Path) -> None:
    more = ["--rotate", "90", "--roi", "0,0,0.5,1", "--threshold", "0.8", "--no-reconnect"]
    more += ["--output", "/home/pi/out put/a.csv", "--preview", "--top-k", "2"]
    more += ["--snapshots", "/home/pi", "--when", "red>0.9", "--snapshots-limit", "7.5"]
    unit = cli(*_install(card, "--dry-run", *more)).stdout
    (line,) = re.findall("^ExecStart=(.*)$", unit, re.MULTILINE)
    arguments = shlex.split(line)
    given = options_from_arguments(ClassifyOptions, arguments[arguments.index("classify") + 1 :])
    typed = ["--camera", "0", "--model", "/home/pi/m.tflite", *more]
    assert given == options_from_arguments(ClassifyOptions, typed)
    assert given.rotate == 90
    assert given.preview == "127.0.0.1:8000"


def test_trying_the_options_writes_nothing(cli: Cli, card: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in card.rglob("*")}
    more = ["--output", "/home/pi/new.csv", "--snapshots", "/home/pi/out put", "--when", "red>0.9"]
    cli(*_install(card, "--dry-run", *more))
    assert before == {path: path.stat().st_mtime_ns for path in card.rglob("*")}


@pytest.mark.parametrize("arguments", [["--model", "m.tflite"], ["--output", "a.csv"]])
def test_a_relative_path_in_a_folder_that_is_gone_is_refused(
    cli: Cli, card: Path, arguments: list[str]
) -> None:
    gone = cli.folder / "gone"
    gone.mkdir()
    command = ["sh", "-c", 'rmdir "$PWD" && exec "$0" -P -m edgetl "$@"', sys.executable]
    result = subprocess.run(
        [*command, *_install(card, "--dry-run", *arguments)],
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


def test_status_says_why_it_ended_and_where_to_read_more() -> None:
    facts: dict[str, str | int | None] = {
        "LoadState": "loaded", "ActiveState": "active", "SubState": "running", "NRestarts": 0,
        "UnitFileState": "enabled", "StatusText": "cat 90 %", "Result": "success",
    }  # fmt: skip
    location = UnitLocation("door")
    up = described(location, facts)
    assert up == ["door: active (running), enabled", "last: cat 90 %; restarts: 0"]
    failing = {"ActiveState": "activating", "SubState": "auto-restart", "Result": "exit-code"}
    (line,) = described(location, facts | failing)[2:]
    assert line == "ended: exit-code; read why with: edgetl service logs --name door"
    stopped = {"ActiveState": "inactive", "SubState": "dead"}
    (line,) = described(location, facts | stopped)[2:]
    assert line == "it does not run; start it with: sudo systemctl start door"
    assert described(location, facts | failing | stopped)[-1] == line
    (line,) = described(location, facts | {"LoadState": "not-found"})
    assert "not installed" in line


def test_a_library_that_does_not_load_is_one_clear_line(cli: Cli, card: Path) -> None:
    package = cli.folder / "packages" / "cv2"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('libGL.so.1: no such file')")
    paths = os.pathsep.join([str(package.parent), os.environ.get("PYTHONPATH", "")])
    result = cli(*_install(card, "--dry-run"), check=2, PYTHONPATH=paths)
    assert_one_clear_line(result, "libGL.so.1", "edgetl doctor")


def test_files_in_place_of_a_camera_and_a_missing_answer_are_refused(cli: Cli, card: Path) -> None:
    base = ["service", "install", "--root", card, "--run-as", "pi", "--yes"]
    assert_one_clear_line(cli(*base, "--model", "/home/pi/m.tflite", check=2), "--camera 0")
    assert_one_clear_line(cli(*base, "--camera", "0", check=2), "--model FILE")
    assert "--bogus" in cli(*base, "--bogus", check=2).stderr
    assert_one_clear_line(cli(*_install(card), check=2), "--yes")


@pytest.mark.skipif(os.path.isdir("/run/systemd/system"), reason="systemd runs here")  # noqa: PTH112
@pytest.mark.parametrize("command", ["install --camera 0 --model m", "status", "logs", "uninstall"])
def test_without_systemd_it_says_so(cli: Cli, command: str) -> None:
    assert_one_clear_line(cli("service", *command.split(), check=2), "systemd does not run")
