"""What does multiscale noise do to atoms, residues and chains? The published study, again, on any structure.

As an app: ``marimo run examples/study.py``, with a file of your own ``marimo run examples/study.py -- --file my.pdb``.
As a script, which prints the study's table: ``python examples/study.py``. As a page: ``marimo export html``.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="edmnoise: the study")

with app.setup(hide_code=True):
    import base64
    import csv
    import importlib.util
    import io
    import math
    import re
    import sys
    import tempfile
    from dataclasses import replace
    from pathlib import Path

    import marimo as mo
    import numpy as np

    import edmnoise as edm

    PRESETS = ("flat", "current", "rebalanced", "residue-heavy", "balanced-residue")
    COMPARED = {"flat": "#4f9d69", "current": "#3f51b5", "rebalanced": "#d2694c"}
    LEVELS = {"atom in residue": (0, True), "residue in chain": (1, True), "residue": (1, False), "chain": (2, False)}
    LADDER = tuple(range(-3, 4))
    SIGMAS = edm.sigma_distribution("alphafold3")
    SCRIPT = not mo.running_in_notebook()

    def shown(table):
        """A table with room between its columns, which can be scrolled where it is wider than the page."""
        room = 'style="padding: 1px 8px; white-space: nowrap; text-align'
        text = table._repr_html_().replace('style="text-align', room)
        return mo.Html(f'<div style="overflow-x: auto; font-size: 0.86rem">{text}</div>')

    def picture(figure):
        """A figure of matplotlib as SVG, no wider than the page."""
        from matplotlib.backends.backend_svg import FigureCanvasSVG

        text = io.StringIO()
        FigureCanvasSVG(figure).print_svg(text, metadata={"Date": None})
        svg = text.getvalue()[text.getvalue().index("<svg") :].replace("<svg", '<svg style="max-width: 100%"', 1)
        return mo.Html(re.sub(r' height="[^"]*pt"', "", svg, count=1))

    def axes_of(title, count=1, height=3.2):
        """An empty figure and its panes; as of `plt.subplots`, without a window."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(4.6 * count, height), layout="constrained")
        figure.suptitle(title, fontsize=10)
        return figure, np.atleast_1d(figure.subplots(1, count))


@app.cell(hide_code=True)
def _():
    mo.md("""
    # What noise does to a structure

    Diffusion models of biomolecules learn to remove noise from atoms. Noise can be drawn for each chain, each residue
    and each atom, with a weight for each. A
    [study](https://knowledge.yocto.ddns.net/journal/explores/edm-noise-exploration) asked what lands where. This
    notebook asks it again of the structure that you choose: measured on noised frames, beside the closed form that the
    frames have to agree with. Displacements are root mean squares per coordinate; in space they are √3 times as long.
    """)
    return


@app.cell(hide_code=True)
def _():
    upload = mo.ui.file(filetypes=[".pdb", ".ent", ".cif", ".mmcif", ".gz"], label="A PDB or mmCIF file")
    pasted = mo.ui.text_area(placeholder="or paste the text of a PDB file here", rows=3, full_width=True)
    return pasted, upload


@app.cell(hide_code=True)
def _(pasted, upload):
    mo.hstack([upload, pasted], widths=[1, 2], align="center")
    return


