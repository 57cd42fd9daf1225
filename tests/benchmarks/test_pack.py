import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgetl.benchmarks.measured import Case, Latency
from edgetl.benchmarks.pack import PackError, check_pack_path, read_pack, write_pack
from edgetl.benchmarks.pictures import Pictures, folder_pictures
from edgetl.benchmarks.record import plain
from edgetl.commands.benchmark import COMMAND
from edgetl.optional_value import with_value
from edgetl.trainer.data.scanning import scan
from tests.conftest import write_colour_pictures

ROW = Case(
    name="Keras",
    engine="TensorFlow 2.21.0",
    variant="tf.function",
    threads=2,
    elsewhere=None,
    bytes=9_000_000,
    sha256="ab" * 32,
    load_ms=900.0,
    first_ms=700.0,
    invoke=Latency(21.0, 22.0, 25.0, (21.0, None), (20.0, 21.0)),
    end_to_end=Latency(23.0, 24.0, 27.0, (23.0, None), (23.0,)),
    pictures_per_second=43.0,
    peak_bytes=600_000_000,
    quality=None,
    ratio=None,
)


@pytest.fixture
def pictures(tmp_path: Path) -> Pictures:
    return folder_pictures(scan(write_colour_pictures(tmp_path / "data", ["blue", "red"], 3)))


@pytest.fixture
def pack(tmp_path: Path, pictures: Pictures) -> Path:
    (tmp_path / "model.int8.tflite").write_bytes(b"a model" * 100)
    write_pack(
        tmp_path / "pack.zip",
        pictures,
        [tmp_path / "model.int8.tflite"],
        [ROW],
        np.arange(12, dtype=np.float32).reshape(6, 2),
        machine="desk",
    )
    return tmp_path / "pack.zip"


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[Path], object]:
    folder = tmp_path / "unpacked"
    folder.mkdir()
    return lambda path: read_pack(path, folder)


