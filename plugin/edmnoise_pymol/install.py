"""Add or remove the line of ~/.pymolrc.py that starts edmnoise in a PyMOL that cannot find it by itself.

A wheel that is installed beside PyMOL needs no such line in PyMOL's window; an editable install and a PyMOL
elsewhere on the system do, and so does every `pymol -c`, which loads no plugins.
"""

import argparse
import importlib.util
import os
import shutil
import sys
import tempfile
from pathlib import Path

# Every PyMOL of the account reads the file, with edmnoise or without: only looking for it keeps the others quiet.
LINE = (
    b'import importlib.util; importlib.util.find_spec("edmnoise_pymol")'
    b' and __import__("edmnoise_pymol").start_gui()  # edmnoise'
)


def startup_file() -> Path:
    """The Python file that PyMOL runs at start, existing or not.

    PyMOL takes the first of these that matches anything, and ignores the others: a new ~/.pymolrc.py
    would switch off a ~/pymolrc or the files in ~/.config/pymol.
    """
    home = Path(os.environ.get("HOME") or Path.home())
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "pymol"
    for folder in (home, config):
        for name in (".pymolrc", "pymolrc"):
            if any(folder.glob(name + "*")):
                return folder / (name + ".py")
    return home / ".pymolrc.py"


def is_ours(line: bytes) -> bool:
    return line.startswith(b"import") and b"edmnoise_pymol" in line and line.rstrip().endswith(b"# edmnoise")


def with_line(text: bytes) -> bytes:
    """The file with our line as its last one: should it fail, the rest has been run."""
    if any(is_ours(line) for line in text.splitlines()):
        return text
    end = b"\r\n" if b"\r\n" in text else b"\n"
    # A last line without an end gets one, and ours has none: so removing ours restores the file exactly.
    return text + LINE + end if not text or text.endswith((b"\n", b"\r")) else text + end + LINE


def without_line(text: bytes) -> bytes:
    lines = text.splitlines(keepends=True)
    if lines and lines[-1] == LINE:
        lines[-2:-1] = [line.rstrip(b"\r\n") for line in lines[-2:-1]]
    return b"".join(line for line in lines if not is_ours(line))


def replace(path: Path, text: bytes) -> None:
    """Write the file in one step: whoever reads it meanwhile finds the old one or the new one, whole."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name + ".")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text)
        if path.exists():
            shutil.copymode(path, temporary)
        else:
            Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def install() -> str:
    path = startup_file()
    target = path.resolve()  # of a link, the file that it points to
    text = target.read_bytes() if target.exists() else b""
    if with_line(text) == text:
        return f"{path} starts edmnoise already."
    replace(target, with_line(text))
    return f"Added to {path}: {LINE.decode()}"


def uninstall() -> str:
    path = startup_file()
    target = path.resolve()
    text = target.read_bytes() if target.exists() else b""
    if without_line(text) == text:
        return f"{path} does not start edmnoise: nothing to remove."
    if without_line(text) or path.is_symlink():
        replace(target, without_line(text))
    else:
        target.unlink()  # even an empty ~/.pymolrc.py would keep PyMOL from looking elsewhere
    return f"Removed from {path}: {LINE.decode()}"


def status() -> str:
    path = startup_file()
    line = path.exists() and any(is_ours(line) for line in path.read_bytes().splitlines())
    pymol = importlib.util.find_spec("pmg_tk")
    folders = pymol.submodule_search_locations or [] if pymol else []
    menu = any(Path(folder, "startup", "edmnoise_gui.py").exists() for folder in folders)
    return (
        f"{path} {'starts' if line else 'does not start'} edmnoise; "
        f"the PyMOL of {sys.executable} {'finds' if menu else 'does not find'} the plugin by itself."
    )


ACTIONS = {"install": install, "uninstall": uninstall, "status": status}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m edmnoise_pymol", description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=ACTIONS, help="add the line, remove it, or tell what there is")
    try:
        print(ACTIONS[parser.parse_args().action]())
    except OSError as error:
        sys.exit(f"edmnoise: {error.strerror}: {error.filename}")
