"""Steps to a target: checkpoints, brute force, what is out of reach, and what is refused."""

import tracemalloc

import numpy as np
import pytest

from course_lib.nqm import expected_loss, harmonic, precondition, spectrum, steps_to_target


def numbers(found):
    return {name: getattr(found, name) for name in ("momentum", "decay") if getattr(found, name)}


def loss_of(problem, found, method, batch_size, steps=None):
    steps = found.steps if steps is None else steps
    return expected_loss(problem, steps, method=method, lr=found.lr, batch_size=batch_size, **numbers(found))


CHECKPOINTS = [  # dimension, target, batch size: sgd, heavy ball at 0.9, heavy ball, EMA, H^1/2 sgd, H^1/2 heavy ball
    (1000, 0.1, 16, (1658, 1536, 1472, 505, 500, 457)),
    (1000, 0.1, 256, (355, 98, 97, 288, 34, 29)),
    (10**4, 0.01, 16, (378_197, 376_527, 322_409, 54_330, 86_993, 71_525)),
]
KINDS = (
    ("sgd", 0, {}),
    ("heavy_ball", 0, {"momentum": 0.9}),
    ("heavy_ball", 0, {}),
    ("ema", 0, {}),
    ("sgd", 0.5, {}),
    ("heavy_ball", 0.5, {}),
)


@pytest.mark.parametrize(("dimension", "target", "batch_size", "steps"), CHECKPOINTS)
def test_checkpoints(dimension, target, batch_size, steps):
    for (method, power, given), want in zip(KINDS, steps, strict=True):
        problem = precondition(harmonic(dimension), power)
        found = steps_to_target(problem, target, method=method, batch_size=batch_size, **given)
        assert found.steps == want
        loss = loss_of(problem, found, method, batch_size)
        assert loss <= target
        assert loss == pytest.approx(found.loss, rel=1e-7)


@pytest.mark.parametrize("method", ["sgd", "heavy_ball", "nesterov", "ema"])
@pytest.mark.parametrize(("batch_size", "target"), [(4, 0.4), (32, 0.2), (10**5, 0.05)])
def test_no_point_of_a_brute_force_grid_is_faster(method, batch_size, target):
    problem = harmonic(30)
    found = steps_to_target(problem, target, method=method, batch_size=batch_size)
    assert loss_of(problem, found, method, batch_size) <= target  # so it is not below the true optimum
    assert found.steps <= brute_force(problem, target, method, batch_size, most=2 * found.steps)


def brute_force(problem, target, method, batch_size, most):
    """The first step at which any of some thousand pairs is at the target, by the covariance's recurrence."""
    seconds = np.array([0.0]) if method == "sgd" else 1 - np.geomspace(2e-3, 1, 40)
    lrs = np.geomspace(1e-4, 3.99, 150)
    lr, second = (v.ravel()[:, None] for v in np.meshgrid(lrs, seconds, indexing="ij"))
    x = lr * problem.h
    a, b = {
        "sgd": (1 - x, 0 * x),
        "heavy_ball": (1 + second - x, second + 0 * x),
        "nesterov": ((1 + second) * (1 - x), second * (1 - x)),
        "ema": (1 - x + second, second * (1 - x)),
    }[method]
    noise = (lr * (1 - second) if method == "ema" else lr) ** 2 * problem.c / batch_size
    yy, yb, bb = np.ones_like(x), np.ones_like(x), np.ones_like(x)
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(1, most + 1):
            yy, yb, bb = a * a * yy - 2 * a * b * yb + b * b * bb + noise, a * yy - b * yb, yy
            if np.nanmin(yy @ problem.h / 2) <= target:
                return t
    return most + 1


def test_the_certificate_agrees_and_looks_further():
    problem = harmonic(10**4)
    for method, batch_size in (("sgd", 16), ("ema", 16), ("heavy_ball", 2**19)):
        quick = steps_to_target(problem, 0.01, method=method, batch_size=batch_size)
        sure = steps_to_target(problem, 0.01, method=method, batch_size=batch_size, certify=True)
        assert sure.steps == quick.steps
        assert "10000 of 10000 coordinates" in sure.certified
        assert loss_of(problem, sure, method, batch_size) <= 0.01
        if method in ("sgd", "ema"):
            assert loss_of(problem, sure, method, batch_size, sure.steps - 1) > 0.01


