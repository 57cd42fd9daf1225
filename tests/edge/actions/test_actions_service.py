"""`edgetl service install` with actions, in another system's file tree."""

import os
from pathlib import Path

import pytest

from edgetl.command import options_from_arguments
from edgetl.edge.pipeline.options import ClassifyOptions
from tests.conftest import Cli, assert_one_clear_line
from tests.edge.service import arguments_of, install, needs_systemd, verified

pytestmark = pytest.mark.skipif(os.name != "posix", reason="systemd")

SECRET = "https://me:pass-word@ha.local/api/webhook/secret-door?key=secret-key"


@pytest.fixture
def program(card: Path) -> Path:
    """A program there, by a name with a space in it; and the group of pins."""
    found = card / "usr/local/bin/tell me"
    found.parent.mkdir(parents=True)
    found.write_text("#!/bin/sh\n")
    found.chmod(0o755)
    (card / "etc/group").write_text("video:x:44:\ngpio:x:997:pi\n")
    return found


def test_each_action_opens_what_it_needs_and_no_more(cli: Cli, card: Path, program: Path) -> None:
    plain = cli.here(*install(card, "--dry-run")).stdout
    unit = cli.here(
        *install(card, "--dry-run", "--gpio", "17=red", "--exec", "'tell me' a $HOME")
    ).stdout
    changed = set(unit.splitlines()) - set(plain.splitlines())
    (start,) = [line for line in changed if line.startswith("ExecStart=")]
    assert changed == {start, "DeviceAllow=char-gpiochip rw", "SupplementaryGroups=video gpio"}
    options = options_from_arguments(ClassifyOptions, arguments_of(unit, "classify"))
    assert options.exec == "'/usr/local/bin/tell me' a '$HOME'"
    assert [str(pin) for pin in options.gpio] == ["17=red"]
    online = cli.here(*install(card, "--dry-run", "--webhook", "http://host")).stdout
    assert "\nRestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\n" in online
    assert "IPAddressDeny" not in online
    assert '"--webhook=http://host"' in online


@needs_systemd
def test_a_webhook_s_address_is_for_root_alone(cli: Cli, card: Path, program: Path) -> None:
    unit = card / "etc/systemd/system/edgetl.service"
    more = ["--webhook", SECRET, "--gpio", "4=red", "--exec", "tell\\ me https://a:pass-word@b/c"]
    done = cli.here(*install(card, "--yes", *more))
    for secret in ("pass-word", "secret-door", "secret-key"):
        assert secret not in done.stdout + done.stderr
    assert '"--webhook=https://ha.local/***"' in done.stderr
    assert unit.stat().st_mode & 0o777 == 0o600
    options = options_from_arguments(ClassifyOptions, arguments_of(unit.read_text(), "classify"))
    assert options.webhook == SECRET
    assert verified(unit) == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--webhook", "host/secret"], ["--webhook: not an address"]),
        (["--exec", "nothing-there x"], ["--exec: no program nothing-there in /usr/local/sbin"]),
        (["--exec", "/home/pi/notes.csv"], ["--exec /home/pi/notes.csv", "executable"]),
        (["--exec", "/tmp/act.sh"], ["--exec /tmp/act.sh"]),
        (["--gpio", "17=cat"], ["--gpio 17=cat", "blue, green, red"]),
        (["--gpio", "17=unsure"], ["--gpio 17=unsure", "--threshold"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_an_action_that_a_service_cannot_do_is_refused(
    cli: Cli, card: Path, program: Path, arguments: list[str], words: list[str]
) -> None:
    result = cli.refused(*install(card, "--yes", *arguments))
    assert_one_clear_line(result, *words)
    assert "secret" not in result.stderr
    assert not list(card.glob("etc/systemd/system/*"))


def test_pins_need_their_group(cli: Cli, card: Path) -> None:
    assert_one_clear_line(cli.refused(*install(card, "--gpio", "17=red")), "--gpio", "group gpio")


def test_a_program_in_a_temporary_folder_is_refused(cli: Cli, card: Path, program: Path) -> None:
    there = card / "tmp/act.sh"
    there.parent.mkdir()
    there.touch(mode=0o755)
    result = cli.refused(*install(card, "--exec", "/tmp/act.sh"))
    assert_one_clear_line(result, "--exec /tmp/act.sh", "temporary")
