"""Names of cameras and of parts of their pictures."""

from pathlib import Path

import pytest

from edgetl.edge.errors import SettingError
from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.sources.names import NamedCamera, named_cameras, parse_camera, source_names
from tests.conftest import Cli, assert_one_clear_line

ROI = "0,0,0.5,1"
PIPELINE = "v4l2src device=/dev/video0 ! appsink"


@pytest.mark.parametrize(
    ("text", "name", "camera"),
    [
        ("0", "", "0"),
        ("door=0", "door", "0"),
        ("Back-yard_2=/dev/video2", "Back-yard_2", "/dev/video2"),
        ("yard=rtsp://u:p@host/live?a=b", "yard", "rtsp://u:p@host/live?a=b"),
        ("rtsp://host/live?channel=1", "", "rtsp://host/live?channel=1"),
        ("http://u:a=b@host/", "", "http://u:a=b@host/"),
        ("folder/a=b.mp4", "", "folder/a=b.mp4"),
        (PIPELINE, "", PIPELINE),
        (f"door={PIPELINE}", "door", PIPELINE),
    ],
)
def test_a_name_is_what_stands_before_the_first_equals_sign(
    text: str, name: str, camera: str
) -> None:
    assert parse_camera(text) == NamedCamera(name, camera)


def test_a_file_that_is_there_has_no_name(in_tmp_path: Path) -> None:
    (in_tmp_path / "a=b.mp4").touch()
    assert parse_camera("a=b.mp4") == NamedCamera("", "a=b.mp4")


@pytest.mark.parametrize(
    ("cameras", "rois", "sources"),
    [
        (["0"], [], ()),
        (["0"], [ROI], ()),
        (["0"], [f"left={ROI}", f"right={ROI}"], ("left", "right")),
        (["door=0"], [], ("door",)),
        (["door=0"], [ROI], ("door",)),
        (["door=0", "yard=1"], [], ("door", "yard")),
        (["door=0", "yard=1"], [f"yard/gate={ROI}"], ("door", "yard/gate")),
        (["door=0", "yard=1"], [f"mat={ROI}", f"yard/gate={ROI}"],
         ("door/mat", "yard/mat", "yard/gate")),
    ],
)  # fmt: skip
def test_a_source_is_a_camera_s_name_and_a_part_s(
    cameras: list[str], rois: list[str], sources: tuple[str, ...]
) -> None:
    assert source_names(named_cameras(cameras, rois)) == sources


@pytest.mark.parametrize(
    ("cameras", "rois", "words"),
    [
        (["0", "yard=1"], [], "--camera 0: of several, each needs a name; write --camera NAME=0"),
        (["rtsp://u:geheim@h/", "b=1"], [], "--camera rtsp://h/: of several, each needs a name"),
        (["a=0", "a=1"], [], "the name a is given twice"),
        (["a=0", "b=0"], [], "the camera 0 is given twice; name parts of it with --roi"),
        (["1a=0"], [], "a name is letters, digits, - and _"),
        (["é=0"], [], "a name is letters, digits, - and _"),
        (["=0"], [], "a name is letters, digits, - and _"),
        ([f"{'a' * 33}=0"], [], "at most 32"),
        (["a="], [], "--camera a=: no camera; write --camera a=0"),
        (["a=0", "b=1"], [ROI], f"write --roi a/mat={ROI}"),
        (["0"], [ROI, f"x={ROI}"], f"write --roi mat={ROI}"),
        (["a=0", "b=1"], [f"c/x={ROI}"], "no camera c; there is a, b"),
        (["0"], [f"c/x={ROI}"], "no camera c; there is none with a name"),
        (["0"], [f"x={ROI}", f"x={ROI}"], "--roi x is given twice"),
        (["a=0"], [f"x={ROI}", f"a/x={ROI}"], "--roi a/x is given twice"),
        (["0"], [f"1x={ROI}"], "write PART=X,Y,W,H or CAMERA/PART=X,Y,W,H"),
        ([f"c{n}={n}" for n in range(65)], [], "65 sources, and at most 64"),
        (["a=0", f"b={__file__}"], [], "a video file is no live camera; classify it alone"),
    ],
)
def test_what_does_not_fit_together_is_one_line(
    cameras: list[str], rois: list[str], words: str
) -> None:
    with pytest.raises(SettingError) as refused:
        ClassifyOptions(camera=tuple(cameras), roi=tuple(rois))
    assert words in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
    assert "geheim" not in str(refused.value)


def test_options_as_they_are_typed_give_the_same_options() -> None:
    options = ClassifyOptions(camera=("a=0", "b=1"), roi=(f"b/x={ROI}",))
    arguments = ["--camera=a=0", "--camera=b=1", f"--roi=b/x={ROI}"]
    assert options.arguments() == arguments


def test_windows_and_videos_are_of_one_camera(cli: Cli) -> None:
    cameras = ["classify", "--camera", "a=0", "--camera", "b=1"]
    for option in (["--window"], ["--save-video", "x.mp4"]):
        assert_one_clear_line(cli.refused(*cameras, *option), option[0], "is for one camera")
    parts = ["classify", "--camera", "0", "--roi", f"a={ROI}", "--roi", f"b={ROI}"]
    assert_one_clear_line(cli.refused(*parts, "--window"), "--window is for one camera")


def test_collect_reads_one_camera_without_a_name(cli: Cli) -> None:
    refused = cli.refused("collect", "photos", "--camera", "door=0", "--class", "a")
    assert_one_clear_line(refused, "--camera door=0", "leave out what is before the =")
    refused = cli.refused("collect", "photos", "--roi", f"mat={ROI}", "--class", "a")
    assert_one_clear_line(refused, "mat=", "X,Y,WIDTH,HEIGHT")