@app.cell(hide_code=True)
def _(pasted, upload):
    def own_example():
        """1TII of an installed PyMOL, whose data are read; PyMOL itself is not."""
        pymol = importlib.util.find_spec("pymol")
        path = Path(pymol.origin).parent / "data" / "demo" / "1tii.pdb" if pymol and pymol.origin else None
        return path if path and path.is_file() else None

    def read(name, content):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, Path(name).name)
            path.write_bytes(content)
            return edm.read_structure(path)

    asked = mo.cli_args().get("file")
    whole, path, trouble = None, asked or own_example(), ""
    source = upload.name() if upload.value else "the pasted text" if pasted.value.strip() else Path(str(path)).name
    try:
        if upload.value:
            whole = read(source, upload.contents())
        elif pasted.value.strip():
            whole = read("pasted.pdb", pasted.value.encode())
        elif path:
            whole = edm.read_structure(Path(str(path)))
        else:
            trouble = "No file: choose a PDB or mmCIF file, or paste the text of one."
    except edm.EdmNoiseError as error:
        trouble = f"{source} was not read: {str(error).rpartition(': ')[2]}."
    if trouble and SCRIPT:
        sys.exit(trouble)
    mo.stop(bool(trouble), mo.callout(mo.md(trouble), kind="warn"))

    # The study's fragment has 32 residues and 253 atoms; of another file all is taken.
    is_example = not (upload.value or pasted.value.strip() or asked)
    chains = list(dict.fromkeys(whole.atoms.chain.tolist()))
    chain = mo.ui.dropdown(["all", *chains], value="A" if is_example else "all", label="chain")
    residues = mo.ui.text(value="4-35" if is_example else "", placeholder="all, or 4-35", label="residues")
    return chain, residues, source, whole


@app.cell(hide_code=True)
def _(chain, residues, source, whole):
    def numbers(texts):
        return np.array([int("".join(c for c in text if c in "-0123456789") or 0) for text in texts])

    def part(structure, chosen_chain, span):
        keep = np.ones(structure.n_atoms, dtype=bool)
        if chosen_chain != "all":
            keep &= structure.atoms.chain == chosen_chain
        first, dash, last = span.strip().partition("-")
        if span.strip():
            if not (first.isdigit() and (last.isdigit() or not dash)):
                raise edm.EdmNoiseError(f"residues are {span!r}: give a number or two with a dash, as 4-35")
            number = numbers(structure.atoms.number)
            keep &= (number >= int(first)) & (number <= int(last or first))
        if not keep.any():
            raise edm.EdmNoiseError(f"{source} has no residues {span} in chain {chosen_chain}: choose others")
        if keep.all():
            return structure
        return edm.Structure.from_atoms(structure.coordinates[keep], structure.atoms.take(keep))

    refused = ""
    try:
        structure = part(whole, chain.value, residues.value)
    except edm.EdmNoiseError as error:
        refused = f"{error}."
    mo.stop(bool(refused), mo.vstack([mo.hstack([chain, residues], justify="start"), mo.callout(refused, kind="warn")]))

    atoms, groups, tops = structure.hierarchy.counts
    size = f"{tops} chain{'s' * (tops > 1)}, {groups:,} residues, {atoms:,} atoms"
    mo.hstack([chain, residues, mo.md(f"**{source}**: {size}")], justify="start", align="center")
    return (structure,)


@app.cell(hide_code=True)
def _():
    preset = mo.ui.dropdown(PRESETS, value="rebalanced", label="weights of")
    z = mo.ui.slider(-3, 3, 0.1, value=-1, label="z", show_value=True, full_width=True)
    coloured = mo.ui.dropdown(list(LEVELS), value="residue in chain", label="coloured by")
    return coloured, preset, z


@app.cell(hide_code=True)
def _(preset):
    named = edm.Weights.named(preset.value)
    share = {
        level: mo.ui.slider(0, 1, 0.01, value=round(getattr(named, level), 2), label=level, show_value=True)
        for level in ("chain", "residue", "atom")
    }
    by_chain, by_residue, by_atom = share.values()
    return by_atom, by_chain, by_residue, named


@app.cell(hide_code=True)
def _(by_atom, by_chain, by_residue, coloured, preset, z):
    mo.vstack(
        [
            mo.md("## The noise"),
            mo.hstack([preset, by_chain, by_residue, by_atom], justify="space-between", align="center", wrap=True),
            mo.hstack([z, coloured], widths=[3, 1], align="center"),
        ]
    )
    return


