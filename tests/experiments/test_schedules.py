"""Lesson 08: the table names every scheduler of the installed torch, and its losses follow from the noisy quadratic."""

import inspect
import re

import numpy as np
import pytest
from torch.optim import lr_scheduler

from course_lib.cli import ROOT
from course_lib.experiments import lr_in_loops, scheduler_table
from course_lib.experiments import schedules as lab
from course_lib.nqm.simulate import simulate
from course_lib.nqm.spectrum import harmonic
from course_lib.rules import sgd
from course_lib.schedules import Constant, Linear, Trapezoid

PUBLIC = [name for name in vars(lr_scheduler) if not name.startswith("_") and name != "LRScheduler"]
IN_TORCH = [name for name in PUBLIC if inspect.isclass(getattr(lr_scheduler, name))]
SCHEDULERS = [name for name in IN_TORCH if issubclass(getattr(lr_scheduler, name), lr_scheduler.LRScheduler)]


@pytest.mark.parametrize("name", SCHEDULERS)
def test_every_scheduler_of_torch_has_a_row_in_the_table_and_in_the_lesson(name):
    """Red, under its name, where a new torch brings a scheduler that lesson 08 does not explain."""
    assert name in scheduler_table.ROWS, f"torch has a new scheduler {name}: give it a row in scheduler_table.ROWS"
    (row,) = re.findall(rf"^\| `{name}` \|.*$", scheduler_table.markdown(), re.MULTILINE)
    assert scheduler_table.ROWS[name].says in row
    assert f"| `{name}` |" in (ROOT / "solutions/08_schedules.ipynb").read_text(encoding="utf-8")


def test_the_table_has_no_row_that_torch_has_not():
    assert set(scheduler_table.ROWS) <= set(scheduler_table.of_torch()) == set(SCHEDULERS)


def test_a_scheduler_without_a_row_is_named_as_new(monkeypatch):
    class BrandNewLR(lr_scheduler.LRScheduler):
        pass

    monkeypatch.setattr(lr_scheduler, "BrandNewLR", BrandNewLR, raising=False)
    assert "| `BrandNewLR` | new in this torch: no row yet |" in scheduler_table.markdown()
    assert len({line.count("|") for line in scheduler_table.markdown().splitlines()}) == 1


@pytest.mark.parametrize("name", scheduler_table.ROWS)
def test_our_schedule_of_a_row_gives_torchs_rates(name):
    row = scheduler_table.ROWS[name]
    rates = scheduler_table.torchs_rates(row)
    np.testing.assert_allclose(row.ours(np.arange(100)), rates, rtol=0, atol=1e-12)
    assert np.ptp(rates) > 0


# ---- the noisy quadratic


def test_the_expected_loss_is_that_of_the_whole_spectrum():
    h, rates = 1 / np.arange(1.0, 1001), Linear(1.9, 300)(np.arange(300))
    v = np.ones(1000)
    for lr in rates:
        v = (1 - lr * h) ** 2 * v + lr**2 * h / 16
    assert lab.expected(rates[:, None], 16)[-1, 0] == pytest.approx(np.sum(h * v) / 2, rel=1e-12)


def test_the_expected_loss_is_what_runs_of_sgd_have_on_average():
    run = simulate(harmonic(1000), sgd, lr=Linear(1.5, 60), steps=60, batch_size=16, replicas=300, seed=0)
    exact = lab.expected(Linear(1.5, 60)(np.arange(60))[:, None], 16)[-1, 0]
    assert run.loss[-1] == pytest.approx(exact, abs=4 * run.error[-1])


def test_a_constant_rate_is_the_closed_form():
    lr, h = 0.7, lab.MODEL.h
    keep = (1 - lr * h) ** 2
    v = keep**50 + lr**2 * lab.MODEL.c / 4 * (1 - keep**50) / (1 - keep)
    assert lab.expected(np.full((50, 1), lr), 4)[-1, 0] == pytest.approx(lab.MODEL.weight @ (h * v) / 2, rel=1e-12)


