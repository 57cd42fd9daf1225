"""Files, folders, globs, videos and cameras become pictures to classify."""

import itertools
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge import sources
from edge.errors import SourceError
from edge.sources import Camera, Item, Problem, files, pictures_in, video
from tests.edge.conftest import Stream, frame_number, frame_picture, write_video

Serve = Callable[[Stream], str]


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


# Cameras


def test_a_slow_classifier_gets_the_newest_frame_and_skips_the_others(serve: Serve) -> None:
    stream = Stream()
    with Camera(serve(stream)) as camera:
        shown, numbers, ages = [], [], []
        for item in camera:
            number = frame_number(np.asarray(item.picture))
            ages.append(time.monotonic() - stream.sent[number])
            numbers.append(number)
            shown.append(item.frame)
            time.sleep(0.2)
            if len(numbers) == 10:
                break
    gaps = np.diff(numbers)
    assert (gaps >= 1).all()
    assert np.median(gaps) >= 4
    assert max(ages[1:]) < 0.5
    assert shown == [number + 1 for number in numbers]


def test_a_fast_classifier_gets_every_frame_once(serve: Serve) -> None:
    with Camera(serve(Stream(frames=25, fps=20))) as camera:
        shown = [item.picture for item in itertools.islice(camera, 20)]
    numbers = [frame_number(np.asarray(picture)) for picture in shown]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] < 25


def test_a_camera_s_frames_are_rgb(serve: Serve) -> None:
    stream = Stream(picture=lambda number: np.full((48, 64, 3), BGR["red"], np.uint8))
    with Camera(serve(stream)) as camera:
        pixels = np.asarray(next(iter(camera)).picture)
    assert abs(pixels.astype(int) - (255, 0, 0)).max() < 12


def test_a_stream_that_ends_gives_its_last_frame_and_then_says_so(serve: Serve) -> None:
    url = serve(Stream(frames=5))
    last = None
    with Camera(url) as camera, pytest.raises(SourceError) as caught:  # noqa: PT012
        for item in camera:
            last = item.frame
    assert last == 5
    assert str(caught.value) == f"{url}: stopped sending pictures after frame 5"


def test_a_stream_that_stalls_says_how_far_it_came(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "FRAME_SECONDS", 1.0)
    url = serve(Stream(frames=12, stalls=True))
    began = time.monotonic()
    last = 0
    with Camera(url) as camera, pytest.raises(SourceError) as caught:  # noqa: PT012
        for item in camera:
            last = item.frame or 0
    assert last >= 10
    assert str(caught.value) == f"{url}: stopped sending pictures after frame {last}"
    assert time.monotonic() - began < 5


def test_leaving_a_camera_that_stalls_does_not_hang(serve: Serve) -> None:
    with Camera(serve(Stream(frames=12, stalls=True))) as camera:
        next(iter(camera))
        began = time.monotonic()
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (97, "camera 97: there is no such camera"),
        ("/dev/video97", "/dev/video97: cannot be opened"),
        ("http://127.0.0.1:9/none", "http://127.0.0.1:9/none: cannot be opened"),
        ("", "cannot be opened"),
    ],
)
def test_a_camera_that_is_not_there_says_so_at_once(
    source: int | str, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    with pytest.raises(SourceError) as caught:
        Camera(source)
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert time.monotonic() - began < 3
    assert capfd.readouterr().err == ""
