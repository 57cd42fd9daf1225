"""The blocks of code in README, which checks type."""

import re

from lib.commands import ROOT


def blocks(language: str) -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def pi_install(*, is_32_bit: bool) -> list[str]:
    """The lines that README tells the owner of such a Pi to type, but for `classify`."""
    (block,) = (
        text
        for text in blocks("text")
        if "-m venv" in text and ("--system-site-packages" in text) == is_32_bit
    )
    return [line for line in block.splitlines() if "edgetl classify" not in line]
