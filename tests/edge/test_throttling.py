from pathlib import Path

import pytest

from edgetl.edge.system.throttling import Throttling, throttled_between, throttled_words, throttling


def test_a_machine_that_reports_nothing(tmp_path: Path) -> None:
    assert throttling(tmp_path) == Throttling(None, None)


def test_past_and_present_throttling_are_kept_apart() -> None:
    assert throttled_words(Throttling(0, None)) == ()
    assert throttled_words(Throttling(0x50000, None)) == (
        "under-voltage has occurred",
        "throttled has occurred",
    )
    assert throttled_words(Throttling(0x80008, None)) == ("soft temperature limit",)


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (0, 0, ""),
        (0x50000, 0x50000, ""),  # long ago
        (0, 0x40004, "throttled"),
        (0, 0x10000, "under-voltage"),  # between the two moments
        (2, 0x20000, "ARM frequency capped"),
    ],
)
def test_a_round_is_throttled_if_it_was_so_within_it(before: int, after: int, why: str) -> None:
    assert throttled_between(Throttling(before, None), Throttling(after, None)) == why


def test_cores_that_were_slowed_count_on_intel(tmp_path: Path) -> None:
    for core, count in ((0, "3"), (1, "4")):
        folder = tmp_path / f"devices/system/cpu/cpu{core}/thermal_throttle"
        folder.mkdir(parents=True)
        (folder / "core_throttle_count").write_text(f"{count}\n")
    now = throttling(tmp_path)
    assert now == Throttling(None, 7)
    assert throttled_between(now, now) == ""
    assert "hot" in throttled_between(now, Throttling(None, 8))
