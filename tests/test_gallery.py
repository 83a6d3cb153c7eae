"""The pictures in images/ are the ones that the library draws."""

import numpy as np
import pytest
from PIL import Image, ImageSequence

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


def frames(path):
    """A picture in shades of grey, shape (frames, height, width); an animation has many frames."""
    with Image.open(path) as image:
        return np.stack([np.asarray(frame.convert("L"), float) for frame in ImageSequence.Iterator(image)])


@pytest.mark.parametrize("name", gallery.PICTURES)
def test_a_stored_picture_is_what_the_library_draws_today(name, drawn):
    stored, now = frames(ROOT / "images" / name), frames(drawn / name)
    assert stored.shape == now.shape
    assert np.mean(np.abs(stored - now) > 40) < 0.01  # letters may differ by a pixel between font versions


def test_no_picture_is_larger_than_a_megabyte():
    assert all(path.stat().st_size <= 1_000_000 for path in (ROOT / "images").iterdir())


def test_the_animation_moves():
    race = frames(ROOT / "images/race.webp")
    assert len(race) > 40
    assert np.mean(np.abs(race[0] - race[-1]) > 40) > 0.02
