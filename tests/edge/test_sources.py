"""Files, folders, globs, videos and cameras become pictures to classify."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge.errors import SourceError
from edge.sources import Item, Problem, files, pictures_in, video
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
    assert pictures_in(tmp_path / ".cache") == [path]


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
