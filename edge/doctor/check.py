"""What the doctor finds."""

from dataclasses import dataclass
from typing import Literal

from edgetl.edge.model.verify.sandbox import TimedRun

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at, what is there, and what to do about it, "" for nothing.

    Its `state` is "fail" where edgetl cannot do its work, "warn" where it can do less, or slower.
    """

    name: str
    state: State
    found: str
    remedy: str = ""


@dataclass(frozen=True)
class Examination:
    """All checks, and the test inference if one was asked for and went well."""

    checks: tuple[Check, ...]
    model: TimedRun | None

    @property
    def healthy(self) -> bool:
        """Whether nothing fails."""
        return all(check.state != "fail" for check in self.checks)
