"""Who can connect to the preview, under which names, and with which token."""

import re
import socket
import stat
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from edgetl.edge.errors import SettingError, SinkError
from edgetl.edge.preview.address import Address, is_our_name, parse_address
from edgetl.edge.preview.token import kept_token
from tests.edge.preview.client import Start, following, get, result


def test_beyond_this_machine_a_token_is_needed(start: Start) -> None:
    sink = start("0.0.0.0:0")
    link = urlsplit(sink.url)
    (token,) = parse_qs(link.query)["token"]
    assert len(token) == 43
    assert link.hostname != "0.0.0.0"
    sink.write(result())
    refused = get(sink)
    assert refused.status == 403
    assert b"Open the link that edgetl printed" in refused.body
    assert following(sink, "one").status == 403
    for wrong in (token[:-1], token + "x", "", "é", "%FF"):
        answer = get(sink, f"/?token={wrong if wrong.isascii() else '%C3%A9'}")
        assert (answer.status, answer.headers["Set-Cookie"]) == (403, None)
    page = get(sink, f"/?token={token}")
    assert page.status == 200
    cookie, *properties = page.headers["Set-Cookie"].split("; ")
    assert cookie == f"edgetl-preview-{link.port}={token}"
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(properties)
    assert get(sink, Cookie=cookie).status == 200
    assert following(sink, "one", Cookie=f"other=1; {cookie}").status == 200
    assert following(sink, "one", Cookie=cookie + "x").status == 403


def test_on_this_machine_no_token_is_needed(start: Start) -> None:
    sink = start()
    assert sink.url == f"http://127.0.0.1:{urlsplit(sink.url).port}/"
    assert get(sink).headers["Set-Cookie"] is None


def test_the_token_outlives_a_restart_in_a_private_file(start: Start, state: Path) -> None:
    first = start("0.0.0.0:0")
    file = state / "edgetl" / "preview-token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    token = file.read_text().strip()
    assert first.url.endswith(f"?token={token}")
    assert start("0.0.0.0:0").url.endswith(f"?token={token}")
    assert list(file.parent.iterdir()) == [file]


def test_an_invalid_token_file_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "token"
    token = kept_token(file)
    file.chmod(0o644)
    assert kept_token(file) != token
    file.write_bytes(b"\xff short")
    assert len(kept_token(file)) == 43
    # Where it cannot be written there is one all the same, of this run.
    assert len(kept_token(tmp_path / "token" / "below a file")) == 43
    assert len(kept_token(None)) == 43


@pytest.mark.parametrize("host", ["127.0.0.1:{}", "localhost:{}", "LOCALHOST", "[::1]:{}"])
def test_its_own_names_are_answered_to(start: Start, host: str) -> None:
    sink = start()
    assert get(sink, Host=host.format(urlsplit(sink.url).port)).status == 200
    assert get(sink, Host=socket.gethostname()).status == 200
    assert get(sink, Host=f"{socket.gethostname()}.local:80").status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "localhost.evil.example", "8.8.8.8", "", "a:b:c"]
)
def test_other_names_are_not_answered_to(start: Start, host: str) -> None:
    sink = start("0.0.0.0:0")
    query = urlsplit(sink.url).query
    for path in ("/", "/next?viewer=12345678&after=", f"/?{query}"):
        answer = get(sink, path, Host=host)
        # An empty one breaks the rules of HTTP already for some versions of h11.
        assert answer.status in ({421} if host else {400, 421})


def test_names_of_this_machine_are_recognized() -> None:
    reached = "::ffff:192.168.1.7"
    name = socket.gethostname()
    for host in ("192.168.1.7:8000", "[::1]", f"{name}.lan", f"{name}.local.", "localhost:1"):
        assert is_our_name(host, names=["0.0.0.0"], reached=reached), host
    for host in ("192.168.1.8", f"{name}.evil.example", "[::2]", "[", "::1", "x@localhost"):
        assert not is_our_name(host, names=["0.0.0.0"], reached=reached), host
    assert is_our_name("pi.example:80", names=["Pi.example"], reached="10.0.0.1")


def test_answers_are_kept_from_other_sites(start: Start) -> None:
    sink = start()
    sink.write(result())
    page = get(sink)
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self'; script-src 'sha256-")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    for answer in (page, following(sink, "one"), get(sink, "/nothing"), get(sink, Host="evil")):
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["Content-Security-Policy"].startswith("default-src")
        assert answer.headers["Server"] is None
        assert not any(name.lower().startswith("access-control") for name in answer.headers)
    assert following(sink, "one", Sec_Fetch_Site="cross-site").status == 403
    assert following(sink, "one", Sec_Fetch_Site="same-origin").status == 200
    assert get(sink, Sec_Fetch_Site="cross-site").status == 200


def test_the_page_needs_nothing_from_elsewhere(start: Start) -> None:
    markup = get(start()).body.decode()
    assert not re.search(r"https?://|@import|url\(|\bon\w+=", markup)
    assert re.findall(r"(?:src|href)=\"([^\"]*)\"", markup) == ["data:,"]


def test_a_taken_port_is_one_clear_line(start: Start) -> None:
    port = urlsplit(start().url).port
    with pytest.raises(SinkError, match=rf"port {port} is taken.*--preview 127\.0\.0\.1:\d+$"):
        start(f"127.0.0.1:{port}")


@pytest.mark.parametrize("address", ["192.0.2.1:0", "no.such.invalid:0", "a b:1", "x:99999", "::1"])
def test_no_address_of_this_machine_is_one_clear_line(start: Start, address: str) -> None:
    with pytest.raises(SettingError, match="write --preview HOST:PORT") as raised:
        start(address)
    assert "\n" not in str(raised.value)


def test_addresses_are_read_as_they_are_typed() -> None:
    assert parse_address("0.0.0.0:80") == Address("0.0.0.0", 80)
    assert parse_address("9000") == Address("127.0.0.1", 9000)
    assert parse_address("pi.local") == Address("pi.local", 8000)
    assert parse_address("[::]:80") == Address("::", 80)
    assert str(Address("::", 80)) == "[::]:80"
