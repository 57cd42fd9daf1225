"""Running the role edgetl on devices with Ansible, in a process of its own."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Literal

from edgetl import __version__
from edgetl.deploy.targets import Targets, targets
from edgetl.edge.errors import EdgetlError, SettingError, quoted
from edgetl.edge.model.model_file import read_model_file
from edgetl.edge.system.extras import need_extra

HERE = Path(__file__).parent
ROLES = HERE / "roles"

# How long Ansible may take to end when it is told to.
_SECONDS_TO_END = 10

State = Literal["deployed", "unchanged", "rolled back", "failed", "unreachable"]


@dataclass(frozen=True)
class Deployed:
    """How it went on one device.

    Attributes:
        host: as it was named.
        state: "rolled back" if the new model failed its test and the one before is in its place;
            "failed" if there was none, or it failed before that.
        model: the SHA-256 of the model that is in place now, "" if none or unknown.
        edgetl: the version there, "" if unknown.
        runtime: what the test inference ran on.
        milliseconds: its median time, None if none ran.
        why: what went wrong, "" if nothing.
    """

    host: str
    state: State
    model: str = ""
    edgetl: str = ""
    runtime: str = ""
    milliseconds: float | None = None
    why: str = ""


def deploy(
    model: Path,
    hosts: Sequence[str],
    *,
    inventory: Path | None = None,
    package: str | None = None,
    settings: Mapping[str, Any] | None = None,
    ask_become_pass: bool = False,
    dry_run: bool = False,
    debug: bool = False,
    tell: Callable[[str], None] = lambda line: None,
) -> list[Deployed]:
    """Put a model on devices, test it there, and roll back where it fails.

    Args:
        model: a .tflite file.
        hosts: [USER@]HOST[:PORT] each, or names in the inventory.
        inventory: what Ansible reads hosts and their variables from.
        package: a wheel here, or what pip takes; default this version of edgetl.
        settings: variables of the role, without their prefix "edgetl_".
        ask_become_pass: let Ansible ask for sudo's password on the terminal.
        dry_run: Ansible's check mode: nothing changes, and what would is shown on stderr.
        debug: Ansible's own output on stderr.
        tell: given a line at each step.

    Returns:
        A result for each device, in the order in which they were done.

    Raises:
        ModelFileError: the model is damaged or is none.
        SettingError: no such package, inventory or host.
        EdgetlError: Ansible is not installed, or does not run.
    """
    need_extra("deploy", needs="deploy")
    read_model_file(model)
    chosen = targets(hosts, inventory)
    variables = {
        **{f"edgetl_{name}": value for name, value in (settings or {}).items()},
        "edgetl_model": str(model.absolute()),
        "edgetl_own_package": f"edgetl=={__version__}",
        "edgetl_hosts": chosen.pattern,
    }
    if package is not None:
        variables["edgetl_package"] = _package(package)
    with TemporaryDirectory(prefix="edgetl-deploy-") as temporary:
        ours = Path(temporary, "targets.yml")
        ours.write_text(json.dumps(chosen.inventory), encoding="utf-8")
        given = Path(temporary, "variables.yml")
        given.write_text(_as_yaml(variables), encoding="utf-8")
        command = [sys.executable, "-P", "-m", "ansible", "playbook", str(HERE / "playbook.yml")]
        command += ["--extra-vars", f"@{given}", "--inventory", str(ours)]
        if inventory is not None:
            command += ["--inventory", str(inventory.absolute())]
        if ask_become_pass:
            command.append("--ask-become-pass")
        if dry_run:
            command += ["--check", "--diff"]
        return _played(command, chosen, show=dry_run or debug, tell=tell)


def _package(package: str) -> str:
    if not package.endswith(".whl"):
        return package
    if not Path(package).is_file():
        raise SettingError(f"--package {quoted(package)}: no such file")
    return str(Path(package).absolute())


def _as_yaml(value: Any) -> str:
    """A value as Ansible reads it, with no text that it takes for a template."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_as_yaml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_as_yaml, value)) + "]"
    if isinstance(value, str):
        characters = (c if c.isascii() and c.isalnum() else f"\\U{ord(c):08x}" for c in value)
        return f'!unsafe "{"".join(characters)}"'
    return json.dumps(value)