@app.cell(hide_code=True)
def _(by_atom, by_chain, by_residue, named, z):
    shares = {"chain": by_chain.value, "residue": by_residue.value, "atom": by_atom.value}
    no_noise = "" if any(shares.values()) else "All weights are 0: move one of them."
    mo.stop(bool(no_noise), mo.callout(no_noise, kind="warn"))
    # The sliders have two digits, a preset has all of its own.
    as_named = all(value == round(getattr(named, level), 2) for level, value in shares.items())
    weights = named if as_named else edm.Weights.of(**shares)
    sigma = SIGMAS.sigma(z.value)
    return sigma, weights


@app.cell(hide_code=True)
def _(coloured, sigma, structure, view, weights):
    noise = edm.MultiscaleNoise(structure.hierarchy, weights)
    frames = noise.frames(sigma=sigma, frames=10, seed=0, mean=structure.coordinates)
    moved = edm.measure_displacement(structure, frames)
    measure = next(m for m in moved.by_frame if (m.level, m.relative_to is not None) == LEVELS[coloured.value])
    values = np.sqrt(moved.by_group[measure])[structure.hierarchy.ancestors(0, measure.level)]
    if view is not None:
        view.shake(frames, values, f"{coloured.value}, RMS over 10 frames")
    expected = edm.NoiseStatistics(structure.hierarchy, weights).displacement(measure.level, measure.relative_to)
    mo.md(
        f"σ = **{sigma:.3f} Å**, weights **{weights.label}**, ten frames. {coloured.value.capitalize()}: "
        f"**{moved.rms(measure):.3f} Å** measured, **{expected.rms(sigma):.3f} Å** expected"
    )
    return frames, moved, values


@app.cell(hide_code=True)
def _(structure):
    view, no_view = None, ""
    try:
        view = edm.MoleculeView(structure)
    except edm.EdmNoiseError as error:
        no_view = f"{error}. The tables go on without it."
    mo.callout(no_view, kind="warn") if view is None else view.widget
    return (view,)


