"""The plays: all there, fairly split, windows that say what comes next, and lines from counting."""

import numpy as np
import pytest

from course_lib.problems import shakespeare
from course_lib.problems.shakespeare import batches, bigram_entropy, characters, conditional_entropy, split, text
from course_lib.problems.shakespeare import trigram_entropy as trigram


def test_twelve_plays_are_there_from_the_first_to_the_last_word():
    assert len(text()) == 1_658_171
    assert text().count("by William Shakespeare\n") == 12
    assert text().startswith("ALL'S WELL THAT ENDS WELL\n")
    assert text().endswith("And more such days as these to us befall!\n\n[Exeunt.]")


@pytest.mark.parametrize("word", ["gutenberg", "etext", "copyright"])
def test_no_notice_of_a_publisher_is_among_the_plays(word):
    assert word not in text().lower().replace("pretext", "")


def test_characters_spell_the_text():
    ids, alphabet = characters()
    assert (ids.dtype, len(alphabet)) == (np.dtype(np.uint8), 77)
    assert list(alphabet) == sorted(set(text()))
    assert "".join(alphabet[i] for i in ids[-5000:]) == text()[-5000:]


def test_what_is_kept_for_the_next_caller_cannot_be_overwritten():
    with pytest.raises(ValueError, match="read-only"):
        characters()[0][0] = 1


def test_every_twentieth_block_is_held_out_and_nothing_is_lost():
    ids = np.arange(101_234)
    train, held_out = split(ids)
    assert np.array_equal(np.sort(np.concatenate([train, held_out])), ids)
    assert np.array_equal(held_out, [*range(38_000, 40_000), *range(78_000, 80_000)])


def test_the_split_leaves_both_parts_alike():
    train, held_out = split(characters()[0])
    shares = [np.bincount(part, minlength=77) / len(part) for part in (train, held_out)]
    np.testing.assert_allclose(*shares, atol=0.005)
    assert 0.045 < len(held_out) / len(train) < 0.055


def test_a_window_holds_neighbours_and_its_target_is_one_further():
    ids = np.arange(1000) % 77
    (index,) = batches(len(ids), 5, 8, steps=1)
    assert index.shape == (5, 8)
    assert np.array_equal(np.diff(index), np.ones((5, 7)))
    assert np.array_equal(ids[1:][index], (ids[:-1][index] + 1) % 77)


def test_windows_reach_both_ends_of_the_text_and_not_beyond():
    starts = np.concatenate([index[:, 0] for index in batches(12, 50, 8, steps=20)])
    assert set(starts) == {0, 1, 2, 3}  # the last window is 3 to 10, and its last target is 11


def test_the_seed_decides_the_windows():
    runs = [np.stack(list(batches(1000, 4, 8, steps=3, seed=seed))) for seed in (0, 0, 1)]
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


@pytest.mark.parametrize(("size", "length", "says"), [(0, 8, "batch_size is 0; "), (4, 12, "length is 12; .* 1 to 11")])
def test_a_batch_that_does_not_fit_is_refused(size, length, says):
    with pytest.raises(ValueError, match=says):
        next(batches(12, size, length, steps=1))


def test_the_lines_from_counting():
    assert bigram_entropy() == pytest.approx(2.4899, abs=1e-4)
    assert trigram() == pytest.approx(1.9482, abs=1e-4)


def test_entropies_of_texts_that_can_be_counted_by_hand():
    alternating, fair = np.tile([0, 1], 500), np.tile([0, 0, 1, 1], 500)
    assert bigram_entropy(alternating) == pytest.approx(0)
    assert bigram_entropy(fair) == pytest.approx(np.log(2), abs=1e-3)  # after 0 comes 0 as often as 1
    assert trigram(fair) == pytest.approx(0)


def test_an_entropy_is_no_larger_than_the_logarithm_of_the_choices():
    assert conditional_entropy(np.full((3, 7), 2)) == pytest.approx(np.log(7))
    assert conditional_entropy(np.array([[4, 0], [1, 3]])) == pytest.approx(-(np.log(1 / 4) + 3 * np.log(3 / 4)) / 8)


def test_the_origin_is_told_beside_the_data():
    folder = shakespeare.files("course_lib.problems") / "data"
    origin = (folder / "ORIGIN.md").read_text(encoding="utf-8")
    data = {path.name for path in folder.iterdir()} - {"ORIGIN.md"}
    assert data == {"plays.txt.bz2", "bigrams.npz"}
    assert all(f"`{name}`" in origin for name in data)
    assert "public domain" in origin