def _played(
    command: Sequence[str], chosen: Targets, *, show: bool, tell: Callable[[str], None]
) -> list[Deployed]:
    reading, writing = os.pipe()
    environment = {
        **os.environ,
        "ANSIBLE_ROLES_PATH": str(ROLES),
        "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "edgetl_events",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_HOST_PATTERN_MISMATCH": "error",
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_DEPRECATION_WARNINGS": "false",
        "ANSIBLE_RETRY_FILES_ENABLED": "false",
        "EDGETL_DEPLOY_EVENTS": str(writing),
    }
    results: dict[str, Deployed] = {}
    said: list[str] = []
    process = subprocess.Popen(
        command,
        env=environment,
        pass_fds=[writing],
        stdout=sys.stderr if show else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    )
    os.close(writing)
    listening = threading.Thread(target=_listen, args=(process.stderr, said, show), daemon=True)
    listening.start()
    begun: Mapping[str, Any] = {"hosts": [], "empty": []}
    try:
        with open(reading, encoding="utf-8") as events:  # noqa: PTH123 - a descriptor
            for line in events:
                event = json.loads(line)
                if event["kind"] == "play":
                    begun = event
                else:
                    _take(event, chosen, results, tell)
        status = process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                # Seen once: Ansible waits for a lock that its worker died with.
                process.kill()
                process.wait()
    # A connection that stays open for the next run may hold on to stderr.
    listening.join(timeout=2)
    if not begun["hosts"]:
        raise _not_begun("".join(said), status, chosen)
    why = f"Ansible ended ({status}) before it was done there"
    for name in begun["hosts"]:
        results.setdefault(name, Deployed(chosen.typed.get(name, name), "failed", why=why))
    for name in [name for name in chosen.names if name in begun["empty"]]:
        results[name] = Deployed(name, "failed", why="a group without hosts")
    return list(results.values())


def _listen(stream: IO[str], said: list[str], show: bool) -> None:
    for line in stream:
        said.append(line)
        if show:
            sys.stderr.write(line)
            sys.stderr.flush()


def _take(
    event: Mapping[str, Any],
    chosen: Targets,
    results: dict[str, Deployed],
    tell: Callable[[str], None],
) -> None:
    name, kind = event["host"], event["kind"]
    host = chosen.typed.get(name, name)
    if kind == "report":
        results[name] = Deployed(host=host, **event["report"])
    elif kind == "unreachable":
        results[name] = Deployed(host, "unreachable", why=_unreachable(event["why"]))
    elif kind == "failed" and name not in results:
        tell(f"{host}: {event['task']}: {event['why']}")
        # Until the role reports: what fails before its block is not rescued.
        results[name] = Deployed(host, "failed", why=event["why"])
    elif kind == "changed" or (kind == "start" and event["task"].startswith(("Install", "Test"))):
        tell(f"{host}: {event['task']}")


def _unreachable(why: str) -> str:
    if "host key" in why.lower():
        return f"{why}; log in once with ssh to see and accept its key"
    if "Permission denied" in why:
        return f"{why}; let ssh log in without a password: ssh-copy-id HOST"
    return why


def _not_begun(said: str, status: int, chosen: Targets) -> EdgetlError:
    """Why no device was touched, from Ansible's words."""
    if file := re.search(r"failed to parse inventory source (.+)", said):
        return SettingError(f"--inventory {quoted(file[1])}: {_unparsed(file[1], said)}")
    if name := re.search(r"Could not match supplied host pattern, ignoring: (.+)", said):
        return SettingError(f"{quoted(name[1])}: no such host or group in the inventory")
    if status == 0:
        return SettingError(f"{quoted(chosen.pattern)}: no host in the inventory")
    errors = [line for line in said.splitlines() if "ERROR" in line] or said.splitlines()
    words = errors[0].removeprefix("[ERROR]: ").removeprefix("ERROR! ") if errors else f"{status}"
    return EdgetlError(f"Ansible does not run: {words.strip()}")


def _unparsed(file: str, said: str) -> str:
    # Each plugin that tried says why not; YAML's come first, and one wants another kind of file.
    reasons: list[str] = re.findall(r"Failed to parse .*plugin: (.+)", said)
    reasons = [why for why in reasons if "no root 'plugin' key" not in why] or ["not an inventory"]
    yaml = file.endswith((".yml", ".yaml", ".json"))
    line = re.search(rf"{re.escape(file)}:(\d+)", said)
    return (f"line {line[1]}: " if yaml and line else "") + reasons[0 if yaml else -1].strip()