@app.cell(hide_code=True)
def _(moved, sigma, structure, weights):
    mo.vstack(
        [
            mo.md("## What these weights do at each level"),
            shown(edm.level_table(structure, moved, edm.AppliedNoise(sigma, weights))),
            mo.md(
                "The squares of **chain**, **residue in chain** and **atom in residue** add up to the whole: *share* "
                "says how much of the noise each has. For a single chain its own share is no noise to a model "
                "that does not mind where the structure lies."
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    draws = mo.ui.slider(steps=[1, 5, 20, 100], value=20, label="draws in each row", show_value=True)
    fresh = mo.ui.switch(value=True, label="fresh draws in each row (the study scaled one)")
    return draws, fresh


@app.cell(hide_code=True)
def _(draws, fresh, structure):
    def over_z(chosen):
        return edm.z_table(structure, chosen, LADDER, SIGMAS, draws=draws.value, fresh=fresh.value)

    study_table = over_z([edm.Weights.named(name) for name in COMPARED])
    if SCRIPT:
        print(study_table)
    mo.vstack(
        [
            mo.md("## The study's table"),
            mo.hstack([draws, fresh], justify="start", gap=2),
            shown(study_table),
            mo.md(
                "*ratio spread* is the standard deviation of residue / atom from draw to draw: a ratio that is the "
                "same in all rows comes from one draw that was scaled."
            ),
        ]
    )
    return over_z, study_table


@app.cell(hide_code=True)
def _(over_z, weights):
    mo.vstack([mo.md("### The same for your weights"), shown(over_z([weights]))])
    return


@app.cell(hide_code=True)
def _(structure):
    def drawn_triangle():
        """The picture once; a mark on it costs nothing while the sliders move."""
        inside = edm.WeightMeasure("displacement", "residue", SIGMAS, math.nan)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "triangle.png")
            places = edm.triangle_figure(edm.weight_map(structure, inside), path)
            return base64.b64encode(path.read_bytes()).decode(), places

    triangle, corners = drawn_triangle()
    return corners, triangle


@app.cell(hide_code=True)
def _(corners, triangle, weights):
    right, up = 100 * (np.array(weights.by_level) @ corners)
    ring = "width: 17px; height: 17px; border: 3px solid black; outline: 2px solid white; border-radius: 50%"
    mark = f"position: absolute; left: {right:.2f}%; bottom: {up:.2f}%; transform: translate(-50%, 50%)"
    alt = "A triangle of weights, coloured by how far residues move in their chain; a ring marks yours."
    mo.vstack(
        [
            mo.md("""
    ## All weights at once

    Each point of the triangle is one way to share the noise out, its corners all for the chain, the residue or the
    atom. Colour: how far residues move *against each other*, in units of σ. The ring: your weights.
    """),
            mo.Html(
                f'<div style="position: relative; width: 560px; max-width: 100%"><img alt="{alt}" '
                f'src="data:image/png;base64,{triangle}" style="width: 100%"><span style="{mark}; {ring}"></span></div>'
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def _(structure, weights):
    side_by_side = {w.label: w for w in (weights, *map(edm.Weights.named, COMPARED))}
    mo.vstack(
        [
            mo.md("## Where each level is scrambled"),
            shown(edm.scramble_table(structure, list(side_by_side.values()), [SIGMAS])),
            mo.md(
                "*beyond*: in how many training steps a level moves further than its reference length: 1.4 Å of a "
                "bond, 3.8 Å between neighbouring residues, the spacing of the chains."
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def _(study_table):
    def compared():
        figure, panes = axes_of("measured (dots), expected (lines), in units of σ", 3)
        rows = study_table.rows()
        columns = (
            ("residue / atom", "ratio expected", "residue / atom", False),
            ("residue in chain", "in chain expected", "residue in chain / σ", True),
            ("atom in residue", "in residue expected", "atom in residue / σ", True),
        )
        for pane, (found, form, label, scaled) in zip(panes, columns, strict=True):
            for name, colour in COMPARED.items():
                own = [row for row in rows if row["noise"] == name]
                unit = np.array([row["sigma"] if scaled else 1.0 for row in own])
                pane.plot(LADDER, [row[found] for row in own] / unit, "o", color=colour, ms=5)
                pane.plot(LADDER, [row[form] for row in own] / unit, color=colour, lw=1.2, label=name)
            pane.set(xlabel="z", ylabel=label, ylim=(0, 1.05))
        panes[0].legend(fontsize=8, frameon=False, loc="lower right")
        return picture(figure)

    mo.vstack(
        [
            mo.md("""
    ## Four questions of the study

    ### 1. Do residues move with their atoms? flat, current, rebalanced

    The study judged weights by *residue / atom*. That ratio depends on the atom's weight alone. The two parts beside it
    tell more: *current* (8.2 1.6 1.3) has a high ratio and hardly moves residues against each other; *rebalanced*
    (1 4 4) does.
    """),
            compared(),
        ]
    )
    return


@app.cell(hide_code=True)
def _(structure):
    def designed():
        made = edm.design(structure.hierarchy, residue=3.8, atom=1.4)
        figure, (pane,) = axes_of(f"displacement in space at σ = {made.sigma:.2f} Å", height=3.4)
        chosen = {name: edm.Weights.named(name) for name in PRESETS} | {"designed": made.weights}
        places = np.arange(len(chosen))
        for offset, (level, top, colour) in enumerate([(1, 2, "#d2694c"), (0, 1, "#4f9d69")]):
            parts = [edm.NoiseStatistics(structure.hierarchy, w).displacement(level, top) for w in chosen.values()]
            lengths = [math.sqrt(3) * part.rms(made.sigma) for part in parts]
            label = list(LEVELS)[level]
            pane.barh(places + 0.38 * offset, lengths, 0.36, color=colour, label=label)
            pane.axvline((1.4, 3.8)[level], color=colour, ls=":", lw=1.2)
        pane.set_yticks(places + 0.19, list(chosen))
        pane.invert_yaxis()
        pane.set(xlabel="Å (dotted: 1.4 and 3.8)")
        figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=2)
        told = f"Weights **{made.weights.text('.3g')}** (chain residue atom) at σ = **{made.sigma:.3f} Å** do it."
        return mo.vstack([mo.md(told), picture(figure)])

    try:
        design_told = designed()
    except edm.EdmNoiseError as error:
        design_told = mo.callout(f"{error}.", kind="warn")
    mo.vstack(
        [
            mo.md("""
    ### 2. Which weights make residues rearrange?

    Instead of trying weights, ask for lengths: residues shall move by 3.8 Å against each other, the distance of
    neighbours, atoms by 1.4 Å in their residue, a bond. The study's candidates 3 8 1 and 2 6 2 are *residue-heavy* and
    *balanced-residue*.
    """),
            design_told,
        ]
    )
    return


@app.cell(hide_code=True)
def _(sigma, structure, weights):
    levels_of_sigma = sorted({0.25, 1.0, 4.0, 16.0, 64.0, round(sigma, 4)})
    preconditioner = edm.Preconditioner(structure.hierarchy, weights, edm.measured_scales(structure))
    mo.vstack(
        [
            mo.md("""
    ### 3. Should preconditioning use each level's own σ?

    The coefficients of EDM for each part of this structure under your weights, and what each rule costs beside the
    exact filter, *without* a network:
    """),
            shown(edm.precondition_table(preconditioner, levels_of_sigma)),
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    def trained():
        """What networks made of it: rows of the file that `python -m benchmarks.preconditioning` writes."""
        path = Path(__file__).parent.parent / "docs" / "data" / "preconditioning.csv"
        if not path.is_file():
            return None
        with path.open(encoding="utf-8", newline="") as file:
            return [row for row in csv.DictReader(file) if row["rule"] != "exact"]

    def spread(rows, noise, rule, column):
        found = [float(row[column]) for row in rows if (row["noise"], row["rule"]) == (noise, rule)]
        return np.mean(found), np.std(found, ddof=1)

    def errors(rows):
        figure, panes = axes_of("error of trained networks over the least possible (three seeds)", 2)
        sigmas = [0.25, 1, 4, 16, 64]
        for pane, part_name in zip(panes, ("atom in residue", "residue in chain"), strict=True):
            for noise, colour in (("flat", "#4f9d69"), ("rebalanced", "#d2694c")):
                for rule, dash in (("global", "--"), ("finite", "-")):
                    mean, sd = zip(*(spread(rows, noise, rule, f"{part_name} {s:g}") for s in sigmas), strict=True)
                    pane.errorbar(sigmas, mean, sd, color=colour, ls=dash, lw=1.3, capsize=2, label=f"{noise}, {rule}")
            pane.set(xscale="log", xlabel="σ (Å)", ylabel=f"{part_name}: error / least")
        panes[1].legend(fontsize=8, frameon=False)
        return picture(figure)

    def steered(rows):
        figure, (pane,) = axes_of("RMSD of samples to the nearest state (three seeds)", height=3)
        kinds = [(noise, rule) for noise in ("flat", "rebalanced") for rule in ("global", "finite")]
        for offset, (key, label, colour) in enumerate(
            [("rmsd 0 0", "atoms alone", "#9a9aa5"), ("rmsd 1 1", "steered by residues and chains", "#3f51b5")]
        ):
            mean, sd = zip(*(spread(rows, *kind, key) for kind in kinds), strict=True)
            pane.bar(np.arange(4) + 0.38 * offset, mean, 0.36, yerr=sd, color=colour, label=label, capsize=2)
        pane.set_xticks(np.arange(4) + 0.19, ["\n".join(kind) for kind in kinds], fontsize=8)
        pane.set(ylabel="RMSD (Å)", ylim=(0, 0.85))
        pane.legend(fontsize=8, frameon=False, loc="upper left")
        return picture(figure)

    measured_rows = trained()
    no_rows = mo.md("docs/data/preconditioning.csv is not beside this notebook: what was trained is not shown.")
    mo.vstack(
        [
            mo.md("""
    *With* a network (30 residues of 1TII in two states, trained under both rules: *global*, one σ for all, and
    *finite*, each part's own), errors move from atoms at high σ to residues at low and medium σ more than they fall:
    """),
            errors(measured_rows) if measured_rows else no_rows,
            mo.md("""
    ### 4. Should the network's residues and chains steer the step?

    On the same networks it changes next to nothing: a network that is good needs no steering.
    """),
            steered(measured_rows) if measured_rows else no_rows,
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## Send it to PyMOL

    The frames as they shake above, and a script that shows them with the same colours in any PyMOL: `pymol noised.pml`.
    """)
    return


@app.cell(hide_code=True)
def _(coloured, frames, sigma, source, structure, values, weights):
    def pymol_files():
        """The PDB file (the reference, then the frames, values as B factors) and the lines that show it."""
        told = replace(structure, atoms=replace(structure.atoms, b_factor=values.astype(np.float64)))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "noised.pdb")
            edm.write_frames(path, told, [structure.coordinates, *frames])
            pdb = path.read_bytes()
        dusk = "0x4052b5 0x7d69c7 0xcc6ba3 0xf28c69 0xfad466"
        low, high = values.min(), values.max()
        name = source.replace(";", ",")  # PyMOL ends a command there, a comment too
        script = [
            f"# {name}, sigma {sigma:.4g} A, weights {weights.label}, B factors: {coloured.value}, A",
            "load noised.pdb, noised, multiplex=0",
            "as sticks, noised",
            f"spectrum b, {dusk}, noised, minimum={low:.4g}, maximum={max(high, low + 1e-3):.4g}",
            "orient noised",
            f"mset 2 -{len(frames) + 1}",
            "mplay",
            "# with edmnoise's plugin, noise like this of what is loaded is one line:",
            f"# edm_noise noised, sigma={sigma:.6g}, weights={weights.text('.6g')}, frames={len(frames)}, play=1",
        ]
        return pdb, "\n".join(script) + "\n"

    try:
        pymol_pdb, pymol_script = pymol_files()
        pymol_trouble = ""
    except edm.EdmNoiseError as error:
        pymol_pdb, pymol_script, pymol_trouble = b"", "", f"{error}."
    write = mo.ui.run_button(label="Write noised.pdb and noised.pml into this folder", disabled=bool(pymol_trouble))
    mo.callout(pymol_trouble, kind="warn") if pymol_trouble else mo.vstack(
        [
            mo.hstack(
                [
                    write,
                    mo.download(pymol_pdb, "noised.pdb", label="noised.pdb"),
                    mo.download(pymol_script.encode(), "noised.pml", label="noised.pml"),
                ],
                justify="start",
            ),
            mo.md(f"```\n{pymol_script}```"),
        ]
    )
    return pymol_pdb, pymol_script, write


@app.cell(hide_code=True)
def _(pymol_pdb, pymol_script, write):
    def write_files():
        try:
            Path("noised.pdb").write_bytes(pymol_pdb)
            Path("noised.pml").write_text(pymol_script, encoding="utf-8")
        except OSError as error:
            return mo.callout(f"nothing was written: {error}.", kind="warn")
        return mo.md(f"Written: `{Path('noised.pml').resolve()}` and `noised.pdb` beside it.")

    write_files() if write.value else None
    return


if __name__ == "__main__":
    app.run()
