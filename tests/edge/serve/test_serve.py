"""What `edgetl serve` answers."""

import io
import select
import socket
import threading
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image

from edgetl.edge.model.classifier import Classifier
from edgetl.edge.serve.upload import Upload, uploaded
from tests.conftest import COLOURS, Cli, colour_picture
from tests.edge.serve.conftest import Start, asked

FORM = "multipart/form-data; boundary=xYz"


def jpeg(colour: str = "red", **more: Any) -> bytes:
    content = io.BytesIO()
    colour_picture(COLOURS[colour], 1, (40, 30)).save(content, "JPEG", **more)
    return content.getvalue()


def test_a_picture_gets_the_record_that_classify_gives_it(
    start: Start, cli: Cli, classifier: Classifier
) -> None:
    serving = start()
    status, record = asked(serving, "POST", "/classify", jpeg(), Content_Type="image/jpeg")
    assert status == 200
    assert list(record) == [
        "source", "frame", "time", "label", "probability", "predictions", "milliseconds",
    ]  # fmt: skip
    best, second = classifier.classify(jpeg(), top_k=2)
    assert record["label"] == best.label == "red"
    assert [one["label"] for one in record["predictions"]] == ["red", second.label]
    assert record["probability"] == pytest.approx(best.probability)
    assert (record["source"], record["frame"]) == ("picture", None)
    assert 0 < record["milliseconds"] < 10_000
    assert asked(serving, "GET", "/model")[1]["labels"] == list(classifier.labels)


def test_a_form_s_file_is_the_same_picture(start: Start) -> None:
    serving = start()
    plain = asked(serving, "POST", "/classify", jpeg("blue"))[1]
    body = (
        b'--xYz\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
        b'--xYz\r\nContent-Disposition: form-data; name="file"; filename="a b.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + jpeg("blue") + b"\r\n--xYz--\r\n"
    )
    status, record = asked(serving, "POST", "/classify", body, Content_Type=FORM)
    assert (status, record["source"]) == (200, "a b.jpg")
    assert record["predictions"] == plain["predictions"]


def test_pictures_are_turned_upright(start: Start, classifier: Classifier) -> None:
    # A model sees a whole picture squeezed: only the order of its pixels is another.
    seen: list[np.ndarray] = []
    infer = classifier.infer
    classifier.infer = lambda pixels: (seen.append(pixels), infer(pixels))[1]  # type: ignore[method-assign]
    serving = start()
    picture = Image.new("RGB", (40, 40), "red")
    picture.paste("blue", (0, 0, 40, 20))
    for orientation in (1, 3):
        exif = Image.Exif()
        exif[0x0112] = orientation
        content = io.BytesIO()
        (picture if orientation == 1 else picture.rotate(180)).save(content, "PNG", exif=exif)
        assert asked(serving, "POST", "/classify", content.getvalue())[0] == 200
    assert np.array_equal(*seen)


def test_an_answer_below_the_threshold_is_unsure(start: Start) -> None:
    status, record = asked(start(threshold=0.99), "POST", "/classify", jpeg())
    assert (status, record["label"], record["predictions"][0]["label"]) == (200, "unsure", "red")


@pytest.mark.parametrize(
    ("body", "kind", "status", "words"),
    [
        (b"no picture", "image/jpeg", 415, "picture: not a picture that can be read"),
        (jpeg()[:300], "image/jpeg", 415, "picture: damaged picture"),
        (b"", "image/jpeg", 400, "no picture"),
        (b"--xYz--\r\n", FORM, 400, "no picture"),
        (jpeg(), "multipart/form-data", 400, "no picture"),
        (b"x" * 20_000_001, "image/jpeg", 413, "more than 20 MB"),
    ],
)  # fmt: skip
def test_what_is_no_picture_is_refused_in_one_line(
    start: Start, body: bytes, kind: str, status: int, words: str
) -> None:
    found, answer = asked(start(), "POST", "/classify", body, Content_Type=kind)
    assert found == status
    assert words in answer["error"]
    assert "\n" not in answer["error"]


def test_a_body_of_unknown_length_is_bounded_too(start: Start) -> None:
    port = urlsplit(start().url).port
    head = b"POST /classify HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(head)
        for _ in range(21):
            client.sendall(b"F4240\r\n" + bytes(1_000_000) + b"\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 413")


