"""Checks of `service uninstall`."""

import time

from lib.checks import require, wait_until
from lib.service_check.camera import Camera
from lib.service_check.container import MODEL, SLOW, STOP, Container
from lib.service_check.state import ready


def require_nothing_is_left(container: Container, number: str) -> None:
    facts = container.facts()
    state = (facts["LoadState"], facts["ActiveState"])
    require(f"{' '.join(state)} is not-found inactive", state == ("not-found", "inactive"))
    units = container.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "edgetl*")
    require(f"no unit is listed: {units.strip()}", not units.strip())
    left = [
        str(path.relative_to(container.tree)) for path in container.tree.glob("etc/**/*edgetl*")
    ]
    require(f"no file is left: {' '.join(left)}", not left)
    numbers = container.run("ps", "-eo", "pid=").split()
    require("no process is left", number not in numbers)


def uninstalled(container: Container) -> str:
    number = container.facts()["MainPID"]
    said = container.edgetl("service", "uninstall").strip()
    require(f"{said!r} says removed", said.endswith("removed"))
    require_nothing_is_left(container, number)
    status = container.edgetl("service", "status", status=1)
    require("status says not installed", "not installed" in status)
    again = container.edgetl("service", "uninstall").strip()
    require("again: not installed", again.endswith("not installed"))
    require("its model stays", (container.tree / MODEL[1:]).exists())
    return f"{said.split(': ')[-1]}; no unit, link, process; again: {again.split(': ')[-1]}"


def uninstalled_hanging(container: Container, arguments: list[str]) -> str:
    container.edgetl(*arguments, "--yes")
    number = ready(container)["MainPID"]
    # systemd lets a stopped process go on when it sends SIGTERM; this one is stopped again.
    hang = f"while kill -STOP {number}; do :; done"
    began = time.monotonic()
    container.run("systemd-run", "--quiet", "sh", "-c", hang)
    container.edgetl("service", "uninstall")
    seconds = time.monotonic() - began
    require(f"it was killed after TimeoutStopSec=, not {seconds:.0f} s", seconds >= STOP)
    require_nothing_is_left(container, number)
    return f"killed after {seconds:.0f} s; no unit, link, process"


def uninstalled_failing(container: Container, camera: Camera, arguments: list[str]) -> str:
    camera.go()
    container.edgetl(*arguments, "--mqtt", "mqtt://door:secret@127.0.0.1:1/home/door", "--yes")
    wait_until("a start fails", lambda: container.facts()["SubState"] == "auto-restart", SLOW)
    facts = container.facts()
    secrets = container.run("stat", "--format=%U %a", "/etc/edgetl/edgetl.env").strip()
    require(f"{secrets}: the password is root's alone", secrets == "root 600")
    container.edgetl("service", "uninstall")
    require_nothing_is_left(container, facts["MainPID"])
    return f"was {facts['ActiveState']} ({facts['SubState']}), {facts['Result']}; nothing left"
