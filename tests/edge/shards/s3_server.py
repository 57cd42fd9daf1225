"""A bucket on this machine: as much of S3 as listing and reading need."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.serving import answering

PAGE = 10


@contextmanager
def s3_server(objects: dict[str, bytes], asked: list[dict[str, str]]) -> Iterator[str]:
    """Its URL, with the bucket "bucket".

    Args:
        objects: what is in the bucket, by key.
        asked: gets the parameters of each listing.
    """

    handler: Any = type("Handler", (_Handler,), {"objects": objects, "asked": asked})
    with answering(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as where:
        yield f"http://{where}"


class _Handler(BaseHTTPRequestHandler):
    objects: ClassVar[dict[str, bytes]]
    asked: ClassVar[list[dict[str, str]]]

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        bucket, _, key = unquote(url.path).strip("/").partition("/")
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if bucket != "bucket":
            self._answer(404, _error("NoSuchBucket", "The specified bucket does not exist"))
        elif not key:
            self.asked.append(query)
            self._answer(200, _listed(self.objects, query))
        elif key not in self.objects:
            self._answer(404, _error("NoSuchKey", "The specified key does not exist."))
        else:
            self._object(self.objects[key])

    def do_HEAD(self) -> None:
        self.do_GET()

    def _object(self, content: bytes) -> None:
        wanted = self.headers.get("Range")
        if wanted is None:
            self._answer(200, content)
            return
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        self._answer(206, content[int(first) : int(last) + 1])

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


def _listed(objects: dict[str, bytes], query: dict[str, str]) -> bytes:
    """ListObjectsV2: the keys behind one, ten at a time, in the order of their bytes."""
    after = query.get("continuation-token") or query.get("start-after", "")
    keys = sorted(key for key in objects if key.startswith(query.get("prefix", "")) and key > after)
    page, more = keys[:PAGE], len(keys) > PAGE
    contents = "".join(
        f"<Contents><Key>{escape(key)}</Key><Size>{len(objects[key])}</Size>"
        f"<ETag>&quot;etag of {escape(key)}&quot;</ETag></Contents>"
        for key in page
    )
    token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
    text = (
        f'<?xml version="1.0"?><ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>'
        f"{token}{contents}</ListBucketResult>"
    )
    return text.encode()


def _error(code: str, message: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
