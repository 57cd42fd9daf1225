"""Build hook: puts the packages that lie beside edgetl/ in a checkout inside it in a wheel."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGES = ("edge", "trainer", "benchmarks", "deploy")
# Tools of the checkout, which no installation needs.
LEFT_OUT = ("benchmarks/dev", "__pycache__")


class PackagesInside(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Map edge/x.py to edgetl/edge/x.py, and so on.

        An editable installation reads the checkout.

        Args:
            version: "standard" or "editable".
            build_data: what hatchling passes on; `force_include` is filled in.
        """
        if version != "standard":
            return
        root = Path(self.root)
        for path in sorted(path for name in PACKAGES for path in (root / name).rglob("*")):
            name = path.relative_to(root).as_posix()
            if path.is_file() and not any(part in name for part in LEFT_OUT):
                build_data["force_include"][str(path)] = f"edgetl/{name}"
