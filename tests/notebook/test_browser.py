"""The notebook in a real Chromium that has no network: what a user moves changes what is seen."""

import json

import pytest

CANVAS = "deep('canvas.edmnoise-molecule')[0]"
SIGMA = "deep('p, span.paragraph').find(p => p.textContent.startsWith('σ = '))?.textContent"


def told(page):
    """What is said of the noise, the rows of the first table, and the picture, which does not move."""
    rows = page.ask("deep('table')[0].innerText")
    return page.ask(SIGMA), rows, page.ask(f"{CANVAS}.toDataURL()")


@pytest.fixture
def still(page):
    """The page with its molecule at rest and its first table, which may come after it."""
    page.until("deep('table').length")
    page.ask("deep('button').find(b => b.textContent == 'Pause')?.click()")
    return page


def slider(name):
    return f"deep('marimo-slider').find(s => JSON.parse(s.dataset.label).includes('>{name}<'))"


def move(page, name, share):
    """Press on a slider's track at a share of its length."""
    track = f"deep('span[data-orientation]', {slider(name)}.shadowRoot)[0]"
    page.ask(f"{track}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
    x, y, width, height = page.ask(f"(r => [r.x, r.y, r.width, r.height])({track}.getBoundingClientRect())")
    page.click(x + share * width, y + height / 2)


def test_the_page_asks_nothing_of_the_network(page):
    outside = [url for url in page.requests if not url.startswith(("http://127.0.0.1", "data:", "blob:", "about:"))]
    assert outside == []
    assert page.errors == []
    assert len(page.requests) > 10


@pytest.mark.parametrize(("name", "share", "said"), [("z", 0.55, "σ = 7.558 Å"), ("chain", 0.9, "weights 0.5")])
def test_a_moved_slider_changes_words_table_and_picture(name, share, said, still):
    before, drawn = told(still), still.ask(f"{CANVAS}.dataset.drawn")
    move(still, name, share)
    still.until(f"{CANVAS}.dataset.drawn != {json.dumps(drawn)}")
    still.until(f"{SIGMA} != {json.dumps(before[0])}")
    still.until(f"deep('table')[0].innerText != {json.dumps(before[1])}")
    after = told(still)
    assert said in after[0]
    assert all(one != other for one, other in zip(before, after, strict=True))


def test_the_molecule_shakes(page):
    page.ask("deep('button').find(b => b.textContent == 'Shake')?.click()")
    first = page.ask(f"{CANVAS}.toDataURL()")
    page.until(f"{CANVAS}.toDataURL() != {json.dumps(first)}")


def test_a_button_writes_what_pymol_opens(page):
    page.ask("deep('button').find(b => b.textContent.startsWith('Write noised.pdb')).click()")
    page.until("deep('p, span.paragraph').some(p => p.textContent.startsWith('Written: '))")
    assert (page.folder / "noised.pdb").read_text().count("MODEL ") == 11
    assert "load noised.pdb, noised" in (page.folder / "noised.pml").read_text()


def test_pasted_text_that_is_no_structure_is_one_line_and_one_that_is_is_shown(page, pymol_data):
    lines = (pymol_data / "demo" / "1tii.pdb").read_text().splitlines()
    chain = "\n".join(line for line in lines if line.startswith("ATOM") and line[21] == "C")
    for text, said in (
        ("no structure", "the pasted text was not read: "),
        (chain, "the pasted text: 1 chain"),
    ):
        page.ask("(area => { area.focus(); area.select(); })(deep('textarea')[0])")
        page.send("Input.insertText", text=text)
        page.ask("deep('textarea')[0].blur()")
        page.until(
            f"deep('*').some(e => !e.children.length && e.parentElement?.innerText?.includes({json.dumps(said)}))"
        )
    assert page.errors == []


def test_the_tables_are_as_wide_as_a_usual_window(page):
    page.resize(1400, 1000)
    page.until("innerWidth == 1400 && deep('table').length > 4")
    cut = "deep('table').filter(t => t.scrollWidth > t.closest('div').clientWidth).map(t => t.caption.textContent)"
    assert page.ask(cut) == []