def rewritten(pack: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    with zipfile.ZipFile(pack) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(pack, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content, zipfile.ZIP_DEFLATED)
    return pack


def test_a_pack_brings_everything_along(pack: Path, pictures: Pictures, tmp_path: Path) -> None:
    packed = read_pack(pack, tmp_path)
    assert (packed.pictures.split, packed.pictures.labels) == ("folder", ("blue", "red"))
    assert packed.pictures.targets == pictures.targets
    for path, original in zip(packed.pictures.paths, pictures.paths, strict=True):
        assert path.read_bytes() == original.read_bytes()
    assert [path.name for path in packed.models] == ["model.int8.tflite"]
    assert packed.probabilities[5].tolist() == [10.0, 11.0]
    (case,) = packed.cases
    assert case.elsewhere == "desk"
    assert case.invoke == ROW.invoke
    assert packed.of([5]).probabilities.tolist() == [[10.0, 11.0]]


def test_pictures_that_are_too_much_are_left_out_evenly(tmp_path: Path, pictures: Pictures) -> None:
    size = sum(path.stat().st_size for path in pictures.paths)
    probabilities = np.arange(12, dtype=np.float32).reshape(6, 2)
    model = tmp_path / "model.tflite"
    model.write_bytes(b"a model")
    count = write_pack(
        tmp_path / "p.zip", pictures, [model], [], probabilities,
        machine="m", most_bytes=size * 3 // 4,
    )  # fmt: skip
    packed = read_pack(tmp_path / "p.zip", tmp_path)
    assert len(packed.pictures.paths) == count == 4
    assert packed.pictures.targets == (0, 0, 1, 1)
    assert packed.probabilities[0].tolist() == [0.0, 1.0]


def test_damage_is_one_clear_line(pack: Path, opened: Callable[[Path], object]) -> None:
    content = pack.read_bytes()
    index = content.index(b"a model") + 20
    for damaged in (
        content[: len(content) // 2],
        b"",
        content[:index] + b"\0" + content[index + 1 :],
        b"PK\3\4" + b"\0" * 200,
    ):
        pack.write_bytes(damaged)
        with pytest.raises(PackError, match="damaged, or not a pack") as found:
            opened(pack)
        assert "\n" not in str(found.value)


def test_a_member_that_was_changed_is_noticed(pack: Path, opened: Callable[[Path], object]) -> None:
    rewritten(pack, lambda members: members.update({"models/model.int8.tflite": b"another"}))
    with pytest.raises(PackError, match=r"SHA-256 of models/model\.int8\.tflite"):
        opened(pack)


def changed_facts(members: dict[str, bytes], **changes: object) -> None:
    members["pack.json"] = json.dumps({**json.loads(members["pack.json"]), **changes}).encode()


@pytest.mark.parametrize(
    "name", ["../outside.tflite", "models/../../x.tflite", "/models/x", "models/..", "models/a\\b"]
)
def test_nothing_is_written_outside(
    pack: Path, opened: Callable[[Path], object], tmp_path: Path, name: str
) -> None:
    rewritten(pack, lambda members: changed_facts(members, models=[name]))
    before = set(tmp_path.rglob("*"))
    with pytest.raises(PackError, match="would leave the folder"):
        opened(pack)
    assert set(tmp_path.rglob("*")) == before


def test_a_bomb_is_refused(pack: Path, opened: Callable[[Path], object]) -> None:
    rewritten(pack, lambda members: members.update(zeros=bytes(30_000_000)))
    with pytest.raises(PackError, match="would unpack to more"):
        opened(pack)


@pytest.mark.parametrize(
    "changes",
    [
        {"truth": [0, 1]},
        {"truth": [0, 0, 0, 1, 1, 7]},
        {"labels": ["one"]},
        {"keras": [{"name": "Keras"}]},
        {"pictures": ["pictures/gone.jpg"] * 6},
        {"sha256": {}},
        {"format": True},
        {"labels": ["blue", "blue"]},
        {"models": []},
        {"models": ["models/model.int8.tflite"] * 2},
        {"split": None},
        *(
            {"keras": [{**plain(ROW), "elsewhere": "desk", **case}]}
            for case in (
                {"elsewhere": None},
                {"engine": "litert 2.3.0"},
                {"load_ms": None},
                {"name": 5},
                {"peak_bytes": None},
                {"threads": "two"},
                {"invoke": "x"},
                {"invoke": {**plain(ROW.invoke), "p50": "abc"}},
                {"invoke": {**plain(ROW.invoke), "p50": 0}},
                {"end_to_end": {**plain(ROW.end_to_end), "rounds": ["x"]}},
            )
        ),
    ],
)
def test_facts_that_do_not_fit_are_damage(
    pack: Path, opened: Callable[[Path], object], changes: dict[str, object]
) -> None:
    rewritten(pack, lambda members: changed_facts(members, **changes))
    with pytest.raises(PackError, match="damaged, or not a pack") as found:
        opened(pack)
    assert "\n" not in str(found.value)


def test_a_newer_pack_says_so(pack: Path, opened: Callable[[Path], object]) -> None:
    rewritten(pack, lambda members: changed_facts(members, format=2, edgetl="9.1"))
    with pytest.raises(PackError, match=r"made by edgetl 9\.1, which is newer"):
        opened(pack)


def test_nothing_but_a_pack_is_replaced(pack: Path, tmp_path: Path) -> None:
    check_pack_path(pack)
    check_pack_path(tmp_path / "new.zip")
    (tmp_path / "photos.zip").write_bytes(b"PK other")
    (tmp_path / "folder.zip").mkdir()
    for name, why in (
        ("model.int8.tflite", r"does not end in \.zip; call it model\.int8\.tflite\.zip"),
        ("photos.zip", "exists and is not a pack; choose another name"),
        ("folder.zip", "is a folder; choose another name"),
        ("gone/pack.zip", "no such folder; make it first"),
    ):
        with pytest.raises(PackError, match=why):
            check_pack_path(tmp_path / name)


def with_pack_name(arguments: list[str]) -> list[str]:
    ((flag, name, is_value),) = COMMAND.alone
    return with_value(arguments, flag, name, is_value=is_value)


def test_a_lone_pack_option_gets_a_name() -> None:
    assert with_pack_name(["--pack", "run"]) == ["--pack", "pack.zip", "run"]
    assert with_pack_name(["run", "--pack"]) == ["run", "--pack", "pack.zip"]
    assert with_pack_name(["--pack", "x.zip", "run"]) == ["--pack", "x.zip", "run"]
    assert with_pack_name(["--", "--pack"]) == ["--", "--pack"]
