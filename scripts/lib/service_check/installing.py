"""Checks of `service install`, `status` and `logs`."""

import json

from lib.checks import require, wait_until
from lib.service_check.container import EDGETL, USER, Container
from lib.service_check.state import ready, results_flow


def version(container: Container) -> str:
    said = container.run("systemctl", "--version").splitlines()[0]
    state = wait_until(
        "the system has booted",
        lambda: (
            container.run("systemctl", "show", "--property=SystemState").strip()
            in ("SystemState=running", "SystemState=degraded")
        ),
        60,
    )
    require("booted", state)
    return said


def installed(container: Container, arguments: list[str]) -> str:
    said = container.edgetl(*arguments, "--yes")
    require(f"{said.strip()!r} says installed and started", "installed and started" in said)
    facts = ready(container)
    require("enabled", facts["UnitFileState"] == "enabled")
    require("Type=notify", facts["Type"] == "notify")
    return f"active (running), enabled, READY came; status: {results_flow(container)}"


def rights(container: Container) -> str:
    number = container.facts()["MainPID"]
    lines = container.run("cat", f"/proc/{number}/status").splitlines()
    status = dict(line.split(":", 1) for line in lines)
    require("no number of root", "0" not in status["Uid"].split() + status["Gid"].split())
    require("no capabilities", not int(status["CapEff"], 16) and not int(status["CapBnd"], 16))
    require("NoNewPrivileges", status["NoNewPrivs"].strip() == "1")
    require("filtered system calls", status["Seccomp"].strip() == "2")
    user = container.run("stat", "--format=%U", f"/proc/{number}").strip()
    require(f"{user} is {USER}", user == USER)
    return f"process of {user}: no capabilities, no new ones, system calls filtered"


def shown(container: Container) -> str:
    status = container.edgetl("service", "status").splitlines()
    require("two lines", len(status) == 2)
    require("active", "active (running), enabled" in status[0])
    require("what it sees", "%" in status[1] and "restarts: 0" in status[1])
    facts = json.loads(container.edgetl("service", "status", "--json"))
    require("as systemd has it", facts["MainPID"] == int(container.facts()["MainPID"]))
    label = status[1].split(": ", 1)[1].split(" ")[0]
    logs = container.edgetl("service", "logs")
    results = [line for line in logs.splitlines() if "edgetl[" in line and label in line]
    require("a result in the journal", bool(results))
    own = container.run("runuser", "-u", USER, "--", EDGETL, "service", "status").splitlines()
    require("the same for who is not root", own[0] == status[0])
    return f"{' / '.join(status)}; in the logs: {results[-1].split(']: ')[-1].strip()}"


def installed_again(container: Container, arguments: list[str]) -> str:
    before = container.facts()["MainPID"]
    said = container.edgetl(*arguments, "--yes").strip()
    require(f"{said!r} says unchanged", said.endswith("unchanged"))
    require("the same process", container.facts()["MainPID"] == before)
    return f"{said.split(': ')[-1]}, still process {before}"


def changed(container: Container, arguments: list[str]) -> str:
    before = container.facts()["MainPID"]
    container.edgetl(*arguments, "--top-k", "1", "--yes")
    require("--top-k in the command", "--top-k=1" in ready(container, but=before)["ExecStart"])
    between = container.facts()["MainPID"]
    container.edgetl(*arguments, "--yes")
    facts = ready(container, but=between)
    require("no --top-k any more", "--top-k" not in facts["ExecStart"])
    return f"process {before}, then {between} with --top-k=1, then {facts['MainPID']} without"
