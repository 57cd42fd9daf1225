"""`edgetl service install serve`, in another system's file tree."""

import json
import os
import re
import shutil
import socket
import sys
from pathlib import Path

import pytest

from edgetl.command import options_from_arguments
from edgetl.edge.errors import MissingExtraError, SettingError, SinkError
from edgetl.edge.serve.options import ServeOptions
from edgetl.edge.service import checks
from edgetl.edge.service.checks import check_address
from edgetl.edge.service.options import UnitLocation
from tests.conftest import Cli, assert_one_clear_line
from tests.edge.service import (
    arguments_of,
    as_read,
    install,
    install_serve,
    needs_systemd,
    verified,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="systemd")

NETWORK = ["--preview", "0.0.0.0:8000"]


@needs_systemd
def test_it_is_installed_beside_classify_left_alone_changed_and_removed(
    cli: Cli, card: Path
) -> None:
    units = card / "etc/systemd/system"
    unit, enabled = units / "edgetl-serve.service", "multi-user.target.wants/edgetl-serve.service"
    shown = cli.here(*install_serve(card, *NETWORK, "--dry-run")).stdout
    plan = {"changed": True, "unit": str(unit)}
    cli.here(*install(card, "--yes"))
    assert json.loads(cli.here(*install_serve(card, *NETWORK, "--yes", "--json")).stdout) == plan
    assert unit.read_text() == shown
    assert (units / enabled).is_symlink()
    assert verified(unit) == ""
    assert "unchanged" in cli.here(*install_serve(card, *NETWORK)).stdout
    assert_one_clear_line(cli.refused(*install_serve(card, *NETWORK, "--top-k", "1")), "--yes")
    cli.here(*install_serve(card, *NETWORK, "--top-k", "1", "--yes"))
    assert '"--top-k=1"' in unit.read_text()
    # The key of the link.
    key = card / f"var/lib/{as_read(unit, 'StateDirectory')}/edgetl/preview-token"
    key.parent.mkdir(parents=True)
    key.touch()
    uninstall = ["service", "uninstall", "--root", card]
    assert "removed" in cli.here(*uninstall).stdout
    # Who leaves the name out is told it.
    assert "not installed; there is: --name edgetl-serve" in cli.here(*uninstall).stdout
    assert unit.exists()
    uninstall += ["--name", "edgetl-serve"]
    assert "removed" in cli.here(*uninstall).stdout
    assert not unit.exists()
    assert not key.exists()
    assert cli.here(*uninstall).stdout.endswith(": not installed\n")


def test_it_needs_the_network_and_no_device(cli: Cli, card: Path) -> None:
    unit = cli.here(*install_serve(card, "--dry-run")).stdout
    assert "\nDescription=edgetl: pictures that are posted, classified\n" in unit
    assert "\nPrivateDevices=yes\n" in unit
    assert "\nStateDirectory=edgetl/edgetl-serve\n" in unit
    assert "\nRestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\n" in unit
    for key in ("DeviceAllow", "SupplementaryGroups", "ReadWritePaths", "IPAddressDeny"):
        assert key not in unit
    # All else is as it is for classify.
    others = cli.here(*install(card, "--preview", "127.0.0.1:8000", "--dry-run")).stdout
    differ = re.findall(r"^(\w+)=", "\n".join({*unit.splitlines()} ^ {*others.splitlines()}), re.M)
    assert {"WatchdogSec", "ProtectSystem"} <= set(re.findall(r"^(\w+)=", unit, re.M))
    assert set(differ) == {
        "Description", "ExecStart", "SupplementaryGroups", "DeviceAllow", "PrivateDevices",
        "StateDirectory", "CacheDirectory", "Environment",
    }  # fmt: skip


