"""DATA that is a folder or an archive."""

import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from edgetl.edge.errors import SettingError
from edgetl.trainer.data import archives
from edgetl.trainer.data.archives import data_folder
from tests.trainer.packed import FILES, files_of, refused, sha256, write_tar, write_zip


def test_a_folder_and_what_does_not_exist_are_given_back(tmp_path: Path, cache: Path) -> None:
    for data in (tmp_path, tmp_path / "nothing", Path("x" * 5000)):
        assert data_folder(str(data), cache=cache) == data
    assert not cache.exists()


def test_an_archive_that_does_not_exist_is_named(tmp_path: Path, cache: Path) -> None:
    assert "none.zip: no such file" in refused(tmp_path / "none.zip", cache)


def test_a_checksum_is_for_archives_and_has_64_digits(tmp_path: Path, cache: Path) -> None:
    assert "--sha256" in refused(tmp_path, cache, SettingError, sha256="0" * 64)
    assert "64 hex" in refused(tmp_path / "a.zip", cache, SettingError, sha256="0" * 63)


@pytest.mark.parametrize(
    ("name", "write"),
    [("d.zip", write_zip), ("d.tar.gz", write_tar), ("d.tgz", write_tar), ("misnamed", write_zip)],
)
def test_an_archive_is_unpacked_once(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch,
    name: str, write: Callable[[Path, dict[str, bytes]], Path],
) -> None:  # fmt: skip
    archive = write(tmp_path / name, FILES)
    folder = data_folder(str(archive), cache=cache)
    assert folder == cache / sha256(archive)[:24]
    assert files_of(folder) == FILES
    monkeypatch.setattr(archives, "_unpack", None)
    assert data_folder(str(archive), cache=cache, sha256=sha256(archive).upper()) == folder
    assert [path.name for path in cache.iterdir()] == [folder.name]


def test_where_an_archive_lies_is_said_as_errors_name_that_folder(
    tmp_path: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    archive = write_zip(tmp_path / "a.zip", FILES)
    with caplog.at_level("INFO", "edgetl"):
        folder = data_folder(str(archive), cache=cache)
    assert f"{archive} to {folder}" in caplog.text


def test_files_are_plain_whatever_the_archive_says(tmp_path: Path, cache: Path) -> None:
    info = zipfile.ZipInfo("a/1.jpg")
    info.external_attr = (stat.S_IFREG | 0o4777) << 16
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr(info, b"x")
    path = data_folder(str(tmp_path / "d.zip"), cache=cache) / "a" / "1.jpg"
    assert path.stat().st_mode & 0o7111 == 0


def test_what_a_system_adds_is_not_unpacked(tmp_path: Path, cache: Path) -> None:
    of_systems = {"__MACOSX/cats/._1.jpg": b"", "cats/@eaDir/1.jpg/thumb.jpg": b""}
    archive = write_zip(tmp_path / "d.zip", {**FILES, **of_systems})
    assert files_of(data_folder(str(archive), cache=cache)) == FILES


def test_empty_classes_are_kept_for_scan_to_name(tmp_path: Path, cache: Path) -> None:
    archive = write_zip(tmp_path / "d.zip", {**FILES, "emus/": b""})
    assert (data_folder(str(archive), cache=cache) / "emus").is_dir()


def test_names_in_utf8_without_the_flag_are_read(tmp_path: Path, cache: Path) -> None:
    archive = write_zip(tmp_path / "d.zip", {"x" * 9 + "/1.jpg": b"1", "y/1.jpg": b"2"})
    archive.write_bytes(archive.read_bytes().replace(b"x" * 9, "żółwie".encode()))
    folder = data_folder(str(archive), cache=cache)
    assert sorted(path.name for path in folder.iterdir()) == ["y", "żółwie"]


def test_an_interrupted_unpacking_is_not_taken_for_a_whole_one(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = write_zip(tmp_path / "d.zip", FILES)

    def interrupted(archive: Path, name: str, into: Path) -> None:
        (into / "cats").mkdir()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(archives, "_unpack", interrupted)
        patch.setattr(archives.shutil, "rmtree", lambda *_, **__: None)  # as if killed
        with pytest.raises(KeyboardInterrupt):
            data_folder(str(archive), cache=cache)
    assert len(list(cache.iterdir())) == 1
    assert files_of(data_folder(str(archive), cache=cache)) == FILES


def test_a_checksum_of_another_file_is_refused_and_the_file_kept(
    tmp_path: Path, cache: Path
) -> None:
    archive = write_zip(tmp_path / "d.zip", FILES)
    line = refused(archive, cache, sha256="ab" * 32)
    assert sha256(archive)[:12] in line
    assert "abababababab" in line
    assert archive.is_file()


def test_the_archives_used_last_stay_unpacked_and_what_goes_is_said(
    tmp_path: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def unpacked(number: int) -> Path:
        archive = tmp_path / f"{number}.zip"
        if not archive.exists():  # written again, it would have another time and digest
            write_zip(archive, {**FILES, "cats/n.jpg": b"%d" % number})
        return data_folder(str(archive), cache=cache)

    folders = [unpacked(number) for number in range(archives.KEPT_ARCHIVES)]
    assert unpacked(0) == folders[0]
    new = unpacked(99)
    assert not folders[1].exists()
    assert all(folder.is_dir() for folder in (new, folders[0], *folders[2:]))
    (line,) = caplog.messages
    assert line.startswith(f"{folders[1]}: removed, as only the newest")


@pytest.mark.parametrize("by_its_folder", [False, True])
def test_the_archive_that_another_process_uses_stays(tmp_path: Path, by_its_folder: bool) -> None:
    """As `train ARCHIVE` does, or `train --config` of a run on it."""
    cache = tmp_path.joinpath(*archives.ARCHIVE_CACHE)
    data = write_zip(tmp_path / "d.zip", {f"pets/{name}": b"x" for name in FILES})
    if by_its_folder:
        data = data_folder(str(data), cache=cache)
        # This process lets go of it with the next.
        data_folder(str(write_zip(tmp_path / "next.zip", FILES)), cache=cache)
    program = (
        "import sys, pathlib; from edgetl.trainer.data.archives import data_folder\n"
        "print(data_folder(sys.argv[1], cache=pathlib.Path(sys.argv[2])), flush=True)\n"
        "sys.stdin.readline()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, data, cache],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as other:  # fmt: skip
        assert other.stdout
        folder = Path(other.stdout.readline().strip())
        for number in range(archives.KEPT_ARCHIVES + 1):
            one = write_zip(tmp_path / f"{number}.zip", {**FILES, "cats/n.jpg": b"%d" % number})
            data_folder(str(one), cache=cache)
        assert len(files_of(folder)) == len(FILES)
        other.communicate("\n")
    last = write_zip(tmp_path / "last.zip", {"a/1.jpg": b"", "b/1.jpg": b""})
    data_folder(str(last), cache=cache)
    assert not folder.exists()
