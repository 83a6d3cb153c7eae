"""The table of claims: what lies outside its tolerance stops the lesson."""

import pytest

from course_lib.experiments import claims


@pytest.mark.parametrize(
    ("claim", "inside", "outside"),
    [
        (claims.about("x", 2.0, 0.5, "a paper"), (1.5, 2.5), (1.4, 2.6, float("nan"))),
        (claims.below("x", 0.02, "a paper"), (-1.0, 0.02), (0.021, float("nan"))),
        (claims.above("x", 0.4, "a paper"), (0.4, 9.0), (0.39, float("nan"))),
    ],
)
def test_a_figure_is_printed_inside_the_bound_and_refused_outside(claim, inside, outside, monkeypatch, capsys):
    monkeypatch.setitem(claims.CLAIMS, "ours", claim)
    for value in inside:
        claims.check("ours", value)
    assert capsys.readouterr().out.count(claim.bound) == len(inside)
    for value in outside:
        with pytest.raises(AssertionError, match="claimed"):
            claims.check("ours", value)


def test_an_unknown_claim_is_answered_with_the_known_ones():
    with pytest.raises(KeyError, match="kappa slope"):
        claims.check("kapa", 1.0)
