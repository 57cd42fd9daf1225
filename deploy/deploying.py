"""Running the role edgetl on devices with Ansible, in a separate process."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Literal

from edgetl.deploy.options import DeployOptions
from edgetl.deploy.own_package import own_package
from edgetl.deploy.service import check_service
from edgetl.deploy.targets import Targets, targets
from edgetl.edge.errors import EdgetlError, SettingError, quoted
from edgetl.edge.model.latest import model_of
from edgetl.edge.model.model_file import read_model_file
from edgetl.edge.system.extras import need_extra
from edgetl.edge.system.masking import masked, secrets_of
from edgetl.edge.system.messages import logger
from edgetl.edge.system.native_log import DEBUG_VARIABLE

HERE = Path(__file__).parent
ROLES = HERE / "roles"

# After SIGTERM Ansible gets this long.
_SECONDS_TO_END = 10

State = Literal["deployed", "unchanged", "rolled back", "failed", "unreachable"]


@dataclass(frozen=True)
class Deployed:
    """The result of a deployment on one device.

    Attributes:
        host: as it was typed.
        state: "rolled back" if the new model failed its test and the previous one is in use again;
            "failed" if there was none, or it failed before that.
        model: the SHA-256 of the model in use, "" if none or unknown.
        edgetl: the version installed there, "" if unknown.
        runtime, milliseconds: of the test inference; the median, None if there was none.
        why: the reason of a failure, "" if there was none.
    """

    host: str
    state: State
    model: str = ""
    edgetl: str = ""
    runtime: str = ""
    milliseconds: float | None = None
    why: str = ""


def deploy(options: DeployOptions) -> list[Deployed]:
    """Put a model on devices, test it there, and roll back where it fails.

    What goes on is logged. With `dry_run`, or --debug, Ansible's own output is on stderr. The
    results are in the order in which the devices ended.

    Raises:
        ModelFileError: the model is damaged, or the run has none.
        SettingError: no such inventory or host, or the device would refuse the service.
        EdgetlError: Ansible is not installed, or does not run.
    """
    need_extra("deploy", needs="deploy")
    if options.service is not None:
        check_service(options.service, options.model)
    model = model_of(options.model)
    read_model_file(model)
    chosen = targets(options.hosts, options.inventory)
    package, service = options.package, options.service_arguments
    if package and package.endswith(".whl"):
        package = str(Path(package).absolute())
    variables = {
        "edgetl_model": str(model.absolute()),
        "edgetl_package": package,
        "edgetl_hosts": chosen.pattern,
        "edgetl_max_ms": options.max_ms,
        "edgetl_service": None if service is None else True,
        "edgetl_service_options": service,
    }
    variables = {name: value for name, value in variables.items() if value is not None}
    with TemporaryDirectory(prefix="edgetl-deploy-") as temporary:
        inventory = Path(temporary, "targets.yml")
        inventory.write_text(_as_yaml(chosen.inventory), encoding="utf-8")
        if package is None:
            variables["edgetl_own_package"] = own_package(Path(temporary))
        extra_vars = Path(temporary, "variables.yml")
        extra_vars.write_text(_as_yaml(variables), encoding="utf-8")
        command = [sys.executable, "-P", "-m", "ansible", "playbook", str(HERE / "playbook.yml")]
        command += ["--extra-vars", f"@{extra_vars}", "--inventory", str(inventory)]
        if options.inventory is not None:
            command += ["--inventory", str(options.inventory.absolute())]
        if options.ask_become_pass:
            command.append("--ask-become-pass")
        if options.dry_run:
            command += ["--check", "--diff"]
        show = options.dry_run or bool(os.environ.get(DEBUG_VARIABLE))
        secrets = frozenset[str]().union(*map(secrets_of, service or ()))
        return _played(command, chosen, show=show, secrets=secrets)


def _as_yaml(value: Any) -> str:
    """A value as YAML for Ansible, in which no text is taken for a template."""
    if isinstance(value, Mapping):
        items = (f"{json.dumps(name)}: {_as_yaml(item)}" for name, item in value.items())
        return "{" + ", ".join(items) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_as_yaml, value)) + "]"
    if isinstance(value, str):
        characters = (c if c.isascii() and c.isalnum() else f"\\U{ord(c):08x}" for c in value)
        return f'!unsafe "{"".join(characters)}"'
    return json.dumps(value)


def _played(
    command: Sequence[str], chosen: Targets, *, show: bool, secrets: frozenset[str]
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
    errors: list[str] = []
    process = subprocess.Popen(
        command,
        env=environment,
        pass_fds=[writing],
        stdout=subprocess.PIPE if show else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    )
    os.close(writing)
    listening = [
        threading.Thread(target=_listen, args=(stream, output, show, secrets), daemon=True)
        for stream, output in ((process.stderr, errors), (process.stdout, []))
        if stream is not None
    ]
    for thread in listening:
        thread.start()
    play: Mapping[str, Any] = {"hosts": [], "empty": []}
    try:
        with open(reading, encoding="utf-8") as events:  # noqa: PTH123 - a descriptor
            for line in events:
                event = json.loads(line)
                if event["kind"] == "play":
                    play = event
                else:
                    _take(event, chosen, results)
        status = process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(_SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                # Seen once: Ansible waited for a lock of a worker that had died.
                process.kill()
                process.wait()
    # A connection that stays open for the next run may keep stderr open.
    for thread in listening:
        thread.join(timeout=2)
    if not play["hosts"]:
        raise _not_started("".join(errors), status, chosen)
    why = f"Ansible ended with status {status} before it was done there"
    for name in play["hosts"]:
        results.setdefault(name, Deployed(chosen.typed.get(name, name), "failed", why=why))
    empty = [name for name in chosen.names if name in play["empty"]]
    results |= {name: Deployed(name, "failed", why="a group without hosts") for name in empty}
    return [replace(one, why=masked(one.why, secrets)) for one in results.values()]


def _listen(stream: IO[str], output: list[str], show: bool, secrets: frozenset[str]) -> None:
    for line in stream:
        # A task's arguments may be shown, and with them a camera's URL.
        line = masked(line, secrets)
        output.append(line)
        if show:
            sys.stderr.write(line)
            sys.stderr.flush()


def _take(event: Mapping[str, Any], chosen: Targets, results: dict[str, Deployed]) -> None:
    name, kind = event["host"], event["kind"]
    host = chosen.typed.get(name, name)
    if kind == "report":
        results[name] = Deployed(host=host, **event["report"])
    elif kind == "unreachable":
        results[name] = Deployed(host, "unreachable", why=_unreachable(event["why"]))
    elif kind == "failed" and name not in results:
        # Until the role reports: what fails before its block is not rescued.
        results[name] = Deployed(host, "failed", why=event["why"])
    elif kind == "changed" or (kind == "start" and event["task"].startswith(("Install", "Test"))):
        logger.info(f"{host}: {event['task']}")


def _unreachable(why: str) -> str:
    why = why.removeprefix("Task failed: ")
    if "host key" in why.lower():
        return f"{why}; log in once with ssh to see and accept its key"
    if "Permission denied" in why:
        return f"{why}; let ssh log in without a password: ssh-copy-id HOST"
    return why


def _not_started(output: str, status: int, chosen: Targets) -> EdgetlError:
    """Why nothing ran on any device, from Ansible's output."""
    if file := re.search(r"failed to parse inventory source (.+)", output):
        return SettingError(f"--inventory {quoted(file[1])}: {_unparsed(file[1], output)}")
    if name := re.search(r"Could not match supplied host pattern, ignoring: (.+)", output):
        return SettingError(f"{quoted(name[1])}: no such host or group in the inventory")
    if status == 0:
        return SettingError(f"{quoted(chosen.pattern)}: no host in the inventory")
    errors = [line for line in output.splitlines() if "ERROR" in line] or output.splitlines()
    words = errors[0].removeprefix("[ERROR]: ").removeprefix("ERROR! ") if errors else f"{status}"
    return EdgetlError(f"Ansible does not run: {words.strip()}")


def _unparsed(file: str, output: str) -> str:
    # Each inventory plugin gives its reason; YAML's come first, and one is for other files.
    reasons: list[str] = re.findall(r"Failed to parse .*plugin: (.+)", output)
    reasons = [why for why in reasons if "no root 'plugin' key" not in why] or ["not an inventory"]
    yaml = file.endswith((".yml", ".yaml", ".json"))
    line = re.search(rf"{re.escape(file)}:(\d+)", output)
    return (f"line {line[1]}: " if yaml and line else "") + reasons[0 if yaml else -1].strip()