def test_a_certificate_finds_what_a_search_missed():
    from course_lib.nqm.certificate import certify_least
    from course_lib.nqm.landscape import Landscape

    problem = harmonic(100)
    land = Landscape(problem, "sgd", 8.0, 0.3, None, 1.0)
    right = steps_to_target(problem, 0.3, batch_size=8)
    for missed in (3, 300):
        steps, theta, _ = certify_least(problem, land, right.steps + missed, land.point(0.2, 1.0))
        assert steps == right.steps
    steps, _, _ = certify_least(problem, land, right.steps - 2, theta)
    assert steps == right.steps


def test_more_momentum_helps_even_one_example_at_a_time_if_it_is_tuned():
    problem = harmonic(10**4)
    plain = steps_to_target(problem, 0.01).steps
    tuned = steps_to_target(problem, 0.01, method="heavy_ball")
    fixed = steps_to_target(problem, 0.01, method="heavy_ball", momentum=0.9).steps
    assert 0.85 < tuned.steps / plain < 0.87
    assert (1 - tuned.momentum) * tuned.steps == pytest.approx(9, abs=2)
    assert fixed / plain > 0.99


def test_a_fixed_preconditioner_gives_lr_proportional_to_the_batch_size():
    problem = precondition(harmonic(10**4), 0.5)
    lrs = [steps_to_target(problem, 0.01, batch_size=b).lr for b in (1, 16)]
    assert np.log(lrs[1] / lrs[0]) / np.log(16) == pytest.approx(1.0, abs=0.02)


def test_an_average_saves_steps_at_a_small_batch_and_none_at_a_large_one():
    problem = harmonic(10**4)
    ratio = [
        steps_to_target(problem, 0.01, batch_size=b).steps
        / steps_to_target(problem, 0.01, method="ema", batch_size=b).steps
        for b in (1, 2**19)
    ]
    assert ratio[0] == pytest.approx(6.9, abs=0.1)
    assert ratio[1] == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("method", ["sgd", "heavy_ball", "ema"])
def test_a_million_million_coordinates(method):
    problem = harmonic(10**12)
    found = steps_to_target(problem, 7.0, method=method, batch_size=64)
    assert 10**4 < found.steps < 10**6
    assert loss_of(problem, found, method, 64) <= 7.0
    assert steps_to_target(problem, 0.01, method=method, batch_size=2**19).steps > 10**9


def test_given_hyperparameters_are_kept_and_the_first_hit_is_found():
    problem = harmonic(100)
    found = steps_to_target(problem, 0.1, lr=0.1, batch_size=16)
    losses = expected_loss(problem, np.arange(found.steps + 1), lr=0.1, batch_size=16)
    assert (losses[:-1] > 0.1).all()
    assert losses[-1] <= 0.1


def test_a_first_hit_before_the_loss_rises_again_is_found():
    problem = spectrum([1.0], [1e-9])  # one oscillating coordinate: its loss touches zero again and again
    found = steps_to_target(problem, 1e-3, method="heavy_ball", lr=0.01, momentum=0.999)
    losses = expected_loss(problem, np.arange(200), method="heavy_ball", lr=0.01, momentum=0.999)
    assert found.steps == int(np.argmax(losses <= 1e-3))
    assert (losses[found.steps : found.steps + 20] > 1e-3).any()


def test_one_of_two_hyperparameters_can_be_given():
    problem = harmonic(100)
    best = steps_to_target(problem, 0.1, method="heavy_ball", batch_size=64)
    for given in ({"lr": 1.05 * best.lr}, {"momentum": best.momentum}):
        found = steps_to_target(problem, 0.1, method="heavy_ball", batch_size=64, **given)
        assert best.steps <= found.steps <= 1.1 * best.steps
        for name, value in given.items():
            assert getattr(found, name) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("problem", "fraction", "batch_size", "most"),
    [
        (harmonic(100), 0.5, 1024, 2),
        (spectrum([1.0], [0.0]), 0.1, 1, 1),  # one step of lr 1 leaves nothing
        (spectrum([1.0, 0.99], [1.0, 0.99]), 0.9, 1e4, 1),
    ],
)
@pytest.mark.parametrize("method", ["sgd", "heavy_ball", "nesterov", "ema"])
def test_a_target_that_one_or_two_steps_reach_is_in_reach(problem, fraction, batch_size, most, method):
    found = steps_to_target(problem, fraction * problem.initial_loss, method=method, batch_size=batch_size)
    assert found.steps <= most
    assert loss_of(problem, found, method, batch_size) <= fraction * problem.initial_loss


def test_one_coordinate_has_another_valley_and_the_lower_is_found():
    one = spectrum([1.0], [1.0])
    found = steps_to_target(one, 1e-5, method="heavy_ball", batch_size=10)
    assert found.steps <= 6821  # at lr=1.0985e-07, momentum=0.999707; the smooth valley's is 8527
    assert loss_of(one, found, "heavy_ball", 10) <= 1e-5


