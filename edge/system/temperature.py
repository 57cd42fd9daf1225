"""The CPU's temperature, where the kernel reports it."""

from pathlib import Path

CPU_TEMPERATURE = Path("/sys/class/thermal/thermal_zone0/temp")


def celsius(sensor: Path = CPU_TEMPERATURE) -> float | None:
    """Degrees Celsius; None where there is no such sensor.

    Args:
        sensor: a file with thousandths of a degree in it.
    """
    try:
        return int(sensor.read_text(encoding="ascii")) / 1000
    except (OSError, ValueError):
        return None
