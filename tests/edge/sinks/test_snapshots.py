"""Pictures saved when a condition is met."""

import hashlib
import random
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.edge.errors import SettingError, SinkError
from edgetl.edge.results.capture_record import CaptureRecord, read_capture_record
from edgetl.edge.results.condition import parse_condition
from edgetl.edge.results.occasion import RandomShare
from edgetl.edge.sinks.snapshots import SnapshotSink
from edgetl.trainer.data.capture_time import capture_of, seconds_apart
from tests.conftest import COLOURS, Cli, assert_one_clear_line, colour_picture
from tests.edge.conftest import made_result, write_video
from tests.third_party import LABELS

Sinks = Callable[..., SnapshotSink]

RED = np.full((48, 64, 3), (200, 20, 20), np.uint8)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_picture_is_kept_when_the_condition_comes_to_hold(
    tmp_path: Path, snapshot_sink: Sinks
) -> None:
    sink = snapshot_sink(tmp_path / "new" / "seen", "red>0.9", limit_mb=500)
    seen = [(0, 0.5), (1, 0.95), (2, 0.99), (3, 0.9), (3.3, 0.91), (4.5, 0.2), (4.6, 0.95),
            (4.7, 0.1), (4.8, 0.97), (5.7, 0.99)]  # fmt: skip
    for frame, (seconds, share) in enumerate(seen, 1):
        shares = [1 - share, 0, share]
        sink.write(made_result(shares, seconds=seconds, frame=frame, picture=RED))
    sink.close()
    # 4.8 comes too soon after 4.6; it still holds at 5.7.
    assert names(tmp_path / "new" / "seen") == [
        "20250309T120001.000Z-red.jpg", "20250309T120003.300Z-red.jpg",
        "20250309T120004.600Z-red.jpg", "20250309T120005.700Z-red.jpg",
    ]  # fmt: skip
    kept = np.asarray(Image.open(tmp_path / "new" / "seen" / "20250309T120001.000Z-red.jpg"))
    assert abs(kept.astype(int) - RED).max() < 12


def test_the_oldest_go_first_and_other_files_stay(tmp_path: Path, snapshot_sink: Sinks) -> None:
    (tmp_path / "20250101T000000.000Z-red.jpg").write_bytes(bytes(600_000))
    (tmp_path / "20250102T000000.000Z-red.jpg").write_bytes(bytes(300_000))
    (tmp_path / "2024.jpg").write_bytes(bytes(2_000_000))
    noise = np.random.default_rng(1).integers(0, 255, (400, 400, 3), np.uint8)
    sink = snapshot_sink(tmp_path, "red>0.9", limit_mb=1)
    largest = 0
    for number in range(20):
        sink.write(made_result([0, 0, 1], seconds=10 * number, frame=1, picture=noise))
        sink.write(made_result([1, 0, 0], seconds=10 * number + 5, frame=2, picture=noise))
        ours = [path for path in tmp_path.iterdir() if path.name != "2024.jpg"]
        largest = max(largest, sum(path.stat().st_size for path in ours))
        if number == 0:
            assert names(tmp_path)[:2] == ["2024.jpg", "20250102T000000.000Z-red.jpg"]
    assert 500_000 < largest <= 1_000_000
    assert names(tmp_path)[0] == "2024.jpg"
    assert names(tmp_path)[-1] == "20250309T120310.000Z-red.jpg"
    # What an earlier run left counts too.
    sink = snapshot_sink(tmp_path, "red>0.9", limit_mb=0.1)
    with pytest.raises(SinkError, match="--snapshots-limit"):
        sink.write(made_result([0, 0, 1], seconds=900, picture=noise))
    assert not [name for name in names(tmp_path) if name.startswith(".part")]


def test_a_frame_says_itself_what_was_seen_in_it(
    tmp_path: Path, snapshot_sink: Sinks, model: Path
) -> None:
    sink = snapshot_sink(tmp_path / "seen", "green<0.1", "red > 0.9")
    for frame in (1, 2):
        sink.write(made_result([0.04, 0.01, 0.95], seconds=frame, frame=frame, picture=RED))
    (kept,) = (tmp_path / "seen").iterdir()
    record = read_capture_record(kept)
    assert record is not None
    assert record == CaptureRecord(
        source="camera 0",
        frame=1,
        time="2025-03-09T12:00:01.000+00:00",
        label="red",
        predictions=(("red", 0.95), ("blue", 0.04), ("green", 0.01)),
        model="described.tflite",
        sha256=hashlib.sha256(model.read_bytes()).hexdigest(),
        kept="green<0.1",
    )
    # Training knows by it which photos are of one moment.
    sink.write(made_result([1, 0, 0], seconds=3, frame=3, picture=RED))
    sink.write(made_result([0, 0, 1], seconds=4, frame=4, picture=RED))
    one, other = (capture_of(path) for path in sorted((tmp_path / "seen").iterdir()))
    assert seconds_apart(one, other) == 3


