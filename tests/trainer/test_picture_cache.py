import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgetl.edge.errors import DataError, PictureError, RunFolderError
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.preprocessing import model_input, model_input_and_size
from edgetl.trainer.data import picture_cache
from edgetl.trainer.data.picture_cache import decode_pictures
from tests.conftest import write_colour_pictures

INPUT_SIZE = InputSize(32, 48, "crop")


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    return sorted(write_colour_pictures(tmp_path / "data", ["red", "blue"], 5).rglob("*.jpg"))


def test_the_pixels_are_those_of_the_one_preprocessing_path(
    paths: list[Path], tmp_path: Path
) -> None:
    decoded = decode_pictures(paths, INPUT_SIZE, cache=tmp_path / "cache")
    assert decoded.pixels.shape == (10, 32, 48, 3)
    assert decoded.errors == {}
    assert decoded.sizes == [(80, 60)] * 10
    for place, path in enumerate(paths):
        np.testing.assert_array_equal(decoded.pixels[place], model_input(path, INPUT_SIZE))


def test_nothing_is_decoded_twice(
    paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = decode_pictures(paths, INPUT_SIZE, cache=tmp_path / "cache")

    def fail(*_: object) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(picture_cache, "model_input_and_size", fail)
    again = decode_pictures(paths, INPUT_SIZE, cache=tmp_path / "cache")
    np.testing.assert_array_equal(again.pixels[:], first.pixels[:])


def test_a_renamed_picture_is_the_same_and_a_changed_one_is_not(
    paths: list[Path], tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    decode_pictures(paths, INPUT_SIZE, cache=cache)
    renamed = paths[0].rename(paths[0].with_name("blue-00a.jpg"))
    decode_pictures([renamed, *paths[1:]], INPUT_SIZE, cache=cache)
    assert len(list(cache.iterdir())) == 1
    renamed.write_bytes(paths[-1].read_bytes())
    changed = decode_pictures([renamed, *paths[1:]], INPUT_SIZE, cache=cache)
    np.testing.assert_array_equal(changed.pixels[0], changed.pixels[-1])


def test_another_size_or_fit_is_another_entry(paths: list[Path], tmp_path: Path) -> None:
    for input_size in (INPUT_SIZE, InputSize(32, 48, "pad"), InputSize(33, 48, "crop")):
        decoded = decode_pictures(paths, input_size, cache=tmp_path / "cache")
        np.testing.assert_array_equal(decoded.pixels[3], model_input(paths[3], input_size))


def test_unreadable_files_are_named_by_their_place(paths: list[Path], tmp_path: Path) -> None:
    paths[2].write_text("not a picture")
    paths[7].write_bytes(paths[7].read_bytes()[:200])
    for _ in range(2):
        decoded = decode_pictures(paths, INPUT_SIZE, cache=tmp_path / "cache")
        assert sorted(decoded.errors) == [2, 7]
        assert decoded.errors[2] == "not a picture that can be read"
        assert decoded.sizes[2] is None
        assert "damaged" in decoded.errors[7]


def test_old_entries_make_room(paths: list[Path], tmp_path: Path) -> None:
    for size in range(32, 40):
        decode_pictures(paths, InputSize(size, size), cache=tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == picture_cache.KEPT_ENTRIES


def test_an_entry_that_a_kill_left_half_made_is_not_used(paths: list[Path], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    decode_pictures(paths, INPUT_SIZE, cache=cache)
    (entry,) = cache.iterdir()
    half = cache / ".building-x"
    entry.rename(half)
    decoded = decode_pictures(paths, INPUT_SIZE, cache=cache)
    np.testing.assert_array_equal(decoded.pixels[0], model_input(paths[0], INPUT_SIZE))
    assert entry.is_dir()


def test_a_cache_that_cannot_be_written_is_one_clear_line(
    paths: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(
        RunFolderError, match=r"cannot write decoded pictures there: .*; choose another disk"
    ):
        decode_pictures(paths, INPUT_SIZE, cache=tmp_path / "file" / "cache")


def test_pictures_that_do_not_fit_on_the_disk_are_refused_before_decoding(
    paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(picture_cache.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(RunFolderError, match=r"MB are free; .*inspect: start it in a"):
        decode_pictures(paths, INPUT_SIZE, cache=tmp_path / "cache")


def blackened(pixels: Path) -> None:
    """As a power cut leaves a file whose data had not reached the disk."""
    size = pixels.stat().st_size
    with pixels.open("r+b") as file:
        file.truncate(200)
        file.truncate(size)


def cut(pixels: Path) -> None:
    os.truncate(pixels, 500)


@pytest.mark.parametrize(
    "damage",
    [
        blackened,
        cut,
        Path.unlink,
        lambda pixels: pixels.with_name("pictures.json").write_bytes(b""),
        lambda pixels: pixels.with_name("pictures.json").unlink(),
    ],
)
def test_a_damaged_entry_is_decoded_again_and_said_once(
    paths: list[Path],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[Path], object],
) -> None:
    cache = tmp_path / "cache"
    decode_pictures(paths, INPUT_SIZE, cache=cache)
    (entry,) = cache.iterdir()
    damage(entry / "pixels.npy")
    for _ in range(2):
        decoded = decode_pictures(paths, INPUT_SIZE, cache=cache)
        for place, path in enumerate(paths):
            np.testing.assert_array_equal(decoded.pixels[place], model_input(path, INPUT_SIZE))
    (line,) = caplog.messages
    assert str(entry) in line
    assert "decoded again" in line


FAILURES = [MemoryError(), *(OSError(n, os.strerror(n)) for n in picture_cache._REMEDIES)]


@pytest.mark.parametrize("failure", FAILURES, ids=repr)
@pytest.mark.parametrize("wrapped", [True, False])
def test_what_fails_of_the_machine_is_not_remembered_of_the_picture(
    paths: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception,
    wrapped: bool,
) -> None:
    cache = tmp_path / "cache"

    def failing(path: Path, size: InputSize) -> tuple[np.ndarray, tuple[int, int]]:
        if path != paths[3]:
            return model_input_and_size(path, size)
        if wrapped:
            raise PictureError(f"{path}: damaged") from failure
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr(picture_cache, "model_input_and_size", failing)
        with pytest.raises(DataError) as caught:
            decode_pictures(paths, INPUT_SIZE, cache=cache)
    line = str(caught.value)
    assert line.startswith(f"{paths[3]}: could not be read (")
    assert line.endswith("and try again")
    assert "\n" not in line
    assert list(cache.iterdir()) == []
    decoded = decode_pictures(paths, INPUT_SIZE, cache=cache)
    assert decoded.errors == {}
    np.testing.assert_array_equal(decoded.pixels[3], model_input(paths[3], INPUT_SIZE))


def test_too_many_open_files_are_no_damaged_pictures(paths: list[Path], tmp_path: Path) -> None:
    """The real limit: every descriptor that is left is taken."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
        with pytest.raises(OSError, match="Too many open files"):
            taken.extend(iter(lambda: os.open(os.devnull, os.O_RDONLY), None))
        with pytest.raises(DataError, match=r"too many open files.*ulimit"):
            decode_pictures(paths, INPUT_SIZE, cache=tmp_path / "cache")
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


USE = """
import sys
from pathlib import Path
from edgetl.edge.model.input_size import InputSize
from edgetl.trainer.data.picture_cache import decode_pictures
cache, size, *paths = sys.argv[1:]
found = decode_pictures([*map(Path, paths)], InputSize(int(size), 48, "crop"), cache=Path(cache))
print("ready", flush=True)
sys.stdin.readline()
print(found.pixels[:].sum())
"""


def using(paths: list[Path], cache: Path, size: int) -> "subprocess.Popen[str]":
    """Another process that decodes, or finds, the pictures, and uses them when it gets a line."""
    arguments = [sys.executable, "-c", USE, str(cache), str(size), *map(str, paths)]
    return subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, stderr=subprocess.PIPE
    )


def ready(process: "subprocess.Popen[str]") -> None:
    assert process.stdout
    assert process.stdout.readline() == "ready\n", process.communicate()


def test_what_another_process_uses_is_not_removed_until_it_ends(
    paths: list[Path], tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    expected = decode_pictures(paths, INPUT_SIZE, cache=cache).pixels[:].sum()
    (entry,) = cache.iterdir()
    other = using(paths, cache, 32)
    ready(other)
    for size in range(40, 46):
        decode_pictures(paths, InputSize(size, size), cache=cache)
    assert entry.is_dir()
    assert other.communicate("\n")[0] == f"{expected}\n"
    decode_pictures(paths, InputSize(46, 46), cache=cache)
    assert not entry.is_dir()
    assert len(list(cache.iterdir())) == picture_cache.KEPT_ENTRIES


def test_what_this_process_still_uses_is_not_removed(paths: list[Path], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    used = decode_pictures(paths, INPUT_SIZE, cache=cache)
    for size in range(40, 46):
        decode_pictures(paths, InputSize(size, size), cache=cache)
    np.testing.assert_array_equal(used.pixels[0], model_input(paths[0], INPUT_SIZE))


def test_a_damaged_entry_that_another_process_uses_is_an_error(
    paths: list[Path], tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    used = decode_pictures(paths, INPUT_SIZE, cache=cache)
    blackened(used.pixels.path)
    with pytest.raises(RunFolderError, match="damaged, and another training uses them; end it"):
        decode_pictures(paths, INPUT_SIZE, cache=cache)


def test_processes_that_make_the_same_entry_at_once_both_have_it(
    paths: list[Path], tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    together = [using(paths, cache, 32) for _ in range(3)]
    for process in together:
        ready(process)
    sums = {process.communicate("\n")[0] for process in together}
    expected = np.stack([model_input(path, INPUT_SIZE) for path in paths]).sum()
    assert sums == {f"{expected}\n"}
    assert len(list(cache.iterdir())) == 1


def test_one_that_was_faster_is_used(
    paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both begin, and the other ends first."""
    cache = tmp_path / "cache"
    decode_pictures(paths, INPUT_SIZE, cache=cache)
    (entry,) = cache.iterdir()
    entry.rename(tmp_path / "theirs")
    write_json = picture_cache.write_json

    def others_come_first(path: Path, value: object) -> None:
        write_json(path, value)
        shutil.copytree(tmp_path / "theirs", entry)

    monkeypatch.setattr(picture_cache, "write_json", others_come_first)
    decoded = decode_pictures(paths, INPUT_SIZE, cache=cache)
    np.testing.assert_array_equal(decoded.pixels[4], model_input(paths[4], INPUT_SIZE))
    assert list(cache.iterdir()) == [entry]


def test_what_a_kill_left_half_made_goes(paths: list[Path], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    (cache / ".building-x").mkdir(parents=True)
    (cache / ".building-young").mkdir()
    os.utime(cache / ".building-x", (0, 0))
    decode_pictures(paths, INPUT_SIZE, cache=cache)
    assert not (cache / ".building-x").exists()
    assert (cache / ".building-young").exists()
