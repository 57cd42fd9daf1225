"""Pictures that stand for one that is not there are found and warned of."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.edge.model.input_size import InputSize
from edgetl.trainer.data.checks import summarize
from edgetl.trainer.data.picture_cache import decode_pictures
from edgetl.trainer.data.placeholders import placeholders
from edgetl.trainer.data.scanning import scan
from edgetl.trainer.data.splitting import assign_splits

SIZE = InputSize(32, 32)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    random = np.random.default_rng(1)
    for label in ("cat", "dog"):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(6):
            noise = random.integers(0, 256, (40, 50, 3)).astype(np.uint8)
            Image.fromarray(noise).save(tmp_path / "data" / label / f"{number}.png")
    return tmp_path / "data"


def found(root: Path) -> tuple[str, ...]:
    dataset = scan(root)
    files = [example.file for example in dataset.examples]
    paths = [dataset.path(example) for example in dataset.examples]
    decoded = decode_pictures(paths, SIZE, cache=root.parent / "cache")
    sizes = {file: size for file, size in zip(files, decoded.sizes, strict=True) if size}
    return placeholders(files, sizes, decoded.pixels)


def test_photos_are_no_placeholders(photos: Path) -> None:
    assert found(photos) == ()


def test_pictures_of_one_colour_are_and_those_with_a_thing_on_it_are_not(photos: Path) -> None:
    Image.new("RGB", (50, 40), (240, 240, 240)).save(photos / "cat" / "grey.png")
    thing = Image.new("RGB", (50, 40), (240, 240, 240))
    thing.paste((20, 20, 20), (22, 17, 28, 22))
    thing.save(photos / "cat" / "thing.png")
    (photos / "dog" / "black.png").write_bytes(b"no picture, whose pixels are zeros")
    assert found(photos) == ("cat/grey.png",)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("imageNotFound.gif", True),
        ("Image_not_found (2).gif", True),
        ("no-image.gif", True),
        ("placeholder_03.gif", True),
        ("photo unavailable.gif", True),
        ("missing_dog_found.gif", False),
        ("notfoundland.gif", False),
    ],
)
def test_a_placeholder_is_known_by_its_name(photos: Path, name: str, expected: bool) -> None:
    frames = [Image.open(photos / "cat" / f"{number}.png").convert("P") for number in (0, 1)]
    frames[0].save(photos / "dog" / name, save_all=True, append_images=frames[1:])
    assert found(photos) == ((f"dog/{name}",) if expected else ())


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ((), None),
        (("a/x.gif",), "1 picture looks like a placeholder (almost one colour, or called so), "
                       "a/x.gif; delete it, or the model learns it as its class"),
        (("a/x.gif", "b/y.gif"),
         "2 pictures look like placeholders (almost one colour, or called so), a/x.gif for one; "
         "delete them, or the model learns them as their classes"),
    ],
)  # fmt: skip
def test_the_summary_warns_of_them(photos: Path, files: tuple[str, ...], words: str | None) -> None:
    dataset = assign_splits(scan(photos), seed=1)
    warnings = [
        summarize(
            dataset, sizes={}, height=32, width=32, class_weights="none", placeholders=these
        ).warnings
        for these in ((), files)
    ]
    assert warnings[1] == warnings[0] + ((words,) if words else ())