def test_any_of_several_occasions_keeps_one_picture(tmp_path: Path, snapshot_sink: Sinks) -> None:
    sink = snapshot_sink(tmp_path, "red>0.9", "changed", "green>0.4")
    shares = [(0.1, 0.1, 0.8), (0, 0, 1), (0, 0.45, 0.55), (0, 0.7, 0.3), (0, 0.8, 0.2)]
    for frame, probabilities in enumerate(shares, 1):
        sink.write(made_result(probabilities, seconds=10 * frame, frame=frame, picture=RED))
    kept = [read_capture_record(path) for path in sorted(tmp_path.iterdir())]
    assert [(one.frame, one.kept) for one in kept if one] == [
        (1, "changed"), (2, "red>0.9"), (3, "green>0.4"), (4, "changed"),
    ]  # fmt: skip


def test_a_change_that_comes_too_soon_is_kept_when_the_second_is_over(
    tmp_path: Path, snapshot_sink: Sinks
) -> None:
    sink = snapshot_sink(tmp_path, "changed")
    red, blue, torn = (0, 0, 1), (1, 0, 0), (0.48, 0, 0.52)
    seen = [(0, red), (0.3, blue), (0.6, blue), (1.1, blue), (5, blue), (9, torn), (9.5, red),
            (9.7, blue), (11, red)]  # fmt: skip
    for frame, (seconds, probabilities) in enumerate(seen, 1):
        sink.write(made_result(probabilities, seconds=seconds, frame=frame, picture=RED))
    kept = [read_capture_record(path) for path in sorted(tmp_path.iterdir())]
    # Blue comes too soon at 9.7, and is gone when the second is over.
    assert [one.frame for one in kept if one] == [1, 4, 7, 9]


def test_a_share_is_kept_by_chance_with_the_probability_asked_for(
    tmp_path: Path, snapshot_sink: Sinks
) -> None:
    draws = random.Random(5)
    occasion = RandomShare("random:2%", 0.02, draw=draws.random)
    result = made_result([1, 0, 0])
    came = sum(occasion.comes(result) for _ in range(20_000))
    assert 340 < came < 460
    sink = snapshot_sink(tmp_path / "seen", "random:100%")
    for frame in range(30):
        sink.write(made_result([1, 0, 0], seconds=frame / 10, frame=frame + 1, picture=RED))
    # One a second at most.
    assert len(names(tmp_path / "seen")) == 3
    for number in range(5):
        photo = tmp_path / f"{number}.png"
        photo.write_bytes(bytes([number]))
        sink.write(made_result([1, 0, 0], source=str(photo), picture=photo))
    assert len(names(tmp_path / "seen")) == 8


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"predictions": 7}', b'{"predictions": [[]]}'])
def test_a_record_that_is_damaged_is_none(
    tmp_path: Path, snapshot_sink: Sinks, damage: bytes
) -> None:
    sink = snapshot_sink(tmp_path, "red>0.9")
    sink.write(made_result([0, 0, 1], frame=1, picture=RED))
    (kept,) = tmp_path.iterdir()
    found = kept.read_bytes()
    start, end = found.index(b'{"source"'), found.index(b"}", found.index(b'"correct"')) + 1
    kept.write_bytes(found[:start] + damage.ljust(end - start) + found[end:])
    assert read_capture_record(kept) is None
    kept.write_bytes(found[: start + 20])
    assert read_capture_record(kept) is None


def test_a_file_is_kept_as_it_is(cli: Cli, model: Path) -> None:
    for label in LABELS:
        colour_picture(COLOURS[label], 1, (60, 40)).save(cli.folder / f"{label}.png")
    files = [f"{label}.png" for label in LABELS]
    cli.here("classify", *files, "--model", model, "--snapshots", "seen", "--keep", "green > 0.5")
    (kept,) = (cli.folder / "seen").iterdir()
    assert re.fullmatch(r"\d{8}T\d{6}\.\d{3}Z-green\.png", kept.name)
    assert kept.read_bytes() == (cli.folder / "green.png").read_bytes()


def test_of_photos_every_one_is_kept_and_a_video_after_one_starts_anew(
    cli: Cli, model: Path
) -> None:
    for number in range(30):
        colour_picture(COLOURS["red"], number, (30, 20)).save(cli.folder / f"{number:02}.png")
    write_video(cli.folder / "30.avi", [np.full((48, 64, 3), (20, 20, 200), np.uint8)] * 5)
    write_video(cli.folder / "31.avi", [np.full((48, 64, 3), (20, 20, 200), np.uint8)] * 5)
    cli.here("classify", ".", "--model", model, "--snapshots", "seen", "--keep", "red>0.5")
    kept = list((cli.folder / "seen").iterdir())
    assert sorted(path.suffix for path in kept) == [".jpg"] * 2 + [".png"] * 30
    photos = {path.read_bytes() for path in cli.folder.glob("*.png")}
    assert {path.read_bytes() for path in kept if path.suffix == ".png"} == photos


