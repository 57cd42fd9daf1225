"""The live page of `classify --preview`, fetched as a browser does."""

import http.cookiejar
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lib.commands import CheckError, free_port
from lib.pi_check.device import EDGETL, WORK, Device


def preview_page(device: Device, model: Path, runtime: str) -> str:
    port = free_port()
    command = [
        EDGETL, "classify", "--camera", f"{WORK}/material/long.mp4", "--model",
        device.inside(model), "--runtime", runtime, "--format", "jsonl",
        "--preview", f"0.0.0.0:{port}",
    ]  # fmt: skip
    errors = device.folder / "preview.log"
    with errors.open("w") as stderr, started(device.chrooted(command), stderr) as process:
        link = wait_for_text(errors, r"preview: (http\S+)", process)
        key = re.sub(r"http://[^/]*", f"http://127.0.0.1:{port}", link)
        plain = f"http://127.0.0.1:{port}/"
        status, page = fetched(key)
        if status != 200 or "<html" not in page.lower():
            raise CheckError(f"the printed link gives status {status}")
        for wanted, url, headers in ((403, plain, {}), (421, key, {"Host": "elsewhere.org"})):
            status, _ = fetched(url, headers)
            if status != wanted:
                raise CheckError(f"status {status} instead of {wanted}")
    return f"fetched from here, {len(page)} characters; no key 403, other host 421"


@contextmanager
def started(command: list[str | Path], stderr: Any) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for_text(path: Path, pattern: str, process: subprocess.Popen[bytes]) -> str:
    """The first group of `pattern` once it is in a file that the process writes."""
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(pattern, path.read_text()):
            return found[1]
        time.sleep(0.5)
    raise CheckError(f"no link was printed: {path.read_text().strip()[-200:]}")


def fetched(url: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    """A page's status and text, as a browser gets it."""
    jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    opener = urllib.request.build_opener(jar, urllib.request.ProxyHandler({}))
    request = urllib.request.Request(url, headers=headers or {})
    deadline = time.monotonic() + 30
    while True:
        try:
            with opener.open(request, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
