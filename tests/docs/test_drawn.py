"""A figure that a line of a page has drawn stands in the page, and a page without it is not made."""

import base64
import io
import re

import pytest
from PIL import Image

DRAW = (
    "Page\n====\n\n.. pymol-run::\n\n   load $PYMOL_DATA/demo/pept.pdb\n   edm_triangle pept, file=map.png\n\n"
    ".. drawn:: {file}\n{alt}\n   Over *all* weights.\n"
)


def test_a_figure_is_part_of_the_page(site):
    page = site.build(DRAW.format(file="map.png", alt="   :alt: A triangle.\n"))
    assert 'alt="A triangle."' in page
    assert "Over <em>all</em> weights." in page
    found = re.search(r'src="data:image/png;base64,([^"]+)"', page)
    with Image.open(io.BytesIO(base64.b64decode(found[1]))) as picture:
        assert picture.width > 600
        assert len(picture.convert("RGB").getcolors()) > 20


@pytest.mark.parametrize(
    ("file", "alt", "said"),
    [
        ("none.png", "   :alt: Nothing.\n", "no figure none.png: draw it in a line above"),
        ("map.png", "", "map.png: say by :alt: what there is to see"),
    ],
)
def test_a_page_without_its_figure_stops_the_build(site, file, alt, said):
    message = site.build(DRAW.format(file=file, alt=alt))
    assert site.stopped
    assert said in message
