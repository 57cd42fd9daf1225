"""Units of `edgetl service`, as systemd itself reads them."""

import subprocess
from pathlib import Path, PurePosixPath

import pytest

from edgetl.edge.service.unit import Service, unit_text, word
from tests.edge.service import as_read, needs_systemd, verified

# Exposure by `systemd-analyze security`, in tenths, from 0 (none) to 100. What remains is mostly
# the network, the file tree that can be read, and running in the machine's own namespaces.
MOST_EXPOSURE = 25

OPTION_SETS = {
    "camera": Service(["/bin/true"], "daemon", devices=["char-video4linux"]),
    "raspberry": Service(
        ["/bin/true"], "daemon", devices=["char-video4linux", "char-media", "char-dma_heap"]
    ),
    "all": Service(
        ["/bin/true", "a b", '"', "\\", "100%", "$HOME", "${X}", "'", ";", "\n", "é\udce9"],
        "daemon",
        memory_max="50%",
        devices=["char-video4linux"],
        writable=[PurePosixPath("/srv"), PurePosixPath('/srv/o u"t%d')],
        network=True,
        groups=["video", "gpio"],
        results_to_journal=True,
        secrets=PurePosixPath("/etc/edgetl/edgetl.env"),
        state=PurePosixPath("/var/lib/edgetl/edgetl"),
        cache=PurePosixPath("/var/cache/edgetl/edgetl"),
    ),
    "stream": Service(["/bin/true"], "daemon", network=True),
}


@needs_systemd
@pytest.mark.parametrize("name", OPTION_SETS)
def test_systemd_finds_nothing_to_warn_of(tmp_path: Path, name: str) -> None:
    unit = tmp_path / "edgetl-tried.service"
    unit.write_text(unit_text(OPTION_SETS[name]))
    assert verified(unit) == ""


@needs_systemd
def test_the_check_sees_a_key_and_a_value_that_systemd_does_not_know(tmp_path: Path) -> None:
    unit = tmp_path / "edgetl-tried.service"
    good = unit_text(OPTION_SETS["camera"])
    for bad in (good.replace("UMask=", "Umasque="), good.replace("RestartSec=10", "RestartSec=x")):
        unit.write_text(bad)
        assert verified(unit) != ""


@needs_systemd
@pytest.mark.parametrize("name", OPTION_SETS)
def test_little_is_exposed(tmp_path: Path, name: str) -> None:
    unit = tmp_path / "edgetl-tried.service"
    unit.write_text(unit_text(OPTION_SETS[name]))
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSURE}"]
    result = subprocess.run([*command, unit], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-300:] + result.stderr
    assert "Overall exposure level" in result.stdout


@needs_systemd
def test_systemd_reads_a_quoted_word_as_it_was(tmp_path: Path) -> None:
    unit = tmp_path / "edgetl-tried.service"
    # It shows the name of a program that it will not run, as it has read it.
    odd = "/a b\"c'd\\e%f%%\\x41;é"
    unit.write_text(unit_text(Service([odd], "daemon")))
    assert f"special characters: {odd}" in verified(unit)
    program = tmp_path / "a b%f%%;é" / "edgetl"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    unit.write_text(unit_text(Service([str(program)], "daemon")))
    assert "not executable" in verified(unit)
    program.chmod(0o755)
    assert verified(unit) == ""


@needs_systemd
@pytest.mark.parametrize("name", ["out put", "no-break\u00a0space", "é\u2028", "\\x41 %n \"'$HOME"])
def test_systemd_reads_a_folder_as_it_was(tmp_path: Path, name: str) -> None:
    unit = tmp_path / "edgetl-tried.service"
    folder = PurePosixPath("/srv", name)
    unit.write_text(unit_text(Service(["/bin/true"], "daemon", writable=[folder])))
    assert as_read(unit, "ReadWritePaths") == str(folder)
    assert verified(unit) == ""


def test_an_argument_is_one_word_without_variables() -> None:
    assert word('a $b %c "d\\') == '"a $$b %%c \\"d\\\\"'
    assert word("\n\udce9") == '"\\x0a\\xe9"'
    assert word("$", variables=False) == '"$"'
