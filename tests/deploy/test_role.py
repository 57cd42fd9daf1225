"""The role's files, which Ansible reads alone, say what edgetl says."""

from pathlib import Path
from typing import Any

import yaml

from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.service.options import USUAL_NAME

ROOT = Path(__file__).parents[2]
ROLE = ROOT / "deploy" / "roles" / "edgetl"


def read(name: str) -> Any:
    return yaml.safe_load((ROLE / name).read_text(encoding="utf-8"))


def test_its_runtimes_and_the_service_s_name_are_those_of_the_commands() -> None:
    options = read("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    defaults = read("defaults/main.yml")
    (runtime,) = (one for one in ClassifyOptions.settings() if one.name == "runtime")
    assert options["edgetl_runtime"]["choices"] == list(runtime.choices)
    assert defaults["edgetl_runtime"] == runtime.default
    assert defaults["edgetl_service_name"] == USUAL_NAME


def test_each_variable_has_a_default_and_is_documented() -> None:
    options = read("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    needed = {name for name, option in options.items() if option.get("required")}
    assert options.keys() - needed == read("defaults/main.yml").keys()
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    assert [name for name in options if name not in page] == []
