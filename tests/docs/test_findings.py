"""The page of traps speaks of every script of findings/, and shows what it says of itself."""

import re
from pathlib import Path

import pytest

from findings import FINDINGS, said

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "traps.rst").read_text(encoding="utf-8")
LISTED = re.search(r"^\.\. findings:: (.*)$", PAGE, flags=re.M)[1].split()
SCRIPTS = sorted(FINDINGS.glob("*.sh"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_every_finding_is_on_the_page_once(script):
    linked = PAGE.count(f"<../findings/{script.name}>")
    listed = sum(script.name.startswith(beginning) for beginning in LISTED)
    assert linked + min(listed, 1) == 1
    assert len(said(script)) > 40
    assert "Source:" not in said(script)


def test_a_beginning_that_no_script_has_stops_the_build(site):
    message = site.build("Page\n====\n\n.. findings:: nosuch\n")
    assert site.stopped
    assert "no script of findings/ begins with 'nosuch'" in message


def test_a_finding_is_listed_with_its_script(site):
    page = site.build("Page\n====\n\n.. findings:: chai1\n")
    assert "step is not Heun" in page
    assert re.search(r'href="_downloads/\w+/chai1_adds_its_second_slope_to_the_euler_point\.sh"', page)
