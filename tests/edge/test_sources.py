"""Files, folders, globs, videos and cameras become pictures to classify."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.edge.errors import SourceError
from edgetl.edge.sources import files as sources
from edgetl.edge.sources.files import Item, Problem, files, pictures_in, video
from tests.edge.conftest import frame_number, frame_picture, write_video


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (200, 0, 0)).save(path)
    return path


def names(arguments: list[str]) -> list[str]:
    return [item.source for item in files(arguments) if isinstance(item, Item)]


def problems(arguments: list[str]) -> list[str]:
    return [item.message for item in files(arguments) if isinstance(item, Problem)]


# Files, folders and globs


def test_files_come_in_the_order_they_are_named(in_tmp_path: Path) -> None:
    for name in ("b.jpg", "a.png"):
        picture(in_tmp_path / name)
    assert list(files(["b.jpg", "a.png"])) == [
        Item("b.jpg", Path("b.jpg")),
        Item("a.png", Path("a.png")),
    ]


def test_a_folder_gives_its_pictures_by_name_with_those_of_its_subfolders(
    in_tmp_path: Path,
) -> None:
    for name in ("c.JPG", "a.png", "sub/deeper/b.webp", "sub/a.jpeg"):
        picture(in_tmp_path / "photos" / name)
    (in_tmp_path / "photos" / "notes.txt").write_text("no picture")
    (in_tmp_path / "photos" / "folder.jpg").mkdir()
    assert names(["photos"]) == [
        "photos/a.png", "photos/c.JPG", "photos/sub/a.jpeg", "photos/sub/deeper/b.webp",
    ]  # fmt: skip


def test_hidden_files_and_folders_in_a_folder_are_left_out(in_tmp_path: Path) -> None:
    for name in (".thumbs/a.jpg", "sub/.b.jpg", "c.jpg"):
        picture(in_tmp_path / "photos" / name)
    assert names(["photos"]) == ["photos/c.jpg"]


def test_a_hidden_folder_that_is_named_is_read(tmp_path: Path) -> None:
    path = picture(tmp_path / ".cache" / "a.jpg")
    assert list(pictures_in(tmp_path / ".cache")) == [path]


def test_a_folder_without_pictures_is_a_problem_and_the_rest_goes_on(in_tmp_path: Path) -> None:
    (in_tmp_path / "empty").mkdir()
    picture(in_tmp_path / "a.jpg")
    assert problems(["empty", "a.jpg"]) == ["empty: a folder with no pictures in it"]
    assert names(["empty", "a.jpg"]) == ["a.jpg"]


def test_globs_are_matched_as_a_shell_would(in_tmp_path: Path) -> None:
    for name in ("b1.jpg", "a1.jpg", "a2.png", "sub/a3.jpg", ".a4.jpg"):
        picture(in_tmp_path / name)
    assert names(["*.jpg"]) == ["a1.jpg", "b1.jpg"]
    assert names(["a?.*"]) == ["a1.jpg", "a2.png"]
    assert names(["**/*.jpg"]) == ["a1.jpg", "b1.jpg", "sub/a3.jpg"]
    assert problems(["*.gif"]) == ["*.gif: matches no file"]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(in_tmp_path: Path) -> None:
    picture(in_tmp_path / "a[1].jpg")
    picture(in_tmp_path / "a1.jpg")
    assert names(["a[1].jpg"]) == ["a[1].jpg"]


def test_a_missing_file_is_passed_on_to_fail_alone(in_tmp_path: Path) -> None:
    assert list(files(["gone.jpg", "gone.mp4"])) == [
        Item("gone.jpg", Path("gone.jpg")),
        Item("gone.mp4", Path("gone.mp4")),
    ]


@pytest.mark.parametrize("name", ["my photo.jpg", "two\nlines.jpg", "été 写真.jpg", "-x.jpg"])
def test_odd_names_are_found_by_name_by_folder_and_by_glob(in_tmp_path: Path, name: str) -> None:
    picture(in_tmp_path / "f" / name)
    for argument in (f"f/{name}", "f", "f/*"):
        assert names([argument]) == [f"f/{name}"]


def test_a_name_too_long_for_the_file_system_is_a_problem_in_one_line(in_tmp_path: Path) -> None:
    picture(in_tmp_path / "a.jpg")
    long = "x" * 300 + ".jpg"
    assert names(["a.jpg", long, "a.jpg"])[-1] == "a.jpg"
    assert [message.partition(": ")[2] for message in problems([long])] == ["file name too long"]


def test_a_folder_is_listed_as_it_is_walked_and_sorted_in_runs(
    in_tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_RUN", 4)
    for number in range(10):
        (in_tmp_path / f"{number}.jpg").touch()
    found = names(["."])
    assert sorted(found) == [f"{number}.jpg" for number in range(10)]
    assert all(run == sorted(run) for run in (found[:4], found[4:8], found[8:]))


PEAK_OF_WALKING = """
import sys, tracemalloc
from edgetl.edge.sources.files import files
tracemalloc.start()
assert sum(1 for _ in files(sys.argv[1:])) == 4000 * len(sys.argv[1:])
print(tracemalloc.get_traced_memory()[1])
"""


def test_memory_does_not_grow_with_the_number_of_names(in_tmp_path: Path) -> None:
    for folder in range(5):
        (in_tmp_path / f"{folder}").mkdir()
        for number in range(4000):
            (in_tmp_path / f"{folder}" / f"{number:050}.jpg").touch()

    def peak(*arguments: str) -> int:
        # In a subprocess: threads that other tests left behind would count here.
        command = [sys.executable, "-c", PEAK_OF_WALKING, *arguments]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    assert peak("0") < 3_000_000
    # Python's table of interned strings, through which every part of a path goes, grows once, by
    # 0.9 MB; 16,000 more names would be 1.6 MB at least.
    assert peak("0", "1", "2", "3", "4") < peak("0") + 1_200_000


@pytest.mark.skipif(os.name != "posix", reason="folders by descriptor")
def test_folders_nested_deeper_than_python_calls_are_walked(in_tmp_path: Path) -> None:
    depth = 1200
    here = os.open(in_tmp_path, os.O_RDONLY)
    try:
        for _ in range(depth):
            os.mkdir("d", dir_fd=here)
            below = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        os.close(os.open("a.jpg", os.O_CREAT | os.O_WRONLY, dir_fd=here))
        assert names(["d"]) == ["d/" * depth + "a.jpg"]
    finally:
        os.close(here)
        # Not even shutil.rmtree, with which pytest tidies up, goes as deep.
        subprocess.run(["rm", "-rf", "d"], cwd=in_tmp_path, check=True)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads every folder")
def test_a_subfolder_closed_to_us_is_a_problem_and_the_rest_goes_on(in_tmp_path: Path) -> None:
    picture(in_tmp_path / "f" / "a.jpg")
    (in_tmp_path / "f" / "closed").mkdir(mode=0)
    assert names(["f"]) == ["f/a.jpg"]
    assert problems(["f"]) == ["f/closed: permission denied"]


@pytest.mark.skipif(os.name != "posix", reason="links")
def test_linked_folders_are_walked_and_circles_end(in_tmp_path: Path) -> None:
    picture(in_tmp_path / "elsewhere" / "a.jpg")
    picture(in_tmp_path / "f" / "b.jpg")
    (in_tmp_path / "f" / "linked").symlink_to(in_tmp_path / "elsewhere")
    (in_tmp_path / "f" / "linked again").symlink_to(in_tmp_path / "elsewhere")
    (in_tmp_path / "elsewhere" / "up").symlink_to(in_tmp_path / "f")
    assert names(["f"]) == ["f/b.jpg", "f/linked/a.jpg"]


def test_what_is_left_out_of_a_folder_is_counted_once(
    in_tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("f/a.jpg", "f/@eaDir/a.jpg/thumb.jpg", "f/#recycle/b.jpg", "f/run/figures/c.jpg"):
        picture(in_tmp_path / name)
    for name in (
        "run/config.json",
        "run/labels.txt",
        "x.TXT",
        "sub/y.txt",
        "sub/raw.cr2",
        "LICENSE",
    ):
        (in_tmp_path / "f" / name).parent.mkdir(exist_ok=True)
        (in_tmp_path / "f" / name).write_text("x")
    with caplog.at_level("WARNING", "edgetl"):
        assert names(["f"]) == ["f/a.jpg"]
    assert caplog.messages == [
        "f: left out 4 files that are no pictures or videos "
        "(2 .txt, 1 without suffix, 1 .cr2) and 3 folders of the system or of edgetl "
        "(1 #recycle/, 1 @eaDir/, 1 run/)"
    ]


def test_a_system_folder_that_is_named_is_read(in_tmp_path: Path) -> None:
    picture(in_tmp_path / "@eaDir" / "a.jpg")
    assert names(["@eaDir"]) == ["@eaDir/a.jpg"]


# A list on stdin


def test_a_list_on_stdin_is_read_a_path_a_line(in_tmp_path: Path) -> None:
    picture(in_tmp_path / "f" / "b.jpg")
    for name in ("a.jpg", "x [1].jpg", "été.jpg"):
        picture(in_tmp_path / name)
    (in_tmp_path / "list").write_bytes("a.jpg\r\n\nf\nx [1].jpg\n*.jpg\nété.jpg".encode())
    with (in_tmp_path / "list").open("rb") as stdin:
        found = [item.source for item in files(["-", "a.jpg"], stdin=stdin.fileno())
                 if isinstance(item, Item)]  # fmt: skip
    # What is in a list are names, and no patterns.
    assert found == ["a.jpg", "f/b.jpg", "x [1].jpg", "*.jpg", "été.jpg", "a.jpg"]


def test_a_path_on_stdin_is_passed_on_when_its_line_is_there(in_tmp_path: Path) -> None:
    ours, theirs = os.pipe()
    items = files(["-"], stdin=ours)
    for name in ("a.jpg", "b.jpg"):
        os.write(theirs, f"{name}\n".encode())
        assert next(items) == Item(name, Path(name))
    os.close(theirs)
    assert next(items, None) is None
    os.close(ours)


def test_a_list_with_a_zero_byte_in_it_is_a_problem_in_one_line(in_tmp_path: Path) -> None:
    (in_tmp_path / "list").write_bytes(b"a\0b.jpg\n")
    with (in_tmp_path / "list").open("rb") as stdin:
        (problem,) = files(["-"], stdin=stdin.fileno())
    assert isinstance(problem, Item | Problem)


# Videos

BGR = {"red": (0, 0, 255), "green": (0, 255, 0), "blue": (255, 0, 0)}


def test_a_video_gives_every_frame_in_order(tmp_path: Path) -> None:
    path = write_video(tmp_path / "été clip.avi", map(frame_picture, range(25)))
    items = list(video(path))
    assert [item.frame for item in items] == list(range(1, 26))
    assert {item.source for item in items} == {str(path)}
    assert [frame_number(np.asarray(item.picture)) for item in items] == list(range(25))


def test_a_video_s_frames_are_rgb(tmp_path: Path) -> None:
    frames = [np.full((48, 64, 3), colour, np.uint8) for colour in BGR.values()]
    items = list(video(write_video(tmp_path / "c.avi", frames)))
    for item, expected in zip(items, [(255, 0, 0), (0, 255, 0), (0, 0, 255)], strict=True):
        pixels = np.asarray(item.picture)
        assert (pixels.dtype, pixels.shape) == (np.uint8, (48, 64, 3))
        assert abs(pixels.astype(int) - expected).max() < 12


def test_pictures_and_videos_of_a_folder_come_in_one_order(in_tmp_path: Path) -> None:
    picture(in_tmp_path / "f" / "a.jpg")
    write_video(in_tmp_path / "f" / "b.avi", map(frame_picture, range(2)))
    picture(in_tmp_path / "f" / "c.jpg")
    found = [(item.source, item.frame) for item in files(["f"]) if isinstance(item, Item)]
    assert found == [("f/a.jpg", None), ("f/b.avi", 1), ("f/b.avi", 2), ("f/c.jpg", None)]


def test_a_file_that_is_no_video_is_a_problem_and_the_rest_goes_on(in_tmp_path: Path) -> None:
    (in_tmp_path / "bad.mp4").write_text("no video")
    picture(in_tmp_path / "a.jpg")
    assert problems(["bad.mp4", "a.jpg"]) == ["bad.mp4: cannot be opened as a video or camera"]
    assert names(["bad.mp4", "a.jpg"]) == ["a.jpg"]
    with pytest.raises(SourceError, match=r"bad\.mp4"):
        list(video(in_tmp_path / "bad.mp4"))


@pytest.mark.skipif(os.name != "posix", reason="links")
def test_a_link_that_goes_in_a_circle_is_a_problem_and_the_others_go_on(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    picture(tmp_path / "z.png")
    assert [Path(name).name for name in names([str(tmp_path)])] == ["a.png", "z.png"]
    (problem,) = problems([str(tmp_path)])
    assert problem.startswith(f"{tmp_path / 'loop.jpg'}: too many levels of symbolic links")


_CLOSED = """
import os, sys
from edgetl.edge.sources.files import files
os.setuid(65534)
for argument in sys.argv[1:]:
    print([getattr(item, "source", None) or item.message for item in files([argument])])
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs to be root")
def test_a_video_where_we_may_not_look_is_a_problem() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "closed").mkdir()
        write_video(folder / "closed" / "a.avi", [frame_picture(0)])
        folder.chmod(0o755)
        # Its names can be read, what they are cannot.
        (folder / "closed").chmod(0o744)
        inside = str(folder / "closed" / "a.avi")
        result = subprocess.run(
            [sys.executable, "-c", _CLOSED, str(folder), inside],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
    wanted = [f"{folder / 'closed'}: permission denied", f"{inside}: permission denied"]
    assert result.stdout.splitlines() == [str([line]) for line in wanted]


def test_a_stdin_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        (problem,) = files(["-"], stdin=folder)
    finally:
        os.close(folder)
    assert problem == Problem("stdin: is a directory")
