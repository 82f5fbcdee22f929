"""Build the zip that PyMOL's Plugin Manager installs: exactly one package, with the others in it.

The Plugin Manager refuses a zip with several packages, and imports what it installs as pmg_tk.startup.<name>.
So the one package is the small startup file, and edmnoise and edmnoise_pymol lie in a folder beside it,
which that file puts on sys.path: every module has one name.
"""

import re
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = Path("edmnoise_gui")
BUNDLED = PACKAGE / "edmnoise_bundled"


def contents() -> dict[Path, Path]:
    """Where each file goes in the zip, and where it is here."""
    files = {
        PACKAGE / "__init__.py": ROOT / "plugin/startup/edmnoise_gui.py",
        PACKAGE / "LICENSE": ROOT / "LICENSE",
    }
    for parent, package in ((ROOT, "edmnoise"), (ROOT / "plugin", "edmnoise_pymol")):
        for file in sorted((parent / package).rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                files[BUNDLED / file.relative_to(parent)] = file
    for file in sorted((ROOT / "icons").glob("*.svg")):
        files[BUNDLED / "edmnoise_pymol" / "icons" / file.name] = file
    return files


def build(folder: Path) -> Path:
    found = re.search(r'^__version__ = "(.+)"', (ROOT / "edmnoise/__init__.py").read_text(), re.MULTILINE)
    assert found, "edmnoise/__init__.py states no version"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"edmnoise-plugin-{found[1]}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in contents().items():
            # Without the files' dates and owners: the same sources make the same zip.
            archive.writestr(zipfile.ZipInfo(name.as_posix()), file.read_bytes(), zipfile.ZIP_DEFLATED)
    return path


if __name__ == "__main__":
    print(build(Path(sys.argv[1])))
