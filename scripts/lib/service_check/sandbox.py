"""Checks of what a service may read, write and use."""

import json
from pathlib import Path

from lib.checks import require, wait_until
from lib.commands import CheckError
from lib.service_check.camera import Camera
from lib.service_check.container import MODEL, OUTPUT_UNIT, SLOW, UNIT, USER, Container
from lib.service_check.state import ready


def entered(container: Container, *command: str, unit: str = UNIT, status: int = 0) -> str:
    """What a command of root prints that sees files as the service does."""
    number = container.facts(unit)["MainPID"]
    return container.run("nsenter", "-t", number, "-m", "--", *command, status=status)


def read_only(container: Container) -> str:
    # Root's, whom modes do not stop: what refuses is the mount.
    places = ("/etc", "/usr", "/var/lib", "/home", f"/home/{USER}", "/opt/edgetl", "/root", "/srv")
    for place in places:
        said = entered(container, "touch", f"{place}/edgetl-was-here", status=1)
        require(f"{place} is read-only", "Read-only file system" in said)
    for place in ("/tmp", "/var/tmp"):
        entered(container, "touch", f"{place}/edgetl-was-here")
        require(
            f"{place} is its own", not (container.tree / place[1:] / "edgetl-was-here").exists()
        )
    number = container.facts()["MainPID"]
    mounts = container.run("cat", f"/proc/{number}/mounts").splitlines()
    (root,) = [line.split()[3] for line in mounts if line.split()[1] == "/"][-1:]
    require("/ is mounted ro", root.split(",")[0] == "ro")
    return f"read-only even for root: {' '.join(places)}; its own /tmp and /var/tmp"


def hidden(container: Container) -> str:
    devices = entered(container, "ls", "/dev").split()
    strange = sorted(set(devices) & {"sda", "vda", "video0", "mem", "kmsg", "input"})
    require(f"no device but the harmless ones: {strange}", not strange)
    # "invisible" is of those who have no right to trace them: not of root.
    number = container.facts()["MainPID"]
    seen = container.run(
        "nsenter", "-t", number, "-m", "--", "runuser", "-u", USER, "--", "ls", "/proc"
    ).split()
    require("its own process is seen", number in seen)
    require("systemd's is not", "1" not in seen)
    said = "DeviceAllow= itself is not shown: a container has no right to set it"
    return f"{len(devices)} entries in /dev, no disk or camera; others' processes unseen. {said}"


def output_arguments(camera: Camera, folder: str) -> list[str]:
    return [
        "service", "install", "--camera", camera.url, "--model", MODEL, "--run-as", USER,
        "--name", OUTPUT_UNIT.removesuffix(".service"), "--output", f"{folder}/results.jsonl",
        "--yes",
    ]  # fmt: skip


def output_only(container: Container, camera: Camera) -> str:
    folder = f"/home/{USER}/seen"
    container.run("install", "-d", "-o", USER, folder)
    container.edgetl(*output_arguments(camera, folder))
    ready(container, OUTPUT_UNIT)
    file = container.tree / folder[1:] / "results.jsonl"
    wait_until("twenty results in the file", lambda: file.read_text().count("\n") >= 20, SLOW)
    said = entered(container, "touch", f"/home/{USER}/edgetl-was-here", unit=OUTPUT_UNIT, status=1)
    require("the folder above is read-only", "Read-only file system" in said)
    first = json.loads(file.read_text().splitlines()[0])
    require("for its user only", file.stat().st_mode & 0o777 == 0o600)
    return f"{folder}: {file.read_text().count(chr(10))} results, first {first['label']}; 0600"


def refused(container: Container, camera: Camera) -> str:
    folder = "/srv/roots"
    container.run("install", "-d", folder)
    said = container.edgetl(*output_arguments(camera, folder), status=2).strip()
    require(f"{said!r} names folder and user", folder in said and USER in said)
    container.run("chown", USER, folder)
    container.edgetl(*output_arguments(camera, folder))
    ready(container, OUTPUT_UNIT)
    # `install` would refuse this: the message is the service's own.
    container.run("chown", "-R", "root", folder)
    container.run("systemctl", "restart", "--no-block", OUTPUT_UNIT)
    line = wait_until(
        "a line in the journal that names the file",
        lambda: "".join(
            line
            for line in container.journal(OUTPUT_UNIT).splitlines()
            if line.startswith(f"edgetl: {folder}")
        ),
        SLOW,
    )
    name = OUTPUT_UNIT.removesuffix(".service")
    container.edgetl("service", "uninstall", "--name", name)
    return f"{said}; where it changes later, the journal: {line}"


def unreachable(container: Container, arguments: list[str]) -> str:
    container.run("install", "-m", "600", "-o", "root", MODEL, "/root/model.tflite")
    hidden = ["/root/model.tflite" if one == MODEL else one for one in arguments]
    said = container.edgetl(*hidden, "--yes", status=2).strip()
    require(f"{said!r} names model and user", "/root/model.tflite" in said and USER in said)
    return said


def missing(container: Container, arguments: list[str]) -> str:
    said = container.edgetl(*arguments, "--preview", "--yes", status=2).strip()
    require(f"{said!r} names the extra", "pip install 'edgetl[preview]'" in said)
    return said


def memory(container: Container) -> str:
    facts = container.facts()
    require("MemoryMax of 1 GB", facts["MemoryMax"] == str(2**30))
    number = facts["MainPID"]
    groups = container.run("cat", f"/proc/{number}/cgroup").splitlines()
    (own,) = (line.split(":", 2)[2] for line in groups if line.startswith("0::"))
    limit = Path("/sys/fs/cgroup", own.lstrip("/"), "memory.max")
    try:
        effective = container.run("cat", limit).strip()
    except CheckError:
        return (
            "MemoryMax=1073741824 is set; not shown to be effective: this machine gives the "
            "container no memory controller (it needs cgroup v2 alone)"
        )
    require("the kernel's limit is the same", effective == facts["MemoryMax"])
    return f"MemoryMax=1073741824, and so has the kernel in {limit}"
