"""A device's folder: how it is typed, and what is fetched from it over a real ssh."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edgetl.edge.errors import SettingError, SourceError
from edgetl.edge.review.fetching import fetch, note_reviewed
from edgetl.edge.review.options import ReviewOptions
from edgetl.edge.review.remote import Remote, parse_remote
from edgetl.edge.review.reviewing import Reviewed, review
from tests.deploy.devices import SSHD, free_port, start_sshd


@pytest.mark.parametrize(
    ("text", "remote"),
    [
        ("pi@door.local:seen", Remote("pi@door.local", "door.local", "seen")),
        ("door:/home/pi/my seen/", Remote("door", "door", "/home/pi/my seen/")),
        ("pi@door:~/seen", Remote("pi@door", "door", "seen")),
        ("[fe80::1%eth0]:seen", Remote("[fe80::1%eth0]", "_fe80__1_eth0_", "seen")),
        ("seen", None),
        ("./a:b", None),
        ("/tmp/a:b", None),
        ("C:\\seen", None),
        ("C:/seen", None),
    ],
)
def test_a_remote_folder_has_a_colon_before_any_slash(text: str, remote: Remote | None) -> None:
    assert parse_remote(text) == remote


@pytest.mark.parametrize(
    "text",
    ["-oProxyCommand=x:seen", "pi@-oX:seen", "a b:seen", "pi@host:", "pi@host:-x", "host:~bob/x",
     "host:a*", "host:[a]", "host:a\\ b", "host:a\nb", "host::module", "$(x):seen", "pi;x@host:a",
     "rsync://host/module"],
)  # fmt: skip
def test_what_ssh_or_a_shell_could_run_is_refused(text: str) -> None:
    with pytest.raises(SettingError):
        parse_remote(text)


def test_pictures_of_a_device_are_kept_beside_the_photos(in_tmp_path: Path) -> None:
    options = ReviewOptions(folder="pi@door.local:seen", into=Path("all/photos"))
    assert options.local == Path("all/snapshots/door.local")
    options = ReviewOptions(folder="pi@door:seen", into=Path("photos"), fetched=Path("x"))
    assert options.local == Path("x")
    with pytest.raises(SettingError, match="--fetched is for a device"):
        ReviewOptions(folder="seen", into=Path("photos"), fetched=Path("x"))
    # A folder that is there is what is meant.
    (in_tmp_path / "pi@door:seen").mkdir()
    assert ReviewOptions(folder="pi@door:seen", into=Path("photos")).remote is None
    for folder, into in (("a", "a/b"), ("a/b", "a"), ("a", "./a")):
        with pytest.raises(SettingError, match="one lies in the other"):
            ReviewOptions(folder=folder, into=Path(into))


@dataclass(frozen=True)
class Device:
    """An ssh server whose user's home is ours."""

    folder: Path
    port: int
    remote: Remote


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    if not Path(SSHD).exists() or shutil.which("rsync") is None:
        pytest.skip("there is no sshd, or no rsync")
    Path("/run/sshd").mkdir(exist_ok=True)
    folder, port = tmp_path_factory.mktemp("device"), free_port()
    key = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    server = start_sshd(folder / "pi", port, key.with_suffix(".pub"))
    public = " ".join((folder / "pi/host_key.pub").read_text().split()[:2])
    (folder / "known").write_text(f"[127.0.0.1]:{port} {public}\n")
    (folder / "nobody").write_text("")
    yield Device(folder, port, Remote("127.0.0.1", "127.0.0.1", f"{folder}/my seen"))
    server.terminate()
    server.wait()


@pytest.fixture
def ssh(device: Device, monkeypatch: pytest.MonkeyPatch) -> Device:
    return use(device, monkeypatch)


def use(device: Device, monkeypatch: pytest.MonkeyPatch, *, key: str = "key", known: str = "known",
        port: int = 0) -> Device:  # fmt: skip
    """Let rsync reach the device as it would be in ~/.ssh/config."""
    monkeypatch.setenv(
        "RSYNC_RSH",
        f"ssh -F none -p {port or device.port} -i {device.folder}/{key} -o BatchMode=yes "
        f"-o IdentitiesOnly=yes -o UserKnownHostsFile={device.folder}/{known}",
    )
    return device


def names(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_new_pictures_are_fetched_and_reviewed_ones_never_again(
    ssh: Device, tmp_path: Path
) -> None:
    seen = ssh.folder / "my seen"
    odd = ["a.jpg", "b[1]*?.jpg", "c\\d.jpg", "deep/$(touch x).jpg", "- e.jpg"]
    for name in [*odd, ".part-12345678-x.jpg", ".discarded/gone.jpg"]:
        (seen / name).parent.mkdir(parents=True, exist_ok=True)
        (seen / name).write_bytes(name.encode())
    here = tmp_path / "snapshots" / "pi"
    fetch(ssh.remote, here)
    assert names(here) == sorted(odd)
    assert abs((here / "a.jpg").stat().st_mtime - (seen / "a.jpg").stat().st_mtime) < 1
    for name in odd[:-1]:
        (here / name).unlink()
    note_reviewed(here, odd[:-1])
    (seen / "b1xx.jpg").write_bytes(b"new: none of the patterns above is meant")
    fetch(ssh.remote, here)
    assert names(here) == ["- e.jpg", ".reviewed", "b1xx.jpg"]
    assert set(odd) < set(names(seen)), "the device keeps its own"


def test_ctrl_c_while_pictures_are_fetched_ends_with_a_word(
    in_tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (in_tmp_path / "rsync").write_text("#!/bin/sh\nkill -INT $PPID\nexec sleep 9\n")
    (in_tmp_path / "rsync").chmod(0o755)
    monkeypatch.setenv("PATH", str(in_tmp_path), prepend=os.pathsep)
    caplog.set_level("INFO", "edgetl")
    assert review(ReviewOptions(folder="pi:seen", into=Path("photos"))) == Reviewed()
    assert caplog.messages[-1] == "stopped"
    assert list(in_tmp_path.iterdir()) == [in_tmp_path / "rsync"]


def test_why_nothing_is_fetched_is_one_line(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def why(remote: Remote = device.remote) -> str:
        with pytest.raises(SourceError) as error:
            fetch(remote, tmp_path / "here")
        assert "\n" not in str(error.value)
        assert not (tmp_path / "here").exists()
        return str(error.value)

    use(device, monkeypatch)
    gone = Remote("127.0.0.1", "127.0.0.1", "/gone")
    assert why(gone) == "127.0.0.1:/gone/: has no such folder"
    unknown = Remote("host.invalid", "host.invalid", "x")
    assert "is no host that is known here" in why(unknown)
    use(device, monkeypatch, known="nobody")
    assert "is a host whose key is not known" in why()
    use(device, monkeypatch, key="pi/host_key")
    assert "refuses this user, key or password; try: ssh 127.0.0.1" in why()
    use(device, monkeypatch, port=free_port())
    assert "does not answer" in why()
    without = use(device, monkeypatch)
    bare = without.folder / "bare"
    bare.write_text("#!/bin/sh\necho 'bash: line 1: rsync: command not found' >&2\nexit 127\n")
    bare.chmod(0o755)
    monkeypatch.setenv("RSYNC_RSH", str(bare))
    assert why().endswith("has no rsync; type there: sudo apt install rsync")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert why() == "rsync is not installed here; type: sudo apt install rsync"