def test_few_steps_with_momentum_given_are_swept():
    problem = harmonic(3)
    target = 0.01 * problem.initial_loss
    found = steps_to_target(problem, target, method="heavy_ball", momentum=0.99, batch_size=1e6)
    assert found.steps <= 35
    assert loss_of(problem, found, "heavy_ball", 1e6) <= target


def test_an_average_beyond_half_the_edge_is_looked_at_at_even_and_odd_steps():
    one, given = spectrum([1.0], [1.0]), {"method": "ema", "lr": 1.995, "decay": 0.99, "batch_size": 100}
    target = 7.764135424760041e-05
    found = steps_to_target(one, target, **given)
    losses = expected_loss(one, np.arange(found.steps + 1), **given)
    assert (losses[:-1] > target).all()
    assert losses[-1] <= target


def test_a_first_hit_holds_no_more_than_some_megabytes():
    h = 1 / np.arange(1.0, 5001)
    tracemalloc.start()
    try:
        steps_to_target(spectrum(h, h), 2.0, lr=0.1, batch_size=2**12, method="heavy_ball", momentum=0.9)
        assert tracemalloc.get_traced_memory()[1] < 3e8
    finally:
        tracemalloc.stop()


def test_a_certified_answer_is_at_the_target_for_every_method():
    problem = harmonic(40)
    for method in ("heavy_ball", "nesterov", "ema"):
        sure = steps_to_target(problem, 0.2, method=method, batch_size=64, certify=True)
        assert "above it at" in sure.certified
        assert loss_of(problem, sure, method, 64) <= 0.2


def test_a_certificate_that_came_to_no_end_does_not_say_so(monkeypatch):
    from course_lib.nqm import certificate
    from course_lib.nqm.landscape import Landscape

    problem = harmonic(100)
    land = Landscape(problem, "sgd", 8.0, 0.3, None, 1.0)
    right = steps_to_target(problem, 0.3, batch_size=8)
    monkeypatch.setattr(certificate, "ROUNDS", 1)
    said = certificate.certify_least(problem, land, right.steps + 9, land.point(right.lr, 1.0))[2]
    assert said == "not certified: the search on 100 of 100 coordinates came to no end in 1 rounds"


def test_a_target_above_the_initial_loss_takes_no_step():
    assert steps_to_target(harmonic(10), 5.0).steps == 0


def test_momentum_zero_is_sgd():
    problem = harmonic(100)
    plain = steps_to_target(problem, 0.1, batch_size=16)
    assert steps_to_target(problem, 0.1, method="heavy_ball", momentum=0, batch_size=16).steps == plain.steps


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"lr": 1.0}, "settles at"),
        ({"lr": 2.5}, "diverges: the edge of stability is at lr=2"),
        ({"lr": 1.0, "method": "heavy_ball"}, "no choice of momentum"),
        ({"lr": 3.9, "method": "heavy_ball", "momentum": 0.9}, "diverges: the edge of stability is at lr=3.8"),
    ],
)
def test_out_of_reach_says_why(given, reason):
    found = steps_to_target(harmonic(100), 0.01, **given)
    assert found.steps is None
    assert reason in found.reason


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"target": 0}, "target is 0; allowed is a finite number > 0"),
        ({"target": np.nan}, "target is nan; allowed"),
        ({"batch_size": -1}, "batch_size is -1; allowed is a finite number > 0"),
        ({"method": "heavy_ball", "momentum": 1.0}, "momentum is 1; allowed is a finite number >= 0 and < 1"),
        ({"momentum": 0.9}, "momentum is 0.9; allowed is None with sgd"),
        ({"method": "adam"}, "method is 'adam'; allowed is one of"),
        ({"method": "nesterov_lookahead"}, "method is 'nesterov_lookahead'; allowed is 'nesterov'"),
        ({"target": [0.1, 0.2]}, "target has shape"),
        ({"lr": 0}, "lr is 0; allowed is a finite number > 0"),
        ({"method": "heavy_ball", "momentum": [0.5]}, r"momentum has shape \(1,\); allowed is one number"),
        ({"method": ["sgd"]}, r"method is \['sgd'\]; allowed is one of"),
        ({"problem": [1.0]}, "problem is a list; allowed is a Spectrum, such as"),
    ],
)
def test_bad_input_is_one_sentence(given, sentence):
    with pytest.raises(ValueError, match=sentence):
        steps_to_target(**({"problem": harmonic(10), "target": 0.1} | given))
