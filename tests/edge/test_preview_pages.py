import re

from edgetl.edge.preview.pages import live_page, message_page
from tests.html_page import Page


def test_both_pages_have_the_same_stylesheet() -> None:
    pages = live_page(), message_page("Title", "Text")
    styles = {re.findall("<style>(.*?)</style>", page.markup, re.DOTALL)[0] for page in pages}
    assert len(styles) == 1
    assert "prefers-color-scheme: dark" in styles.pop()
    assert len({re.findall("style-src ([^;]*);", page.policy)[0] for page in pages}) == 1


def test_what_a_message_says_is_only_words() -> None:
    page = Page(message_page("a {{text}} <b>", "{{style}} & <script>").markup)
    assert [tag for tag, _ in page.tags if tag in ("b", "script")] == []
    assert "\na {{text}} <b>\n{{style}} & <script>\n" in page.text
