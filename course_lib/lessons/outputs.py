"""Make stored outputs fit to publish: small, the same on every machine, and with nothing of the author's."""

import re
import sys
from base64 import b64decode, b64encode
from io import BytesIO
from pathlib import Path

import nbformat
from PIL import Image

from course_lib.lessons.error import LessonError, cell_error, first_line

LARGEST = 300_000  # bytes of a notebook
WIDEST = 900  # pixels of a picture
COLOURS = (256, 96, 40)  # tried in turn, until the notebook is small enough
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
CHECKED = re.compile(r"^\s*#\s*NBVAL_CHECK_OUTPUT\s*$", re.MULTILINE)

_ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]{6,}|\b0x7f[0-9a-fA-F]{8,}")


def tidy(notebook, root, name):
    """Clean and shrink all outputs in place.

    Raises LessonError for one that must not be published: a warning, an address, a path of this machine.
    """
    cells = [(number, cell) for number, cell in enumerate(notebook.cells, 1) if cell.cell_type == "code"]
    for number, cell in cells:
        cell.outputs = [output for output in cell.outputs if _keep(output)]
        for output in cell.outputs:
            _check_output(output, root, number, cell, name)
        if CHECKED.search(cell.source) and not any(map(_is_text, cell.outputs)):
            raise cell_error(name, number, cell, "is marked NBVAL_CHECK_OUTPUT, but has no text output to compare")
    _shrink_pictures(notebook, cells, name)


def to_ipynb(notebook):
    """The notebook as the text of an .ipynb file."""
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def _keep(output):
    """A widget cannot live without its kernel; the picture that it carries beside can."""
    if "data" not in output:
        return True
    output.data.pop(WIDGET_VIEW, None)
    return bool(output.data)


def _is_text(output):
    return output.output_type == "stream" or "text/plain" in output.get("data", {})


def _check_output(output, root, number, cell, name):
    if output.get("name") == "stderr":
        raise cell_error(name, number, cell, f"prints on stderr: {output.text.strip().splitlines()[0]}")
    text = "\n".join(_texts(output))
    if found := _ADDRESS.search(text):
        raise cell_error(name, number, cell, f"shows the address of an object, {found[0]}")
    if found := next((place for place in _private_places(root) if place in text), None):
        raise cell_error(name, number, cell, f"shows a path of this machine, {found}")


def _texts(output):
    data = {mime: value for mime, value in output.get("data", {}).items() if mime.startswith(("text/", "image/svg"))}
    return [output.get("text", ""), *map(str, data.values())]


def _private_places(root):
    places = {str(Path.home()), Path.home().as_posix(), str(root), sys.prefix, "site-packages", "ipykernel_"}
    return sorted(place for place in places if len(place) > 1)


def _shrink_pictures(notebook, cells, name):
    pictures = [output.data for _, cell in cells for output in cell.outputs if "image/png" in output.get("data", {})]
    originals = [data["image/png"] for data in pictures]
    for colours in COLOURS:
        for data, original in zip(pictures, originals, strict=True):
            data["image/png"] = shrink(original, colours)
        if len(to_ipynb(notebook).encode()) <= LARGEST:
            return
    raise LessonError(f"{name}: executed it has over {LARGEST // 1000} kB; the largest outputs: {_largest(cells)}.")


def _largest(cells):
    sizes = sorted(((len(str(cell.outputs)), number, cell) for number, cell in cells), key=lambda row: -row[0])
    return ", ".join(f"cell {number} (`{first_line(cell)}`) {size // 1000} kB" for size, number, cell in sizes[:3])


def shrink(png, colours):
    """A base64 PNG with a palette of `colours` and at most WIDEST pixels wide; as it was if that is smaller."""
    image = Image.open(BytesIO(b64decode(png))).convert("RGBA")
    image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    fits = image.width <= WIDEST
    if not fits:
        image = image.resize((WIDEST, round(image.height * WIDEST / image.width)), Image.Resampling.LANCZOS)
    buffer = BytesIO()
    image.quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    small = b64encode(buffer.getvalue()).decode()
    return png if fits and len(png) <= len(small) else small
