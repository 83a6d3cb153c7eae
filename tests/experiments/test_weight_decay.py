"""Lesson 06's experiments against closed forms, and right answers in other words."""

import numpy as np
import pytest
import torch

from course_lib.exercises import weight_decay as lesson_06
from course_lib.experiments import weight_decay as lab
from course_lib.rules import adam, adam_l2, adamw
from course_lib.torch_optim import AdamW


def test_left_alone_l2_takes_steps_of_lr_and_adamw_a_share():
    by_l2, beside = lab.left_alone(adam_l2, steps=20), lab.left_alone(adamw, steps=20)
    np.testing.assert_allclose(by_l2[20], 1 - 20 * 1e-3, atol=3e-4)
    np.testing.assert_allclose(beside[20], (1 - 1e-3 * np.array(lab.DECAYS)) ** 20, rtol=1e-12)


def test_noise_leaves_adamw_one_size_and_l2_the_root_of_sigma():
    setting = {"lr": 0.01, "weight_decay": 0.5, "steps": 3000, "weights": 500}
    beside, by_l2 = (lab.noise(rule, (0.3, 3.0), **setting) for rule in (adamw, adam_l2))
    np.testing.assert_allclose(beside, 0.1, rtol=0.06)
    np.testing.assert_allclose(by_l2, 0.1 * np.sqrt([0.3, 3.0]), rtol=0.08)


def test_at_rest_l2_is_the_problems_and_decoupled_the_methods():
    three = lab.three_rules(weight_decay=0.5)
    assert [by_l2 for by_l2, _ in three.values()] == pytest.approx([5 / 1.5] * 3, abs=1e-6)
    assert [beside for _, beside in three.values()] == pytest.approx([5 / 1.5, 5 / 1.05, 2.0], abs=1e-3)


def test_what_the_student_derives_is_what_the_rules_do():
    for i, rule in enumerate((adam_l2, adamw)):
        for goal in (5.0, -5.0):
            wanted = lesson_06.ends.reference(goal, 0.5)[i]
            assert lab.rest(rule, [0.5], goal=goal, steps=8000)[0] == pytest.approx(wanted, abs=0.01)


@pytest.mark.parametrize(("lr", "sum_of_ours", "sum_of_papers"), [(1e-3, 0.5005, 0.5005), (2e-3, 1.001, 0.5005)])
def test_a_schedule_leaves_e_to_the_minus_its_sum(lr, sum_of_ours, sum_of_papers):
    ours, papers = lab.scheduled(adamw, lr, 1.0)
    assert ours == pytest.approx(np.exp(-sum_of_ours), rel=1e-3)
    assert papers == pytest.approx(np.exp(-sum_of_papers), rel=1e-3)


def test_algorithm_2_is_adamw_while_the_schedule_stands_still():
    p = q = 1.5
    s, r = adamw.init(p), adam.init(q)
    for g in np.random.default_rng(0).standard_normal(20):
        p, s = adamw.step(p, g, s, lr=0.1, weight_decay=0.3)
        q, r = lab.algorithm_2(q, g, r, schedule=1.0, lr=0.1, weight_decay=0.03)
        assert q == pytest.approx(p, rel=1e-12)


def test_a_grid_trains_each_pair_as_if_it_were_alone():
    torch.set_num_threads(1)
    grid = lab.noisy_labels(adamw, (0.003, 0.01), (0.0, 1.0, 30.0), steps=40, seeds=2)
    one = lab.noisy_labels(adamw, (0.01,), (30.0,), steps=40, seeds=2)
    assert grid.accuracy.shape == (2, 3, 2)
    np.testing.assert_array_equal(grid.accuracy[1, 2], one.accuracy[0, 0])
    assert not np.array_equal(grid.accuracy[1, 0], grid.accuracy[1, 2])
    assert grid.near_best[np.unravel_index(grid.median.argmax(), (2, 3))]


@pytest.mark.parametrize(("lr", "weight_decay", "sigma"), [(0.01, 0.5, 3.0), (0.1, 2.0, 1.0)])
def test_the_explorers_recursion_follows_the_rules(lr, weight_decay, sigma):
    shown = lab.compute(lr, weight_decay, sigma)
    for rule, sizes in ((adamw, shown.decoupled), (adam_l2, shown.l2)):
        p, rng = np.ones(600), np.random.default_rng(0)
        s = rule.init(p)
        for t in range(1, lab.STEPS + 1):
            p, s = rule.step(p, sigma * rng.standard_normal(600), s, lr=lr, weight_decay=weight_decay)
            if t in (5, 30, 200, lab.STEPS):
                assert np.sqrt(np.mean(p**2)) == pytest.approx(sizes[t], rel=0.08)


def test_without_lr_in_it_the_decay_wins_as_lr_falls():
    broken = lab.falling_lr(lambda p, lr, weight_decay: p * (1 - weight_decay), "x", steps=200)
    mended = lab.falling_lr(lesson_06.mended_shrink.reference, "x", steps=200)
    assert broken["size"][-1] < 0.8 * broken["size"].max()
    assert mended["size"][-1] == pytest.approx(mended["size"].max(), rel=1e-2)


def written_out(p, g, s, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2):
    m, v, t = s
    m, v, t = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2, t + 1
    unit = m / (1 - beta1**t) / ((v / (1 - beta2**t)) ** 0.5 + eps)
    return p - lr * (unit + weight_decay * p), (m, v, t)


def in_place(p, g, s, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2):
    p *= 1 - lr * weight_decay
    return adam.step(p, g, s, lr=lr, beta1=beta1, beta2=beta2, eps=eps)


def old_p_afterwards(p, g, s, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2):
    q, s = adam.step(p, g, s, lr=lr, beta1=beta1, beta2=beta2, eps=eps)
    return q - lr * weight_decay * p, s


@pytest.mark.parametrize("answer", [written_out, in_place, old_p_afterwards])
def test_adamw_may_be_written_in_other_ways(answer):
    verdict = lesson_06.adamw_step.check(answer)
    assert verdict.right, str(verdict)


def test_groups_may_be_filled_one_by_one_and_in_either_order():
    def param_groups(named, weight_decay):
        groups = [{"params": [], "weight_decay": 0}, {"params": [], "weight_decay": weight_decay}]
        for p in named.values():
            groups[len(p.shape) > 1]["params"].append(p)
        return groups

    assert lesson_06.param_groups.check(param_groups).right


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (
            lambda named, weight_decay: [{"params": list(named), "weight_decay": weight_decay}],
            "\"params\" holds 'embed.weight'",
        ),
        (lambda named, weight_decay: {"params": list(named.values())}, "a list of groups"),
        (lambda named, wd: [*lesson_06.param_groups.reference(named, wd)] * 2, "`embed.weight`, of shape (50, 8)"),
    ],
    ids=["names", "one group", "all twice"],
)
def test_groups_that_torch_could_not_use_hear_why(answer, says):
    verdict = lesson_06.param_groups.check(answer)
    assert not verdict.right
    assert says in str(verdict)


def test_the_students_groups_are_what_torch_takes():
    net = lab.normed_net()
    groups = lesson_06.param_groups.reference(dict(net.named_parameters()), 0.1)
    optimizer = AdamW(groups)
    decays = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert {name for name, p in net.named_parameters() if decays[id(p)]} == {"0.weight", "3.weight"}
    assert len(decays) == 6