def test_the_unit_s_arguments_give_serve_the_same_options(cli: Cli, card: Path) -> None:
    (card / "home/pi/l.txt").write_text("sky\ngrass\nfire\n")
    more = ["--labels", "/home/pi/l.txt", "--threshold", "0.8", "--threads", "2", "--top-k", "2"]
    more += ["--preview-host", "cam.example.org", "--preview-prefix", "/pi1"]
    for address in ([], ["--preview", "0.0.0.0:8080"]):
        unit = cli.here(*install_serve(card, "--dry-run", *more, *address)).stdout
        given = options_from_arguments(ServeOptions, arguments_of(unit, "serve"))
        typed = ["--model", "/home/pi/m.tflite", *more, *(address or ["--preview"])]
        assert given == options_from_arguments(ServeOptions, typed)
    assert given.address == "0.0.0.0:8080"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "/home/pi/gone.tflite"], ["gone.tflite"]),
        (["--model", "/home/pi/notes.csv"], ["notes.csv", "not a TFLite model"]),
        (["--labels", "/home/pi/l"], ["/home/pi/l"]),
        (["--normalize", "0"], ["--normalize"]),
        (["--unknown-at", "0.5"], ["has no label 'unknown'"]),
        (["--threshold", "precision=0.9"], ["precision"]),
        (["--preview", "h:99999"], ["--preview h:99999"]),
        (["--preview", "0.0.0.0:80"], ["only root may listen on port 80", "0.0.0.0:8080"]),
        (["--preview-host", "http://cam"], ["--preview-host"]),
        (["--run-as", "root"], ["--run-as USER"]),
        (["--memory-max", "1"], ["--memory-max 1:"]),
        (["--camera", "0"], ["no such option --camera"]),
        (["photo.jpg"], ["photo.jpg"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_what_a_service_cannot_do_is_refused_at_once(
    cli: Cli, card: Path, arguments: list[str], words: list[str]
) -> None:
    result = cli.refused(*install_serve(card, "--yes", *arguments))
    assert_one_clear_line(result, *words)
    assert not list(card.glob("etc/systemd/system/*"))


def test_a_dry_run_shows_the_unit_and_then_all_that_would_be_refused(cli: Cli, card: Path) -> None:
    (card / "tmp").mkdir()
    shutil.copy(card / "home/pi/m.tflite", card / "tmp")
    wrong = ["--model", "/tmp/m.tflite", "--preview", "0.0.0.0:80", "--unknown-at", "0.5"]
    result = cli(*install_serve(card, "--dry-run", *wrong), check=2)
    assert '"--preview=0.0.0.0:80"' in result.stdout
    port, unknown, folder = result.stderr.splitlines()
    assert port.startswith("edgetl: --preview 0.0.0.0:80: only root may listen")
    assert "has no label 'unknown'" in unknown
    assert folder.startswith("edgetl: --model /tmp/m.tflite: a service has a temporary folder")


def test_a_model_that_does_not_say_how_pixels_are_scaled_is_refused(
    cli: Cli, card: Path, third_party_models: Path, labels_file: Path
) -> None:
    home = card / "home/pi"
    shutil.copy(third_party_models / "float32.tflite", home)
    shutil.copy(labels_file, home)
    base = ["--model", "/home/pi/float32.tflite", "--labels", "/home/pi/labels.txt", "--dry-run"]
    for installs in (install, install_serve):
        shown = cli(*installs(card, *base), check=2)
        assert "say it with --normalize" in shown.stderr
        cli.here(*installs(card, *base, "--normalize", "0,1"))


def test_a_service_needs_its_model_named(cli: Cli, card: Path) -> None:
    shutil.copy(card / "home/pi/m.tflite", cli.folder)
    base = ["service", "install", "serve", "--root", card, "--run-as", "pi", "--yes"]
    assert_one_clear_line(cli.refused(*base), "a service needs --model FILE")


class Here(UnitLocation):
    """A file tree that is taken for this machine's."""

    running = True  # type: ignore[assignment]


def test_a_port_that_another_program_has_is_refused_and_its_own_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Here(root=tmp_path)
    here.unit.parent.mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SinkError, match=f"port {port} is taken by another program"):
            check_address(f"127.0.0.1:{port}", here)
        # Another system's ports are not this machine's.
        check_address(f"127.0.0.1:{port}", UnitLocation(root=tmp_path))
        here.unit.write_text(f'ExecStart="/bin/edgetl" "serve" "--preview=0.0.0.0:{port}"\n')
        check_address(f"127.0.0.1:{port}", here)
    check_address(f"127.0.0.1:{port}", Here(root=tmp_path / "none"))
    lowest = tmp_path / "lowest"
    monkeypatch.setattr(checks, "_LOWEST_PORT", lowest)
    for start in (port, port + 1):
        lowest.write_text(f"{start}\n")
        if start == port:
            check_address(f"127.0.0.1:{port}", here)
            continue
        with pytest.raises(SettingError, match=f"one from {start} on"):
            check_address(f"127.0.0.1:{port}", here)


def test_without_its_packages_it_is_refused(
    card: Path, third_party_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgetl.edge.service.serve_job import serve_job

    monkeypatch.setitem(sys.modules, "starlette", None)
    options = ServeOptions(model=third_party_models / "described.tflite", preview="127.0.0.1:0")
    refused = serve_job(options, Here(root=Path("/"))).refused
    (error,) = [one for one in refused if isinstance(one, MissingExtraError)]
    assert "pip install 'edgetl[preview]'" in str(error)
