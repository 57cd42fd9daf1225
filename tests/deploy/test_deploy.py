"""Deployments to real SSH servers on this machine, each with a home of its own."""

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from edgetl import __version__
from edgetl.deploy.deploying import deploy
from edgetl.deploy.options import ClassifyService, DeployOptions, ServeService
from edgetl.deploy.targets import Targets
from edgetl.edge.actions.options import PinLabel
from edgetl.edge.errors import MissingExtraError, SettingError
from tests.conftest import Cli, assert_one_clear_line
from tests.deploy.devices import Fleet, named

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_fleet_from_the_first_model_to_a_roll_back(
    fleet: Fleet, models: tuple[Path, Path]
) -> None:
    first, second = models

    bare = fleet.tree("door")
    (would,) = fleet.deploy(first, "door", "--dry-run").values()
    assert would["state"] == "deployed"
    assert fleet.tree("door") == bare

    results = fleet.deploy(first, check=1)
    assert {host: result["state"] for host, result in results.items()} == {
        "door": "deployed",
        "gate": "deployed",
        "cellar": "unreachable",
    }
    for host in ("door", "gate"):
        assert fleet.linked(host) == named(first)
        assert results[host]["model"] + ".tflite" == named(first)
        assert results[host]["edgetl"] == __version__
        assert results[host]["runtime"].startswith("litert ")
        assert results[host]["milliseconds"] > 0
    assert results["cellar"]["why"]

    before = fleet.tree("door")
    again = fleet.deploy(first, "door", "gate")
    assert [result["state"] for result in again.values()] == ["unchanged"] * 2
    assert fleet.tree("door") == before

    fleet.let("gate", edgetl_max_ms=0.0001)
    results = fleet.deploy(second, "door", "gate", check=1)
    assert results["door"]["state"] == "deployed"
    assert fleet.linked("door") == named(second)
    assert results["gate"]["state"] == "rolled back"
    assert "ms is the limit" in results["gate"]["why"]
    assert fleet.linked("gate") == named(first)
    assert not (fleet.home("gate") / "edgetl" / "models" / named(second)).exists()

    fleet.let("gate", edgetl_max_ms=0)
    (broken,) = (fleet.home("gate") / "edgetl").rglob("edge/model/preprocessing.py")
    broken.write_text("raise ImportError('a torn card')")
    results = fleet.deploy(second, "gate", check=1)
    assert results["gate"]["state"] == "rolled back"
    assert "a torn card" in results["gate"]["why"]
    assert fleet.linked("gate") == named(first)


@pytest.mark.slow
def test_people_get_a_table_and_a_line_for_each_failure(
    fleet: Fleet, models: tuple[Path, Path]
) -> None:
    inventory = fleet.folder / "hosts.yml"
    done = fleet.cli("deploy", models[0], "cellar", "--inventory", inventory, check=1)
    assert "unreachable" in done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith("cellar: ")] == [
        done.stdout.splitlines()[-1]
    ]
    assert done.stderr == ""
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_host_whose_key_is_not_known_is_not_trusted(
    fleet: Fleet, models: tuple[Path, Path]
) -> None:
    inventory = json.loads((fleet.folder / "hosts.yml").read_text())
    inventory["all"]["vars"]["ansible_ssh_common_args"] = "-o UserKnownHostsFile=/dev/null"
    strange = fleet.folder / "strange.yml"
    strange.write_text(json.dumps(inventory))
    # Ansible would go through a connection that is open already.
    own = {"ANSIBLE_SSH_CONTROL_PATH_DIR": str(fleet.folder / "connections")}
    options = ("--inventory", strange, "--json")
    done = fleet.cli("deploy", models[0], "door", *options, check=1, **own)
    (result,) = json.loads(done.stdout)
    assert result["state"] == "unreachable"
    assert "log in once with ssh" in result["why"]


@pytest.mark.slow
def test_a_mistyped_host_next_to_a_good_one_is_refused_before_anything_is_done(
    fleet: Fleet, models: tuple[Path, Path]
) -> None:
    before = fleet.tree("door")
    done = fleet.run(models[0], "door", "dor", "--package", "other", check=2)
    assert_one_clear_line(done, "dor: no such host or group")
    done = fleet.run(models[0], "door", "dor", "--dry-run", check=2)
    assert "dor: no such host or group" in done.stderr.splitlines()[-1]
    assert fleet.tree("door") == before


