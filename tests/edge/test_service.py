"""`edgetl service`: installed, changed and removed in another system's file tree."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from edgetl.command import options_from_arguments
from edgetl.edge.errors import EdgetlError
from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.preview.token import kept_token, token_file
from edgetl.edge.service import systemd
from edgetl.edge.service.install import plan_service
from edgetl.edge.service.options import ServiceOptions, UnitLocation
from edgetl.edge.service.systemd import described
from edgetl.edge.service.unit import MARK
from tests.conftest import Cli, assert_one_clear_line
from tests.edge.service import arguments_of, as_read, install, needs_systemd


@needs_systemd
def test_a_folder_typed_through_another_is_one_that_systemd_takes(cli: Cli, card: Path) -> None:
    unit = cli.folder / "edgetl-tried.service"
    output = "/home/pi/out put/../a.csv"
    unit.write_text(cli.here(*install(card, "--dry-run", "--output", output)).stdout)
    assert as_read(unit, "ReadWritePaths") == "/home/pi"


@needs_systemd
def test_the_key_of_the_preview_outlives_a_restart_but_no_uninstall(
    cli: Cli, card: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = ["--name", "door"]
    assert "StateDirectory" not in cli.here(*install(card, "--dry-run")).stdout
    cli.here(*install(card, "--preview", "0.0.0.0:8000", "--yes"))
    cli.here(*install(card, *door, "--preview", "0.0.0.0:8000", "--yes"))
    kept = []
    for name in ("edgetl", "door"):
        unit = card / f"etc/systemd/system/{name}.service"
        folder = f"/var/lib/{as_read(unit, 'StateDirectory')}"
        for line in as_read(unit, "Environment").split():
            monkeypatch.setenv(*line.split("="))
        file = token_file()
        assert file
        assert file.is_relative_to(folder)
        kept.append(card / file.relative_to("/"))
        assert os.environ["XDG_CACHE_HOME"] == f"/var/cache/{as_read(unit, 'CacheDirectory')}"
    assert kept[0] != kept[1]
    for file in kept:
        kept_token(file)
    cli.here(*install(card, "--preview", "0.0.0.0:9000", "--yes"))
    assert kept[0].exists()
    cli.here("service", "uninstall", "--root", card)
    assert not kept[0].exists()
    assert kept[1].exists()
    cli.here("service", "uninstall", "--root", card, *door)
    assert not list(card.glob("var/lib/*"))


@needs_systemd
def test_a_service_is_installed_left_alone_changed_and_removed(cli: Cli, card: Path) -> None:
    unit = card / "etc/systemd/system/edgetl.service"
    enabled = card / "etc/systemd/system/multi-user.target.wants/edgetl.service"
    shown = cli.here(*install(card, "--dry-run")).stdout
    plan = {"changed": True, "unit": str(unit)}
    assert json.loads(cli.here(*install(card, "--dry-run", "--json")).stdout) == plan
    assert not unit.exists()
    done = cli.here(*install(card, "--yes", "--json"))
    assert json.loads(done.stdout) == plan
    # Nobody is asked, and the unit is shown all the same.
    assert shown.strip() in done.stderr
    assert unit.read_text() == shown
    assert enabled.is_symlink()
    assert json.loads(cli.here(*install(card, "--json")).stdout)["changed"] is False
    assert "unchanged" in cli.here(*install(card)).stdout
    enabled.unlink()
    assert json.loads(cli.here(*install(card, "--yes", "--json")).stdout)["changed"]
    assert enabled.is_symlink()
    assert json.loads(cli.here(*install(card, "--top-k", "1", "--yes", "--json")).stdout)["changed"]
    assert '"--top-k=1"' in unit.read_text()
    assert "removed" in cli.here("service", "uninstall", "--root", card).stdout
    assert not unit.exists()
    assert not enabled.is_symlink()
    assert "not installed" in cli.here("service", "uninstall", "--root", card).stdout


@needs_systemd
def test_a_password_is_readable_by_root_alone(cli: Cli, card: Path) -> None:
    secret = 'p"a$s`s\\w rd'
    url = "mqtt://door:p%22a%24s%60s%5Cw%20rd@host/home/door"
    cli.here(*install(card, "--mqtt", url, "--yes"))
    unit, secrets = card / "etc/systemd/system/edgetl.service", card / "etc/edgetl/edgetl.env"
    assert '"--mqtt=mqtt://door@host/home/door"' in unit.read_text()
    assert "EnvironmentFile=/etc/edgetl/edgetl.env\n" in unit.read_text()
    assert unit.stat().st_mode & 0o777 == 0o644
    assert secrets.stat().st_mode & 0o777 == 0o600
    # The file's quoting is the shell's.
    script = f'. {secrets}; printf %s "$EDGETL_MQTT_PASSWORD"'
    assert subprocess.run(["sh", "-c", script], capture_output=True, text=True).stdout == secret
    cli.here(*install(card, "--yes"))
    assert not secrets.parent.exists()
    cli.here(*install(card, "--mqtt", url, "--yes"))
    cli.here(*install(card, "--name", "door", "--mqtt", url, "--yes"))
    cli.here("service", "uninstall", "--root", card)
    assert [path.name for path in secrets.parent.iterdir()] == ["door.env"]
    cli.here("service", "uninstall", "--root", card, "--name", "door")
    assert not secrets.parent.exists()


@needs_systemd
def test_a_unit_of_others_is_not_touched(cli: Cli, card: Path) -> None:
    unit = card / "etc/systemd/system/ssh.service"
    unit.write_text("[Service]\nExecStart=/bin/true\n")
    result = cli.refused(*install(card, "--name", "ssh", "--yes"))
    assert_one_clear_line(result, "not written by edgetl", "--name")
    assert_one_clear_line(
        cli.refused("service", "uninstall", "--root", card, "--name", "ssh"), "not written"
    )
    assert unit.read_text().startswith("[Service]")


def test_only_what_is_asked_for_is_open(cli: Cli, card: Path) -> None:
    plain = cli.here(*install(card, "--dry-run")).stdout
    assert plain.startswith(MARK)
    assert "\nRestrictAddressFamilies=AF_UNIX AF_NETLINK\n" in plain
    assert "ReadWritePaths" not in plain
    assert "\nDeviceAllow=char-dma_heap rw\n" in plain
    assert "\nStandardOutput=null\n" in plain
    more = ["--output", "/home/pi/out put/a.jsonl", "--preview", "--camera-backend", "opencv"]
    text = cli.refused(*install(card, "--yes", *more, "--labels", "/home/pi/l", "--on-change"))
    assert_one_clear_line(text, "/home/pi/l")
    full = cli.here(*install(card, "--dry-run", *more, "--no-reconnect")).stdout
    assert '\nReadWritePaths="/home/pi/out put"\n' in full
    assert '"--output=/home/pi/out put/a.jsonl" ' in full
    assert '"--preview=127.0.0.1:8000"' in full
    assert '"--no-reconnect"' in full
    assert "\nRestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\n" in full
    assert re.findall("DeviceAllow=(.*)", full) == ["char-video4linux rw"]
    assert (
        "\nStandardOutput=journal\n" in cli.here(*install(card, "--dry-run", "--on-change")).stdout
    )


def test_the_unit_s_arguments_give_classify_the_same_options(cli: Cli, card: Path) -> None:
    more = ["--rotate", "90", "--roi", "0,0,0.5,1", "--threshold", "0.8", "--no-reconnect"]
    more += ["--output", "/home/pi/out put/a.csv", "--preview", "--top-k", "2"]
    more += ["--snapshots", "/home/pi", "--keep", "red>0.9", "--snapshots-limit", "7.5"]
    unit = cli.here(*install(card, "--dry-run", *more)).stdout
    given = options_from_arguments(ClassifyOptions, arguments_of(unit, "classify"))
    typed = ["--camera", "0", "--model", "/home/pi/m.tflite", *more]
    assert given == options_from_arguments(ClassifyOptions, typed)
    assert given.rotate == 90
    assert given.preview == "127.0.0.1:8000"


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


@needs_systemd
def test_python_installs_a_service_with_the_options_of_the_command(card: Path) -> None:
    service = ServiceOptions(root=card, run_as="pi")
    plan = plan_service(service, ClassifyOptions(camera=("0",), model=Path("/home/pi/m.tflite")))
    assert not service.unit.exists()
    assert systemd.install(plan)
    assert service.unit.read_text() == plan.text
    assert not systemd.install(plan), "it is there already"
    gone = ClassifyOptions(camera=("0",), model=Path("/home/pi/gone.tflite"))
    with pytest.raises(EdgetlError, match=r"gone\.tflite"):
        systemd.install(plan_service(service, gone))
    assert service.unit.read_text() == plan.text