def test_snapshots_are_never_among_what_is_classified(cli: Cli, model: Path) -> None:
    for number in range(3):
        colour_picture(COLOURS["red"], number, (30, 20)).save(cli.folder / f"{number}.png")
    options = ("--model", model, "--snapshots", "seen", "--keep", "red>0.5")
    for run in (1, 2):
        result = cli.here("classify", ".", *options)
        assert len(result.stdout.splitlines()) == 3
        assert len(list((cli.folder / "seen").iterdir())) == 3 * run
    assert "left out the folder that snapshots go to" in result.stderr
    result = cli.here("classify", "0.png", "./seen/", *options, check=2)
    assert_one_clear_line(result, "--snapshots ./seen/", "name another folder")


def test_photos_within_a_millisecond_are_all_kept(tmp_path: Path, snapshot_sink: Sinks) -> None:
    photos = [tmp_path / f"{number}.png" for number in range(3)]
    sink = snapshot_sink(tmp_path / "seen", "red>0.9", limit_mb=500)
    for number, photo in enumerate(photos):
        photo.write_bytes(bytes([number]))
        sink.write(made_result([0, 0, 1], source=str(photo), picture=photo))
    kept = sorted((tmp_path / "seen").iterdir())
    assert [path.read_bytes() for path in kept] == [b"\0", b"\1", b"\2"]


@pytest.mark.parametrize("name", ["photo", "photo.jpg_large", "photo.été"])
def test_the_limit_holds_whatever_names_end_in(
    tmp_path: Path, snapshot_sink: Sinks, name: str
) -> None:
    photo = tmp_path / name
    photo.write_bytes(bytes(1_200_000))
    for minute in range(3):
        # What earlier runs have kept counts.
        sink = snapshot_sink(tmp_path / "seen", "red>=0", limit_mb=2.5)
        result = made_result([0, 0, 1], seconds=60 * minute, source=str(photo), picture=photo)
        sink.write(result)
        sink.close()
    kept = list((tmp_path / "seen").iterdir())
    assert [path.stat().st_size for path in kept] == [1_200_000] * 2


@pytest.mark.parametrize("value", ["inf", "nan"])
def test_a_limit_that_is_no_number_is_one_clear_line(cli: Cli, model: Path, value: str) -> None:
    result = cli.refused(
        "classify", "a.jpg", "--model", model, "--snapshots", "seen", "--keep", "red>0.5",
        "--snapshots-limit", value,
    )  # fmt: skip
    assert_one_clear_line(result, f"--snapshots-limit {value}", " is not ")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--snapshots", "seen"], "--keep"),
        (["--keep", "red>0.5"], "--snapshots"),
        (["--snapshots", "seen", "--keep", "pink>0.5"], "no such label; there are blue, green"),
        (["--snapshots", "seen", "--keep", "red"], "give it like 'cat>0.9', unsure, unknown, "),
        (["--snapshots", "seen", "--keep", "unknown"], "this model calls nothing so; leave it out"),
        (["--snapshots", "seen", "--keep", "randomly>0.5"], "no such label; there are blue, "),
        (["--snapshots", "seen", "--keep", "red>9"], "give it like 'cat>0.9'"),
        (["--snapshots", "seen", "--keep", "random:0%"], "give it like 'random:0.5%'"),
        (["--snapshots", "seen", "--keep", "random"], "give it like 'random:0.5%'"),
        (["--snapshots", "seen", "--keep", "random:200%"], "give it like 'random:0.5%'"),
        (["--snapshots", "seen", "--keep", "red>0.5", "--keep", "unsure"], "--threshold"),
        (["--snapshots", "seen", "--when", "unsure"], "--threshold"),
        (["--snapshots", "notes", "--keep", "red>0.5"], "notes: file exists"),
    ],
    ids=str,
)
def test_snapshots_that_cannot_be_are_one_clear_line(
    cli: Cli, model: Path, options: list[str], words: str
) -> None:
    (cli.folder / "notes").write_text("notes")
    result = cli.refused("classify", "a.jpg", "--model", model, *options)
    assert_one_clear_line(result, words)


@pytest.mark.parametrize(
    ("text", "holds"),
    [("a>0.5", False), ("a>=0.5", True), (" a <= .5 ", True), ("a<0.5", False), ("b>c>0.4", True)],
)
def test_a_condition_is_read_as_it_is_written(text: str, holds: bool) -> None:
    condition = parse_condition(text, ["a", "b>c"])
    assert condition.holds(made_result([0.5, 0.5], labels=["a", "b>c"])) is holds


@pytest.mark.parametrize("text", ["", ">0.5", "a>", "a>1.2.3", "a=0.5", "a>1.01"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(SettingError):
        parse_condition(text, ["a"])
