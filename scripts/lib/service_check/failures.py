"""Checks of what happens when the camera, the process or the system fails."""

import re
import time
from collections.abc import Callable
from functools import partial

from lib.checks import require, wait_until
from lib.service_check.camera import Camera
from lib.service_check.container import RESTART, SLOW, STOP, UNIT, WATCHDOG, Container
from lib.service_check.state import ready, restarted, results_flow


def gone_briefly(container: Container, camera: Camera) -> str:
    before = container.facts()
    camera.go()
    time.sleep(5)
    camera.come()
    back = wait_until(
        "a line that it is back",
        lambda: re.search(r"back after \d+ s", container.journal()),
        SLOW,
    )
    facts = container.facts()
    require("the same process", facts["MainPID"] == before["MainPID"])
    return f"{back[0]}, same process; {results_flow(container)}"


def seconds_to_watchdog(container: Container, do: Callable[[], object]) -> float:
    """Do something, and wait until the watchdog has ended the service for it."""
    began, earlier = time.monotonic(), container.journal().count("result 'watchdog'")
    do()
    wait_until(
        "systemd's line about the watchdog",
        lambda: container.journal().count("result 'watchdog'") > earlier,
        WATCHDOG + STOP + SLOW,
    )
    return time.monotonic() - began


def lost(container: Container, lose: Callable[[], None], find: Callable[[], None]) -> str:
    before = container.facts()
    ended = seconds_to_watchdog(container, lose)
    require("no earlier than the watchdog's time", ended > WATCHDOG * 3 / 4)
    wait_until(
        "restarted, and ended again without pictures",
        lambda: (
            int((facts := container.facts())["NRestarts"]) > int(before["NRestarts"])
            and (facts["SubState"], facts["Result"]) == ("auto-restart", "exit-code")
        ),
        3 * RESTART + SLOW,
    )
    failing = container.edgetl("service", "status", status=1).splitlines()
    require("status says why", "ended: exit-code" in failing[-1])
    began = time.monotonic()
    find()
    facts = restarted(container, before, seconds=RESTART + STOP + SLOW)
    return (
        f"ended by the watchdog after {ended:.0f} s; ready {time.monotonic() - began:.0f} s after "
        f"pictures were back, restarts {before['NRestarts']} to {facts['NRestarts']}; meanwhile: "
        f"{' / '.join(failing)}; then: "
        f"{results_flow(container)}"
    )


def killed(container: Container) -> str:
    before = container.facts()
    container.run("kill", "-KILL", before["MainPID"])
    began = time.monotonic()
    facts = restarted(container, before, seconds=RESTART + SLOW)
    seconds = time.monotonic() - began
    require(f"after RestartSec= of {RESTART:.0f} s, not {seconds:.1f}", seconds >= RESTART - 1)
    require("in the journal as a signal", "result 'signal'" in container.journal())
    return f"ready again after {seconds:.0f} s, RestartUSec={facts['RestartUSec']}"


def stopped(container: Container) -> str:
    before = container.facts()
    stop = partial(container.run, "kill", "-STOP", before["MainPID"])
    ended = seconds_to_watchdog(container, stop)
    restarted(container, before, seconds=RESTART + SLOW)
    return f"ended by the watchdog after {ended:.0f} s; {results_flow(container)}"


def stopped_and_started(container: Container, arguments: list[str]) -> str:
    container.run("systemctl", "stop", UNIT)
    facts = container.facts()
    state = (facts["ActiveState"], facts["Result"], facts["ExecMainStatus"])
    require(f"{' '.join(state)} is inactive success 143", state == ("inactive", "success", "143"))
    status = container.edgetl("service", "status", status=1).splitlines()
    said = container.edgetl(*arguments, "--yes").strip()
    require("install again leaves it as it is", container.facts()["ActiveState"] == "inactive")
    container.run("systemctl", "start", UNIT)
    ready(container)
    require(f"{said!r} says how to start it", "sudo systemctl start edgetl" in said)
    return f"{status[0]}; {status[-1]}; {results_flow(container)}"


def rebooted(container: Container) -> str:
    began = time.monotonic()
    container.boot_again()
    facts = ready(container, seconds=90)
    require("no restart was needed", facts["NRestarts"] == "0")
    require("results in this boot's journal", "%" in container.journal())
    return f"ready {time.monotonic() - began:.0f} s after `reboot`; {results_flow(container)}"
