"""The page of `edgetl serve` in a real browser."""

import base64

import pytest

from tests.edge.browser import Tab
from tests.edge.serve.conftest import Start
from tests.edge.serve.test_serve import jpeg

# As a person who chooses a file.
CHOOSE = """(() => {{
  const data = Uint8Array.from(atob('{}'), char => char.charCodeAt(0)), given = new DataTransfer();
  given.items.add(new File([data], 'a.jpg', {{ type: 'image/jpeg' }}));
  const input = document.getElementById('file');
  input.files = given.files;
  input.dispatchEvent(new Event('change'));
}})()"""
TEXT = "document.getElementById('{}').innerText"


@pytest.mark.parametrize(
    ("width", "height"), [pytest.param(1280, 900, marks=pytest.mark.slow), (390, 844)]
)
def test_a_browser_sends_a_picture_and_shows_the_answer(
    start: Start, tab: Tab, width: int, height: int
) -> None:
    serving = start("0.0.0.0:0")
    tab.look(width, height)
    tab.open(serving.url)
    tab.wait("document.title === 'edgetl serve: described.tflite'")
    assert tab.value("location.search") == ""
    tab.value(CHOOSE.format(base64.b64encode(jpeg("blue")).decode()))
    tab.wait(f"{TEXT.format('label')} === 'blue'")
    assert "%" in tab.value(TEXT.format("sure"))
    assert tab.value("document.querySelectorAll('#bars li').length") == 2
    tab.wait("document.getElementById('picture').naturalWidth === 40")
    assert tab.value("document.documentElement.scrollWidth") <= width
    # Everything that can be pressed can be reached by key.
    assert tab.value("[...document.querySelectorAll('button')].every(b => b.tabIndex === 0)")
    tab.value(CHOOSE.format(base64.b64encode(b"no picture").decode()))
    tab.wait(f"{TEXT.format('said')} === 'picture: not a picture that can be read'")
    assert tab.value(TEXT.format("label")) == "\N{EN DASH}"
    serving.close()
    tab.value(CHOOSE.format(base64.b64encode(jpeg()).decode()))
    tab.wait(f"{TEXT.format('said')}.startsWith('edgetl has stopped')")
