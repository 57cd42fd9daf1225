"""The check of a service that answers posted pictures."""

import json
from urllib.request import urlopen

from lib.checks import require, wait_until
from lib.environments import network_variables
from lib.service_check.container import EDGETL, MODEL, SERVE_UNIT, SLOW, USER, Container
from lib.service_check.state import ready

PORT = 8765


def served(container: Container) -> str:
    """Its packages are installed first: another check is of a system without them."""
    (wheel,) = (container.tree / "root").glob("edgetl-*.whl")
    variables = [f"{n}={v}" for n, v in network_variables(certificate="/root/ca.pem").items()]
    pip = EDGETL.replace("bin/edgetl", "bin/pip")
    install = [pip, "install", f"/root/{wheel.name}[preview]"]
    container.run("/usr/bin/env", "--chdir=/", *variables, *install)
    address = f"127.0.0.1:{PORT}"
    container.edgetl(
        "service", "install", "serve", "--model", MODEL, "--run-as", USER, "--preview", address,
        "--yes",
    )  # fmt: skip
    before = ready(container, SERVE_UNIT)
    # The container shares this machine's network.
    picture = (container.tree / "root/frame0.jpg").read_bytes()
    with urlopen(f"http://{address}/classify", data=picture, timeout=SLOW) as answer:
        record = json.load(answer)
    status = wait_until(
        "the picture in the status",
        lambda: text if "1 picture," in (text := container.facts(SERVE_UNIT)["StatusText"]) else "",
        SLOW,
    )
    require(f"{status!r} begins with its label", status.startswith(record["label"]))
    container.run("kill", "-9", before["MainPID"])
    after = ready(container, SERVE_UNIT, but=before["MainPID"])
    require("NRestarts has grown", int(after["NRestarts"]) > int(before["NRestarts"]))
    name = SERVE_UNIT.removesuffix(".service")
    said = container.edgetl("service", "uninstall", "--name", name).strip()
    require(f"{said!r} says removed", said.endswith("removed"))
    return f"{status}; kill -9: ready again"
