"""The pictures below a URL: of S3 page by page, of other stores folder by folder."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from edgetl.edge.errors import SourceError, quoted
from edgetl.edge.model.picture_format import HEAD_BYTES, picture_format
from edgetl.edge.shards.manifest import Entry
from edgetl.edge.shards.remote_store import opened_store, retried
from edgetl.edge.sources.file_kinds import is_picture_name, is_video_name
from edgetl.edge.sources.files import Problem
from edgetl.edge.sources.folders import is_hidden, is_system_folder
from edgetl.edge.sources.left_out import LeftOut
from edgetl.edge.system.masking import masked
from edgetl.edge.system.messages import logger

# Names of a checksum or version in what the stores say of an object.
_ETAGS = ("ETag", "etag", "md5Hash", "content_md5", "version_id")


def remote_listing(url: str) -> "StoreListing":
    """The listing of a URL. Raises as `opened_store`."""
    store, folder = opened_store(url)
    is_s3 = hasattr(store, "call_s3")
    kind = S3Listing if is_s3 else StoreListing
    return kind(root=url.rstrip("/"), store=store, folder=folder, continues=is_s3)


@dataclass
class StoreListing:
    """The pictures of a store, folder by folder and by name; each folder is listed as a whole."""

    root: str
    store: Any
    folder: str
    continues: bool
    videos: int = 0
    left_out: LeftOut = field(default_factory=LeftOut)

    def entries(self, *, after: str | None) -> Iterator[Entry | Problem]:
        """See `edgetl.edge.shards.listing.Listing`."""
        below = len(self.folder) + 1
        stack = [iter(self._listed(self.folder))]
        while stack:
            info = next(stack[-1], None)
            if info is None:
                stack.pop()
                continue
            path = str(info["name"]).rstrip("/")
            name = path.rpartition("/")[2]
            if is_hidden(name):
                continue
            if info["type"] != "directory":
                yield from self._picture(path[below:], info)
            elif is_system_folder(name):
                self.left_out.add_folder(name, "system")
            else:
                stack.append(iter(self._listed(path)))
        self._say_what_was_left_out()

    def _listed(self, folder: str) -> list[dict[str, Any]]:
        try:
            found = retried(lambda: self.store.ls(folder, detail=True), of=self.root)
        except OSError as error:
            raise SourceError(f"{quoted(masked(self.root))}: no such folder") from error
        # Some list the folder itself, whose name is an object too.
        inside = [info for info in found if str(info["name"]).strip("/") != folder.strip("/")]
        return sorted(inside, key=lambda info: str(info["name"]))

    def _picture(self, path: str, info: dict[str, Any]) -> Iterator[Entry | Problem]:
        name = path.rpartition("/")[2]
        is_picture = is_picture_name(name)
        if is_video_name(name):
            self.videos += 1
        elif is_picture or (is_picture is None and self._looks_like_one(path)):
            etag = next((str(info[key]) for key in _ETAGS if info.get(key)), None)
            yield Entry(path, int(info["size"] or 0), etag.strip('"') if etag else None)
        else:
            self.left_out.add_file(name)

    def _looks_like_one(self, path: str) -> bool:
        full = f"{self.folder}/{path}"
        try:
            head = retried(lambda: self.store.cat_file(full, start=0, end=HEAD_BYTES), of=full)
        except OSError:
            return True  # what reads it says why
        return picture_format(bytes(head)) is not None

    def _say_what_was_left_out(self) -> None:
        if words := self.left_out.words():
            logger.warning("%s: left out %s", quoted(masked(self.root)), words)


class S3Listing(StoreListing):
    """The pictures of a bucket in the order of their keys, a thousand at a time.

    S3 lists what comes behind a key, so that an index that was stopped goes on where it ended.
    """

    def entries(self, *, after: str | None) -> Iterator[Entry | Problem]:
        bucket, _, prefix = self.folder.partition("/")
        prefix = f"{prefix}/" if prefix else ""
        asked = {"Bucket": bucket, "Prefix": prefix}
        if after is not None:
            asked["StartAfter"] = prefix + after
        while True:
            page = self._page(asked)
            for item in page.get("Contents", ()):
                path = str(item["Key"])[len(prefix) :]
                if not path.endswith("/") and self._is_walked(path):
                    yield from self._picture(path, {"size": item["Size"], "ETag": item["ETag"]})
            if not page.get("IsTruncated"):
                break
            asked["ContinuationToken"] = page["NextContinuationToken"]
        self._say_what_was_left_out()

    def _page(self, asked: dict[str, str]) -> dict[str, Any]:
        try:
            page: dict[str, Any] = retried(
                lambda: self.store.call_s3("list_objects_v2", **asked), of=self.root
            )
        except OSError as error:
            raise SourceError(f"{quoted(masked(self.root))}: {error}".replace("\n", " ")) from error
        return page

    def _is_walked(self, path: str) -> bool:
        *folders, name = path.split("/")
        for folder in folders:
            if is_system_folder(folder):
                self.left_out.add_folder(folder, "system")
                return False
        return bool(path) and not any(map(is_hidden, (*folders, name)))
