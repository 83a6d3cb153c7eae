"""The pictures in images/ are the ones that the library draws."""

import numpy as np
import pytest
from PIL import Image

from course_lib import gallery, noisy_quadratic
from course_lib.cli import ROOT


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    import matplotlib

    matplotlib.use("agg")
    folder = tmp_path_factory.mktemp("images")
    gallery.write(folder)
    return folder


def test_every_picture_has_its_function_and_every_function_its_picture():
    assert sorted(path.name for path in (ROOT / "images").iterdir()) == sorted(
        [*gallery.PICTURES, *noisy_quadratic.FIGURES]
    )


@pytest.mark.parametrize("name", gallery.PICTURES)
def test_a_stored_picture_is_what_the_library_draws_today(name, drawn):
    stored, now = (np.asarray(Image.open(folder / name).convert("L"), float) for folder in (ROOT / "images", drawn))
    assert stored.shape == now.shape
    assert np.mean(np.abs(stored - now) > 40) < 0.01  # letters may differ by a pixel between font versions