@pytest.mark.slow
def test_a_group_without_hosts_has_failed(fleet: Fleet, models: tuple[Path, Path]) -> None:
    inventory = json.loads((fleet.folder / "hosts.yml").read_text())
    inventory["all"]["children"] = {"attic": {"hosts": {}}}
    other = fleet.folder / "attic.yml"
    other.write_text(json.dumps(inventory))
    options = ("--inventory", other, "--json")
    done = fleet.cli("deploy", models[0], "cellar", "attic", *options, check=1)
    results = {result["host"]: result for result in json.loads(done.stdout)}
    assert results["cellar"]["state"] == "unreachable"
    assert results["attic"]["why"] == "a group without hosts"


@pytest.mark.slow
def test_nothing_in_an_address_is_run_here(
    fleet: Fleet, models: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = fleet.folder / "run on the laptop"
    template = "{{ lookup('pipe', 'touch \"" + str(marker) + "\"') }}"
    variables = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_user": template}
    chosen = Targets({"edgetl_targets": {"hosts": {"door": variables}}}, ["door"], {})
    monkeypatch.setattr("edgetl.deploy.deploying.targets", lambda *_: chosen)
    (result,) = deploy(DeployOptions(models[0], ("door",), package="x"))
    assert result.state == "unreachable"
    assert not marker.exists()


@pytest.mark.slow
def test_a_dry_run_tries_pip_s_resolution(fleet: Fleet, models: tuple[Path, Path]) -> None:
    arguments = ["--no-index"]
    home = str(fleet.home("door") / "dry")
    before = fleet.tree("door")
    with fleet.letting("door", edgetl_pip_arguments=arguments, edgetl_home=home):
        results = fleet.deploy(
            models[0], "door", "--package", "edgetl-nonesuch", "--dry-run", check=1
        )
    assert results["door"]["state"] == "failed"
    assert results["door"]["why"] == "ERROR: No matching distribution found for edgetl-nonesuch"
    assert fleet.tree("door") == before
    assert not list(Path(tempfile.gettempdir()).glob("edgetl-*/venv"))


@pytest.mark.slow
def test_a_checkout_is_deployed_as_a_wheel_of_it(fleet: Fleet, models: tuple[Path, Path]) -> None:
    # Without --package, and without the inventory's.
    inventory = json.loads((fleet.folder / "hosts.yml").read_text())
    del inventory["all"]["vars"]["edgetl_package"]
    inventory["all"]["hosts"]["door"]["edgetl_home"] = str(fleet.home("door") / "checkout")
    path = fleet.folder / "checkout.yml"
    path.write_text(json.dumps(inventory))
    for state in ("deployed", "unchanged"):
        done = fleet.cli("deploy", models[0], "door", "--inventory", path, "--json")
        (result,) = json.loads(done.stdout)
        assert (result["state"], result["edgetl"]) == (state, __version__)
    (wheel,) = (fleet.home("door") / "checkout" / "packages").iterdir()
    assert wheel.suffix == ".whl"


@pytest.mark.slow
def test_pip_s_last_words_are_said(fleet: Fleet, models: tuple[Path, Path]) -> None:
    arguments = ["--no-deps", "--no-index"]
    home = str(fleet.home("door") / "pip")
    with fleet.letting("door", edgetl_pip_arguments=arguments, edgetl_home=home):
        results = fleet.deploy(models[0], "door", "--package", "edgetl-nonesuch", check=1)
    assert results["door"]["state"] == "failed"
    assert results["door"]["why"] == "ERROR: No matching distribution found for edgetl-nonesuch"


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount")
def test_an_item_s_last_words_are_said_after_a_roll_back(
    fleet: Fleet, models: tuple[Path, Path]
) -> None:
    first, second = models
    home = fleet.home("door") / "loop"
    with fleet.letting("door", edgetl_home=str(home)):
        fleet.deploy(first, "door")
        (home / "models" / "busy" / "x").mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "x", home / "models" / "busy"], check=True)
        try:
            results = fleet.deploy(second, "door", check=1)
        finally:
            subprocess.run(["umount", home / "models" / "busy"], check=True)
    assert results["door"]["state"] == "rolled back"
    assert "busy" in results["door"]["why"]
    assert (home / "model.tflite").readlink().name == named(first)


