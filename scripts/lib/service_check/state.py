"""What systemd knows of a service."""

from lib.checks import require, wait_until
from lib.service_check.container import SLOW, UNIT, WATCHDOG, Container


def is_ready(container: Container, unit: str = UNIT, *, but: str = "") -> dict[str, str]:
    """A service's facts if it is ready and has another process than `but`; else none."""
    facts = container.facts(unit)
    ready = (facts["ActiveState"], facts["SubState"]) == ("active", "running")
    return facts if ready and facts["StatusText"] and facts["MainPID"] != but else {}


def ready(
    container: Container, unit: str = UNIT, *, but: str = "", seconds: float = 60
) -> dict[str, str]:
    facts = wait_until(f"{unit} is ready", lambda: is_ready(container, unit, but=but), seconds)
    return dict(facts)


def results_flow(container: Container, unit: str = UNIT) -> str:
    """What it sees, once it has told the watchdog of new results.

    Raises:
        CheckError: it does not.
    """
    before = container.facts(unit)["WatchdogTimestampMonotonic"]
    wait_until(
        "a new sign of life",
        lambda: container.facts(unit)["WatchdogTimestampMonotonic"] != before,
        WATCHDOG / 2,
    )
    text = wait_until(
        "frames a second in the status",
        lambda: (
            status if "frames a second" in (status := container.facts(unit)["StatusText"]) else ""
        ),
        SLOW,
    )
    return str(text)


def restarted(container: Container, before: dict[str, str], *, seconds: float) -> dict[str, str]:
    """Facts of the process after the one of `before`, once it is ready."""
    facts = ready(container, but=before["MainPID"], seconds=seconds)
    require("NRestarts has grown", int(facts["NRestarts"]) > int(before["NRestarts"]))
    return facts
