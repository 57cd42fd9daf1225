"""Probabilities for people and for programs."""

import numpy as np
import pytest

from edgetl.edge.results.probability import percent, shortest


@pytest.mark.parametrize(
    ("value", "one", "none"),
    [
        (1.0, "100.0%", "100%"), (0.0, "0.0%", "0%"), (0.99609375, "99.6%", ">99%"),
        (0.9996, ">99.9%", ">99%"), (float(np.float32(1) - np.float32(6e-8)), ">99.9%", ">99%"),
        (0.0004, "<0.1%", "<1%"), (1e-9, "<0.1%", "<1%"), (0.5, "50.0%", "50%"),
        (778 / 800, "97.3%", "97%"), (float(np.float32(778 / 800)), "97.3%", "97%"),
        (0.995, "99.5%", ">99%"), (0.9949, "99.5%", "99%"),
    ],
)  # fmt: skip
def test_what_is_not_all_or_nothing_never_looks_like_it(value: float, one: str, none: str) -> None:
    assert percent(value) == one
    assert percent(value, digits=0) == none


def test_numbers_have_the_digits_of_a_float32() -> None:
    assert shortest(float(np.float32(0.1))) == 0.1
    assert shortest(0.99609375) == 0.99609375
    almost = np.nextafter(np.float32(1), np.float32(0))
    assert shortest(float(almost)) < 1
    assert np.float32(shortest(float(almost))) == almost