@pytest.mark.slow
def test_a_home_may_be_given_from_the_user_s(fleet: Fleet, models: tuple[Path, Path]) -> None:
    first, second = models
    link = fleet.home("door") / "ed" / "model.tflite"
    with fleet.letting("door", edgetl_home="~/ed"):
        assert fleet.deploy(first, "door")["door"]["state"] == "deployed"
        assert link.readlink().name == named(first)
        again = fleet.run(first, "door")
        assert "unchanged" in again.stdout
        assert "Install" not in again.stderr
        fleet.let("door", edgetl_max_ms=0.0001)
        results = fleet.deploy(second, "door", check=1)
        assert results["door"]["state"] == "rolled back"
        assert link.readlink().name == named(first)


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["edgetl_service_options", "edgetl_pip_arguments"])
def test_a_text_for_a_list_is_refused(
    fleet: Fleet, models: tuple[Path, Path], variable: str
) -> None:
    before = fleet.tree("door")
    with fleet.letting("door", edgetl_service=True, **{variable: "--camera 0"}):
        results = fleet.deploy(models[0], "door", "--package", "other", check=1)
    assert results["door"]["state"] == "failed"
    assert f"{variable} is no list; give one" in results["door"]["why"]
    assert fleet.tree("door") == before


@pytest.mark.slow
def test_why_is_one_line(fleet: Fleet, models: tuple[Path, Path]) -> None:
    with fleet.letting("door", edgetl_runtime="tensorflow"):
        results = fleet.deploy(models[0], "door", check=1)
    assert "edgetl_runtime" in results["door"]["why"] or "tensorflow" in results["door"]["why"]
    assert "\n" not in results["door"]["why"]


@pytest.mark.slow
def test_a_name_that_looks_like_a_template_is_a_name(
    fleet: Fleet, models: tuple[Path, Path]
) -> None:
    odd = fleet.folder / "{{ 1+1 }} {# \"é😀' {% if.tflite"
    odd.write_bytes(models[0].read_bytes())
    fleet.deploy(odd, "door")
    assert fleet.linked("door") == named(odd)


@pytest.mark.slow
def test_a_dry_run_rolls_nothing_back(fleet: Fleet, models: tuple[Path, Path]) -> None:
    first, second = models
    fleet.deploy(first, "door")
    fleet.deploy(second, "door")
    before = fleet.tree("door")
    with fleet.letting("door", edgetl_max_ms=0.0001):
        results = fleet.deploy(first, "door", "--dry-run", check=1)
    assert results["door"]["state"] == "failed"
    assert results["door"]["model"] + ".tflite" == named(second)
    assert fleet.tree("door") == before