def test_two_neighbouring_rates_are_better_in_falling_order():
    falling, rising = (lab.expected(np.array(pair)[:, None], 16)[-1, 0] for pair in ([1.5, 0.5], [0.5, 1.5]))
    difference = np.sum(lab.MODEL.weight * lab.MODEL.h**2 * lab.MODEL.c / 16) * 2 * 1.5 * 0.5 * (0.5 - 1.5) / 2
    assert falling - rising == pytest.approx(difference, rel=1e-10)


@pytest.mark.parametrize("batch_size", [1, 16, 256])
def test_falling_order_beats_every_shuffle(batch_size):
    falling, shuffled = lab.orders(batch_size, many=50, seed=batch_size)
    assert falling < shuffled.min()


def test_the_best_plans_of_all_never_rise_and_stay_up_longer_in_larger_batches():
    rates = lab.optima()
    assert all(np.all(np.diff(lr) <= 1e-6) for lr in rates.values())
    up = [np.mean(lr > 0.9 * lr.max()) for lr in rates.values()]
    assert up == sorted(up)
    for batch_size, lr in rates.items():
        least = min(lab.best(shape, batch_size).loss[-1] for shape in lab.SHAPES.values())
        assert lab.expected(lr[:, None], batch_size)[-1, 0] < least


def test_who_wins_changes_with_the_batch_size():
    table = lab.table()
    assert [min(row, key=row.get) for row in table.values()] == ["linear", "linear", "trapezoid"]
    assert table[16]["linear"] == pytest.approx(0.416, abs=0.01)


def test_a_students_step_gives_the_table():
    bent = lab.table(lambda v, lr, h, noise: lab.variance(v, lr, h, 0 * noise), [16])[16]
    assert bent["linear"] > 1 > lab.table(lab.variance, [16])[16]["linear"]


def test_peaks_beyond_what_floats_hold_are_passed_over():
    run = lab.best(Constant(1.0), 16, top=50.0)
    assert run.peak < lab.EDGE
    assert np.isfinite(run.loss).all()


@pytest.mark.parametrize("warmup", [0.0, 0.5])
@pytest.mark.parametrize("cooldown", [0.0, 1.0])
def test_the_explorers_plan_is_the_trapezoid_that_it_names(warmup, cooldown):
    shown = lab.compute(40, warmup, cooldown, 16)
    up = int(40 * warmup)
    plan = Trapezoid(shown.plan.peak, 40, up, int(cooldown * (40 - up)))
    np.testing.assert_allclose(shown.plan.rates, plan(np.arange(40)), atol=1e-12)
    assert np.isfinite(shown.plan.loss).all()


# ---- loops


def test_every_trap_is_named_and_the_remedy_is_left_in_peace():
    *traps, remedy = lab.traps().values()
    words = ["it counts batches", "past the end lr rose again", "switched it on", "ran at the full lr", "was used up"]
    for word, trace in zip(words, traps, strict=True):
        assert [word in sentence for sentence in trace.diagnose()] == [True]
    assert remedy.diagnose() == []


def test_the_epochs_of_the_digits_are_shuffled_anew():
    batches = lr_in_loops.Batches()
    epochs = [np.concatenate(list(batches)) for _ in range(lr_in_loops.EPOCHS)]
    assert {len(set(epoch.tolist())) for epoch in epochs} == {lr_in_loops.PER_EPOCH * lr_in_loops.BATCH_SIZE}
    assert not np.array_equal(epochs[0], epochs[1])


def test_a_loop_is_traced_as_it_ran():
    def few(take_step, scheduler, epochs, batches):
        losses = [take_step(batch) for batch, _ in zip(batches, range(3), strict=False)]
        scheduler.step()
        return losses

    run = lab.train_digits(few)
    assert run.trace["lr"].tolist() == [0.15] * 3
    assert len(run.losses) == 3
    assert run.losses[0] > np.log(10) * 0.8
