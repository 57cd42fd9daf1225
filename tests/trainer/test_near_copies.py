"""Near-copies, on drawn photos with structure of their own."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from edgetl.edge.model.input_size import InputSize
from edgetl.trainer.data import near_copies
from edgetl.trainer.data.capture_time import Capture, capture_of, seconds_apart
from edgetl.trainer.data.copies import exclude_duplicates
from edgetl.trainer.data.dataset import Dataset, Example
from edgetl.trainer.data.groups import by_group, near_copy_groups, with_groups
from edgetl.trainer.data.picture_cache import DecodedPictures, decode_pictures

SIZE = InputSize(160, 160, "crop")


@cache
def scene(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """A drawn photo, to be copied by who changes it: soft blobs of several sizes, as real photos
    have.
    """
    random = np.random.default_rng(seed)
    picture = np.zeros((size[1], size[0], 3), np.float32)
    for cells, strength in ((4, 90), (12, 60), (36, 40)):
        noise = random.normal(128, strength, (cells, cells, 3)).clip(0, 255).astype(np.uint8)
        picture += np.asarray(Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC))
    return Image.fromarray((picture / 3).astype(np.uint8))


def shifted(picture: Image.Image, across: int, down: int) -> Image.Image:
    moved = picture.copy()
    moved.paste(picture, (across, down))
    return moved


def lit(picture: Image.Image) -> Image.Image:
    return picture.point(lambda value: 0.8 * value + 30)


def noisy(picture: Image.Image) -> Image.Image:
    noise = np.random.default_rng(0).normal(0, 10, (*picture.size[::-1], 3))
    return Image.fromarray((np.asarray(picture) + noise).clip(0, 255).astype(np.uint8))


def with_something_new(picture: Image.Image) -> Image.Image:
    changed = picture.copy()
    changed.paste((250, 20, 20), (80, 60, 130, 110))
    return changed


NEAR = {
    "mirrored": lambda p: p.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "resized": lambda p: p.resize((96, 72)),
    "shifted": lambda p: shifted(p, 10, 6),
    "rotated": lambda p: p.rotate(2, Image.Resampling.BICUBIC),
    "cropped": lambda p: p.crop((8, 6, 312, 234)),
    "other light": lit,
    "noisy": noisy,
    "something new in it": with_something_new,
    "blurred": lambda p: p.filter(ImageFilter.GaussianBlur(1.5)),
}


def decoded(folder: Path, pictures: list[Image.Image]) -> tuple[DecodedPictures, list[Path]]:
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{number:03}.png" for number in range(len(pictures))]
    for picture, path in zip(pictures, paths, strict=True):
        picture.save(path, compress_level=1)
    return decode_pictures(paths, SIZE, cache=folder / "cache"), paths


@pytest.mark.parametrize("change", list(NEAR))
def test_a_changed_photo_is_a_near_copy_of_its_original_alone(tmp_path: Path, change: str) -> None:
    originals = [scene(seed) for seed in range(4)]
    found, paths = decoded(tmp_path, [*originals, NEAR[change](originals[2])])
    assert near_copy_groups(found.pixels, paths) == [[2, 4]]


def test_a_recompressed_photo_is_a_near_copy(tmp_path: Path) -> None:
    paths = [tmp_path / "a.jpg", tmp_path / "b.jpg", tmp_path / "c.jpg"]
    scene(0).save(paths[0], quality=95)
    scene(0).save(paths[1], quality=30)
    scene(1).save(paths[2], quality=30)
    found = decode_pictures(paths, SIZE, cache=tmp_path / "cache")
    assert near_copy_groups(found.pixels, paths) == [[0, 1]]


def test_unrelated_photos_are_none(tmp_path: Path) -> None:
    found, paths = decoded(tmp_path, [scene(seed) for seed in range(120)])
    assert near_copy_groups(found.pixels, paths) == []


def test_photos_with_the_same_sky_and_ground_are_none(tmp_path: Path) -> None:
    ramp = np.linspace(230, 20, 240, dtype=np.float32)[:, None, None]
    photos = [
        Image.fromarray((0.7 * ramp + 0.3 * np.asarray(scene(seed))).astype(np.uint8))
        for seed in range(40)
    ]
    found, paths = decoded(tmp_path, photos)
    assert near_copy_groups(found.pixels, paths) == []


def test_pictures_of_one_colour_are_none(tmp_path: Path) -> None:
    plain = [Image.new("RGB", (50, 40), (90 + n, 20, 20)) for n in range(5)]
    found, paths = decoded(tmp_path, plain)
    assert near_copy_groups(found.pixels, paths) == []


def test_each_burst_is_a_group(tmp_path: Path) -> None:
    frames = [
        shifted(lit(scene(s)) if n % 2 else scene(s), n, -n) for s in range(6) for n in range(8)
    ]
    found, paths = decoded(tmp_path, frames)
    expected = [list(range(first, first + 8)) for first in range(0, 48, 8)]
    assert near_copy_groups(found.pixels, paths) == expected


def test_in_large_data_each_photo_is_compared_with_the_next_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    originals = [scene(seed) for seed in range(20)]
    pictures = [*originals, shifted(originals[19], 2, 1), shifted(originals[2], 2, 1)]
    found, paths = decoded(tmp_path, pictures)
    assert near_copy_groups(found.pixels, paths) == [[2, 21], [19, 20]]
    monkeypatch.setattr(near_copies, "WITHIN", 10)
    monkeypatch.setattr(near_copies, "_BLOCK", 10)
    assert near_copy_groups(found.pixels, paths) == [[19, 20]]


def taken(path: Path, picture: Image.Image, time: str, model: str = "X100") -> Path:
    exif = Image.Exif()
    exif[271], exif[272] = "Make", model
    exif.get_ifd(0x8769)[36867] = time
    picture.save(path, quality=95, exif=exif)
    return path


def test_photos_of_one_moment_need_to_be_less_alike(tmp_path: Path) -> None:
    # The same light and dark parts, and fine structure that correlates by about 0.65.
    low, one, two = (
        np.asarray(picture, np.float32)
        for picture in (scene(0).filter(ImageFilter.GaussianBlur(12)), scene(0), scene(1))
    )
    high = two - np.asarray(scene(1).filter(ImageFilter.GaussianBlur(12)), np.float32)
    mixed = low + 0.3 * (one - low) + 0.7 * high
    other = Image.fromarray(mixed.clip(0, 255).astype(np.uint8))
    times = {"soon": "2024:05:01 10:00:02", "late": "2024:05:01 10:00:30"}
    for name, time in times.items():
        paths = [
            taken(tmp_path / f"{name}-1.jpg", scene(0), "2024:05:01 10:00:00"),
            taken(tmp_path / f"{name}-2.jpg", other, time),
        ]
        found = decode_pictures(paths, SIZE, cache=tmp_path / "cache")
        assert near_copy_groups(found.pixels, paths) == ([[0, 1]] if name == "soon" else [])


def test_the_time_between_photos_of_one_camera(tmp_path: Path) -> None:
    first = taken(tmp_path / "1.jpg", scene(0), "2024:05:01 10:00:00")
    second = taken(tmp_path / "2.jpg", scene(1), "2024:05:01 10:00:07")
    other = taken(tmp_path / "3.jpg", scene(1), "2024:05:01 10:00:07", "other")
    damaged = taken(tmp_path / "4.jpg", scene(1), "yesterday")
    captures = [capture_of(path) for path in (first, second, other, damaged, tmp_path / "none")]
    assert isinstance(captures[0], Capture)
    assert [seconds_apart(captures[0], capture) for capture in captures] == [0, 7, None, None, None]


def test_the_same_jpeg_with_one_comment_more_is_a_copy(tmp_path: Path) -> None:
    first, second = tmp_path / "a.jpg", tmp_path / "b.jpg"
    scene(0).save(first, quality=90)
    # After the marker that begins a JPEG file.
    second.write_bytes(first.read_bytes()[:2] + b"\xff\xfe\x00\x06mine" + first.read_bytes()[2:])
    other = tmp_path / "c.jpg"
    scene(1).save(other)
    assert first.read_bytes() != second.read_bytes()
    found = decode_pictures([first, second, other], SIZE, cache=tmp_path / "cache")
    again = decode_pictures([first, second, other], SIZE, cache=tmp_path / "cache")
    assert found.pixel_digests == again.pixel_digests
    assert found.pixel_digests[0] == found.pixel_digests[1] != found.pixel_digests[2]
    examples = tuple(Example(f"{n}.jpg", label, None) for n, label in enumerate("aab"))
    more = tuple(Example(f"{n}.jpg", label, None) for n, label in ((7, "a"), (8, "b"), (9, "b")))
    dataset = Dataset(tmp_path, ("a", "b"), examples + more)
    digests = {f"{n}.jpg": digest for n, digest in enumerate(found.pixel_digests)}
    left = exclude_duplicates(dataset, digests, on_conflict="error")
    assert [item.file for item in left.excluded] == ["1.jpg"]


def test_an_unreadable_file_has_no_digest_of_pixels(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    found = decode_pictures([tmp_path / "a.jpg"], SIZE, cache=tmp_path / "cache")
    assert found.pixel_digests == [""]


def test_a_group_has_the_name_of_its_first_file_that_is_used() -> None:
    examples = tuple(Example(f"{name}.jpg", "a", None) for name in "dcba")
    dataset = with_groups(
        Dataset(Path("x"), ("a",), examples),
        [["gone.jpg", "d.jpg", "b.jpg"], ["a.jpg", "gone.jpg"]],
    )
    assert [e.group for e in dataset.examples] == ["b.jpg", None, "b.jpg", None]
    assert [e.cluster for e in dataset.examples] == ["b.jpg", "c.jpg", "b.jpg", "a.jpg"]
    assert list(by_group(dataset.examples)) == ["b.jpg"]
