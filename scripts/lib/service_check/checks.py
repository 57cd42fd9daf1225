"""The checks of a service, in their order."""

import functools
from collections.abc import Callable, Iterator

from lib.service_check.camera import Camera
from lib.service_check.container import MODEL, USER, Container
from lib.service_check.deployments import Deployer, deployed, left_alone, rolled_back
from lib.service_check.failures import (
    gone_briefly,
    killed,
    lost,
    rebooted,
    stopped,
    stopped_and_started,
)
from lib.service_check.installing import (
    changed,
    installed,
    installed_again,
    rights,
    shown,
    version,
)
from lib.service_check.sandbox import (
    hidden,
    memory,
    missing,
    output_only,
    read_only,
    refused,
    unreachable,
)
from lib.service_check.serving import served
from lib.service_check.uninstalling import (
    uninstalled,
    uninstalled_failing,
    uninstalled_hanging,
)

# If one of these fails, the rest is left out.
NEEDED = ("systemd", "install")

# They wait for a time limit.
LONG = ("the stream stalls", "the stream is gone", "SIGSTOP", "uninstall of one that hangs")


def checks(container: Container, camera: Camera) -> Iterator[tuple[str, Callable[[], str]]]:
    """Each check: its name, and what runs it."""
    arguments = [
        "service", "install", "--camera", camera.url, "--model", MODEL, "--on-change",
        "--run-as", USER,
    ]  # fmt: skip
    # Made by the first check that deploys: those before need no Ansible.
    deployer = functools.cache(lambda: Deployer(container))
    yield "systemd", lambda: version(container)
    yield "install", lambda: installed(container, arguments)
    yield "user and rights", lambda: rights(container)
    yield "status and logs", lambda: shown(container)
    yield "install again", lambda: installed_again(container, arguments)
    yield "install with another option", lambda: changed(container, arguments)
    yield "nothing can be written", lambda: read_only(container)
    yield "devices and /proc", lambda: hidden(container)
    yield "--output, and nowhere else", lambda: output_only(container, camera)
    yield "--output to another's folder", lambda: refused(container, camera)
    yield "--model that its user may not read", lambda: unreachable(container, arguments)
    yield "--preview without its packages", lambda: missing(container, arguments)
    yield "serve, as a service beside it", lambda: served(container)
    yield "memory limit", lambda: memory(container)
    yield "the stream is gone for 5 s", lambda: gone_briefly(container, camera)
    yield "the stream stalls", lambda: lost(container, camera.stall, camera.flow)
    yield "the stream is gone", lambda: lost(container, camera.go, camera.come)
    yield "kill -9", lambda: killed(container)
    yield "SIGSTOP", lambda: stopped(container)
    yield "systemctl stop, start", lambda: stopped_and_started(container, arguments)
    yield "the container boots again", lambda: rebooted(container)
    yield "uninstall", lambda: uninstalled(container)
    yield "uninstall of one that hangs", lambda: uninstalled_hanging(container, arguments)
    yield "uninstall of one that fails", lambda: uninstalled_failing(container, camera, arguments)
    yield "deploy --service over ssh", lambda: deployed(container, camera, deployer())
    yield "deploy of one that cannot start", lambda: rolled_back(container, camera, deployer())
    yield "deploy over another's service", lambda: left_alone(container, camera, deployer())
