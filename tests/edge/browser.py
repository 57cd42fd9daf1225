"""Drives Debian's Chromium over its debugging pipe, which needs no package of ours."""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHROMIUM = next(
    (
        path
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (path := shutil.which(name))
    ),
    None,
)

# Run before Chromium: its handles may be any numbers, 3 and 4 the other way round among them.
_ON_3_AND_4 = """
import fcntl, os, sys
high = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
for handle, wanted in zip(high, (3, 4)):
    os.dup2(handle, wanted)
    os.close(handle)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """A browser that runs. What it cannot do raises AssertionError with its words."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._unread = b""
        self._number = 0

    @contextlib.contextmanager
    def tab(self) -> Iterator["Tab"]:
        """A tab that shares nothing with those before it: no cookies, no storage, no history."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        try:
            opened = self.call("Target.createTarget", url="about:blank", browserContextId=context)
            session = self.call("Target.attachToTarget", targetId=opened["targetId"], flatten=True)
            yield Tab(self, session["sessionId"])
        finally:
            self.call("Target.disposeBrowserContext", browserContextId=context)

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            more = os.read(self._answers, 1 << 20)
            assert more, "the browser has gone"
            self._unread += more
        message, _, self._unread = self._unread.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer


class Tab:
    """One tab."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session
        self._call("Page.enable")

    def look(self, width: int, height: int, *, scheme: str = "light", ratio: float = 1) -> None:
        """Become a screen of this size, in CSS pixels, with a "light" or "dark" scheme."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=ratio, mobile=width < 600,
        )  # fmt: skip
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._call("Emulation.setEmulatedMedia", features=features)

    def open(self, url: str) -> None:
        self._call("Page.navigate", url=url)

    def value(self, expression: str) -> Any:
        """What a JavaScript expression is, as JSON has it."""
        answer = self._call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, expression: str, *, seconds: float = 60) -> Any:
        """The first true value of an expression."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            with contextlib.suppress(AssertionError):  # while a page is on its way
                if value := self.value(expression):
                    return value
            time.sleep(0.1)
        shown = self.value("document.body.innerText")
        raise AssertionError(f"{expression} did not become true in {seconds} s; shown: {shown}")

    def screenshot(self, path: Path) -> Path:
        data = self._call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))
        return path

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **parameters)


@contextlib.contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """A headless Chromium. It reads commands from handle 3 and answers on 4."""
    assert CHROMIUM
    for_browser, commands = os.pipe()
    answers, from_browser = os.pipe()
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", _ON_3_AND_4, str(for_browser), str(from_browser)),
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
            *("--remote-debugging-pipe", "--hide-scrollbars", f"--user-data-dir={profile}"),
        ],
        pass_fds=(for_browser, from_browser),
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(for_browser)
    os.close(from_browser)
    try:
        yield Browser(commands, answers)
    finally:
        os.close(commands)
        os.close(answers)
        process.terminate()
        process.wait(20)
