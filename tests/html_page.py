"""Reads a page of ours, and checks that its tags are in order."""

from html.parser import HTMLParser

VOID = {"br", "col", "hr", "img", "link", "meta", "source", "wbr"}


class Page(HTMLParser):
    """A page as it reads: its tags in order, its words, and the words of each section."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.markup = markup
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.sections: dict[str, str] = {}
        self._open: list[tuple[str, str | None]] = []
        self.feed(markup)
        self.close()
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append((tag, dict(attrs).get("id")))

    def handle_endtag(self, tag: str) -> None:
        opened, _ = self._open.pop()
        assert opened == tag, f"</{tag}> closes <{opened}>"

    def handle_data(self, data: str) -> None:
        if any(tag == "style" for tag, _ in self._open):
            return
        self.text += data
        for tag, name in self._open:
            if tag == "section" and name:
                self.sections[name] = self.sections.get(name, "") + data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]
