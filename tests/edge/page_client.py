"""Asks a page's server as the page does."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from edgetl.edge.preview.serving import Serving


def asked(
    serving: Serving, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, Any]:
    """The status, and the JSON or the bytes of an answer."""
    port = urlsplit(serving.url).port or 0
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body=None if body is None else json.dumps(body), headers=sent)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    is_json = answer.headers.get("Content-Type") == "application/json"
    return answer.status, json.loads(content) if is_json else content


def changed(serving: Serving, **asks: Any) -> tuple[int, Any]:
    """The answer to a change."""
    return asked(serving, "POST", "/change", asks, X_Edgetl="1")