def test_too_many_at_once_are_refused_and_then_taken_again(start: Start) -> None:
    serving = start()
    port = urlsplit(serving.url).port
    head = b"POST /classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n12345678"
    slow = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(9)]
    for client in slow:
        client.sendall(head)
    # Which of them comes last is the server's.
    (refused,), _, _ = select.select(slow, [], [], 20)
    assert refused.recv(100).startswith(b"HTTP/1.1 503")
    slow.remove(refused)
    refused.close()
    status, answer = asked(serving, "POST", "/classify", jpeg())
    assert (status, answer["error"]) == (503, "8 pictures are on their way; try again")
    # One that goes away makes room, and so does one that gets its answer.
    slow[0].close()
    slow[1].sendall(b"9")
    assert slow[1].recv(100).startswith(b"HTTP/1.1 415")
    assert asked(serving, "POST", "/classify", jpeg())[0] == 200
    for client in slow:
        client.close()


def test_one_interpreter_answers_many_in_turn(start: Start) -> None:
    serving = start()
    names = ("red", "blue", "green", "red")
    found: dict[int, str] = {}

    def ask(number: int) -> None:
        found[number] = asked(serving, "POST", "/classify", jpeg(names[number]))[1]["label"]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tuple(found[number] for number in range(4)) == names


def test_access_is_that_of_the_preview(start: Start, tmp_path: Path) -> None:
    local = start()
    assert asked(local, "POST", "/classify", jpeg(), Host="evil.example")[0] == 421
    assert asked(local, "POST", "/classify", jpeg(), Sec_Fetch_Site="cross-site")[0] == 403
    assert asked(local, "GET", "/classify")[0] == 405
    guarded = start("0.0.0.0:0", prefix="/pi1")
    token = guarded.url.partition("?")[2]
    for method, path in (("GET", "/"), ("GET", "/model"), ("POST", "/classify")):
        assert asked(guarded, method, path, jpeg())[0] == 403
        for prefix in ("", "/pi1"):
            assert asked(guarded, method, f"{prefix}{path}?{token}", jpeg())[0] == 200


def test_whatever_a_program_is_refused_is_json(start: Start) -> None:
    for prefix, serving in (("", start()), ("/pi1", start(prefix="/pi1"))):
        for method, path, status, words in (
            ("GET", "/classify", 405, f"GET {prefix}/classify: not allowed; use POST"),
            ("DELETE", "/model", 405, "use GET or HEAD"),
            ("PUT", "/", 405, "use GET or HEAD"),
            ("GET", "/nothing", 404, "/nothing: no such path; there are POST /classify"),
            ("POST", "/classify/more", 404, "no such path"),
        ):
            found, answer = asked(serving, method, prefix + path)
            assert (found, words in answer["error"]) == (status, True), answer
    assert asked(start(), "GET", "/x", Host="evil.example")[1]["error"].startswith("not under")
    other = asked(start(), "GET", "/model", Sec_Fetch_Site="cross-site")[1]
    assert other == {"error": "requested by another site"}
    guarded = start("0.0.0.0:0")
    assert "ends in ?token=" in asked(guarded, "POST", "/classify", jpeg())[1]["error"]
    # A person opens the page.
    assert b"<title>" in asked(guarded, "GET", "/")[1]


def test_a_wrong_method_s_answer_names_the_right_one(start: Start) -> None:
    with pytest.raises(HTTPError) as refused:
        urlopen(start().url + "classify", timeout=20)
    assert refused.value.headers["Allow"] == "POST"
    refused.value.close()


def test_a_failure_that_nobody_expects_is_json_too(start: Start, classifier: Classifier) -> None:
    def infer(_: np.ndarray) -> np.ndarray:
        raise MemoryError("no\nroom")

    serving = start()
    classifier.infer = infer  # type: ignore[method-assign]
    status, answer = asked(serving, "POST", "/classify", jpeg())
    assert (status, answer) == (500, {"error": "failed: MemoryError (no room)"})


def test_the_file_of_a_form_is_found_by_its_boundary() -> None:
    def form(*parts: bytes) -> bytes:
        return b"".join(b"--xYz\r\n" + part + b"\r\n" for part in parts) + b"--xYz--\r\n"

    tricky = b"\r\n--xY\r\n\r\nin a line --xYz\r\n"
    disposition = b'content-disposition: form-data; name=f; filename="x.jpg"\r\n\r\n'
    assert uploaded(FORM, form(disposition + tricky)) == Upload(tricky, "x.jpg")
    assert uploaded('Multipart/Form-Data; boundary="xYz"', form(disposition)) == Upload(
        b"", "x.jpg"
    )
    assert uploaded(FORM, form(b"Content-Disposition: form-data; name=f\r\n\r\nx")) is None
    assert uploaded(FORM, form(b"filename=x")) is None
    assert uploaded(FORM, disposition) is None
    assert uploaded("multipart/form-data", form(disposition)) is None
    assert uploaded("", b"x") == uploaded("image/png", b"x") == Upload(b"x", "picture")