@pytest.mark.slow
def test_a_playbook_of_one_s_own_uses_the_role_as_documented(
    fleet: Fleet, models: tuple[Path, Path]
) -> None:
    text = (ROOT / "docs" / "deploy.md").read_text().partition("## In your own playbook")[2]
    (playbook,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    (roles,) = re.findall(r"ANSIBLE_ROLES_PATH=\$\((.*)\)`", text)
    folder = fleet.folder / "own"
    folder.mkdir()
    (folder / "play.yml").write_text(playbook)
    (folder / "model.int8.tflite").write_bytes(models[0].read_bytes())
    inventory = json.loads((fleet.folder / "hosts.yml").read_text())
    inventory["all"]["children"] = {"doors": {"hosts": {"door": {}}}}
    (folder / "hosts.yml").write_text(json.dumps(inventory))
    shell = f"ANSIBLE_ROLES_PATH=$({roles}) python -m ansible playbook -i hosts.yml play.yml"
    own = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        shell, shell=True, cwd=folder, env={**os.environ, **own}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert fleet.linked("door") == named(models[0])
    assert f'"model": "{named(models[0]).removesuffix(".tflite")}"' in done.stdout
    assert re.search(r'"state": "(deployed|unchanged)"', done.stdout)


def test_an_inventory_that_cannot_be_read_is_named_with_what_is_wrong(
    cli: Cli, tiny_export: bytes
) -> None:
    pytest.importorskip("ansible")
    (cli.folder / "m.tflite").write_bytes(tiny_export)
    (cli.folder / "hosts.yml").write_text("a: [b\n")
    (cli.folder / "hosts").write_text("[doors\nx\n")
    for name, words in (("hosts.yml", "YAML"), ("hosts", "")):
        done = cli.refused("deploy", "m.tflite", "--inventory", name)
        assert_one_clear_line(done, str(cli.folder / name), words)
        assert "no such host" not in done.stderr


def test_a_quotation_that_does_not_end(cli: Cli, tiny_export: bytes) -> None:
    (cli.folder / "m.tflite").write_bytes(tiny_export)
    done = cli.refused("deploy", "m.tflite", "door", "--service", '--camera "0')
    assert_one_clear_line(done, "--service", "no closing quotation")


@pytest.mark.parametrize(
    ("service", "words"),
    [
        ("--camera 0 --tresh 0.5", "did you mean --threshold?"),
        ("--camera 0 --threshold 2", "--threshold 2.0 is not between 0 and 1"),
        ("--camera 0 --threshold precision=2", "--threshold precision=2.0: give a share"),
        ("--camera 0 --window", "a service has no screen"),
        ("--camera 0 --resolution 3", "resolution '3' is not WIDTHxHEIGHT"),
        ("--camera 0 --preview x:99999", "ports go up to 65535"),
        ("--camera 0 --mqtt broker", "not an address of a broker"),
        ("--camera 0 --webhook broker", "not an address of a web server"),
        ("--camera 0 --gpio 40=open", "0 to 27"),
        ("--camera 0 --memory-max 1", "--memory-max 1"),
        ("photo.jpg", "a service watches a camera, not files"),
        ("", "--service: empty"),
        ("--camera 0 --runtime litert", "--runtime is given by the deployment itself"),
        ("--camera 0 --model=other.tflite", "--model is given by the deployment itself"),
        ("serve --camera 0", "no such option --camera"),
        ("serve --preview x:99999", "ports go up to 65535"),
        ("serve --memory-max 1", "--memory-max 1"),
        ("serve --name door", "--name is given by the deployment itself"),
    ],
)
def test_options_of_a_service_are_checked_before_anything_is_sent(
    cli: Cli, service: str, words: str
) -> None:
    done = cli.refused("deploy", "missing.tflite", "door", "--service", service)
    assert_one_clear_line(done, "--service: ", words)


def test_python_gives_a_service_as_options_and_the_same_is_checked(
    tmp_path: Path, tiny_export: bytes
) -> None:
    model = tmp_path / "m.tflite"
    model.write_bytes(tiny_export)
    options = DeployOptions(model, ("door",), service=ClassifyService(camera=("0",), run_as="pi"))
    assert options.service_arguments == ["--camera=0", "--run-as=pi"]
    assert replace(options, service=ServeService()).service_arguments == ["serve"]
    unknown = ClassifyService(camera=("0",), gpio=(PinLabel(17, "cat"),))
    with pytest.raises(SettingError, match=r"--service: .*there are blue, green, red"):
        deploy(replace(options, service=unknown))
    with pytest.raises(SettingError, match="--name is given by the deployment"):
        replace(options, service=ServeService(name="door"))


def test_a_threshold_that_the_model_does_not_know_is_refused_here(
    cli: Cli, tiny_export: bytes
) -> None:
    (cli.folder / "m.tflite").write_bytes(tiny_export)
    for command in ("--camera 0", "serve"):
        for more, words in (
            ("--threshold precision=0.9", "holds no record of held-out photos"),
            ("--unknown-at 0.5", "has no label 'unknown'"),
        ):
            done = cli.refused("deploy", "m.tflite", "door", "--service", f"{command} {more}")
            assert_one_clear_line(done, f"--service: m.tflite: {words}")


def test_a_label_that_the_model_has_not_is_refused_here(cli: Cli, tiny_export: bytes) -> None:
    (cli.folder / "m.tflite").write_bytes(tiny_export)
    for more in ("--gpio 17=cat", "--snapshots seen --keep 'cat>0.5'"):
        # The program is the device's, which alone knows whether it is there.
        service = f"--camera 0 --exec nowhere-here {more}"
        done = cli.refused("deploy", "m.tflite", "door", "--service", service)
        assert_one_clear_line(done, "--service: ", "no such label; there are blue, green, red")


def test_what_is_wrong_is_found_before_a_device_is_touched(cli: Cli, tiny_export: bytes) -> None:
    (cli.folder / "m.tflite").write_bytes(tiny_export)
    (cli.folder / "bad.tflite").write_bytes(b"no model")
    (cli.folder / "run").mkdir()
    for arguments, words in (
        (("bad.tflite", "door"), "bad.tflite"),
        (("run", "door"), "give a .tflite file, as edgetl export writes"),
        (("m.tflite",), "no device named"),
        (("m.tflite", "door", "--package", "edgetl.whl"), "no such file"),
        (("m.tflite", "door", "--inventory", "hosts.yml"), "no such file"),
    ):
        assert_one_clear_line(cli.refused("deploy", *arguments), words)


def test_without_ansible_the_install_command_is_shown(
    cli: Cli, tiny_export: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cli.folder / "m.tflite").write_bytes(tiny_export)
    monkeypatch.setitem(sys.modules, "ansible", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'edgetl\[deploy\]'"):
        deploy(DeployOptions(cli.folder / "m.tflite", ("door",)))
