"""A trace of a real loop has the rates that its steps used, and says what is off with them."""

import contextlib
import copy
import re

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from course_lib import rules, torch_optim, torch_schedulers
from course_lib.schedules import Cosine, Linear, OneCycle, WarmUp
from course_lib.trace import Trace
from course_lib.trace_lr import preview, trace_lr

EPOCHS, BATCHES = 10, 10
STEPS = EPOCHS * BATCHES
ROOMS = {"torch's": lr_scheduler, "ours": torch_schedulers}


def sgd(momentum=0.9, groups=1):
    parameters = [torch.nn.Parameter(torch.ones(2)) for _ in range(groups)]
    for p in parameters:
        p.grad = torch.ones(2)
    return torch.optim.SGD(
        [{"params": [p], "lr": 0.1 * (i + 1)} for i, p in enumerate(parameters)], lr=0.1, momentum=momentum
    )


@pytest.fixture(params=ROOMS.values(), ids=ROOMS)
def room(request):
    return request.param


def per_batch(o, s):
    for _ in range(STEPS):
        o.step()
        s.step()


def per_epoch(o, s):
    for _ in range(EPOCHS):
        for _ in range(BATCHES):
            o.step()
        s.step()


def never(o, s):
    for _ in range(STEPS):
        o.step()


def before(o, s):
    for _ in range(STEPS):
        with (
            pytest.warns(UserWarning, match="before `optimizer.step") if s.last_epoch == 0 else contextlib.nullcontext()
        ):
            s.step()
        o.step()


def traced(scheduler, loop, o=None, **meant):
    """The trace of a loop; `scheduler(o)` makes the scheduler."""
    o = o or sgd()
    s = scheduler(o)
    with trace_lr(o, s, **meant) as trace:
        loop(o, s)
    return trace


# ---- recording


def test_a_row_is_what_the_step_used(room):
    trace = traced(lambda o: room.OneCycleLR(o, 1.0, STEPS), per_batch)
    plan = OneCycle(1.0, STEPS)
    np.testing.assert_allclose(trace["lr"], plan(np.arange(STEPS)), rtol=1e-12)
    np.testing.assert_allclose(trace["momentum"], plan.momentum(np.arange(STEPS)), rtol=1e-12)
    assert trace["position"].tolist() == list(range(STEPS))
    assert isinstance(trace, Trace)


def test_the_rate_is_read_where_the_step_computes_whoever_wrote_it():
    o, p = sgd(momentum=0), []
    with trace_lr(o) as trace:
        for lr in (0.5, 0.25, 2.0):
            o.param_groups[0]["lr"] = lr
            p.append(o.param_groups[0]["params"][0][0].item())
            o.step()
    p.append(o.param_groups[0]["params"][0][0].item())
    assert trace["lr"].tolist() == [0.5, 0.25, 2.0] == (-np.diff(p)).tolist()


def test_groups_are_columns_and_a_rate_in_a_tensor_is_a_number():
    o = sgd(groups=2)
    o.param_groups[1]["lr"] = torch.tensor(0.5)
    with trace_lr(o) as trace:
        o.step()
    assert trace["lr"].tolist() == [[0.1, 0.5]]
    assert trace["momentum"].tolist() == [[0.9, 0.9]]


@pytest.mark.parametrize(
    ("make", "momentum"),
    [
        (lambda p: torch.optim.Adam(p, betas=(0.7, 0.9)), 0.7),
        (lambda p: torch_optim.AdamW(p, betas=(0.7, 0.9)), 0.7),
        (lambda p: torch_optim.TorchOptimizer(p, rules.adam, beta1=0.7), 0.7),
        (lambda p: torch_optim.TorchOptimizer(p, rules.momentum, lr=0.1, momentum=0.7), 0.7),
        (lambda p: torch.optim.Adagrad(p), None),
    ],
)
def test_momentum_has_a_column_under_each_of_its_names(make, momentum):
    p = torch.nn.Parameter(torch.ones(1))
    p.grad = torch.ones(1)
    o = make([p])
    with trace_lr(o) as trace:
        o.step()
    assert (trace["momentum"].tolist() if "momentum" in trace else [None]) == [momentum]


def test_tracing_changes_nothing(room):
    runs = []
    for on in (True, False):
        o = sgd()
        s = room.CosineAnnealingLR(o, STEPS)
        with trace_lr(o, s) if on else contextlib.nullcontext():
            per_batch(o, s)
            inside = s.state_dict()
        runs.append((repr(inside), repr(o.state_dict())))
    assert runs[0] == runs[1]


def test_after_the_block_no_step_is_recorded_also_after_an_exception():
    o = sgd()
    trace = trace_lr(o)

    def broken():
        with trace:
            o.step()
            raise RuntimeError("lost")

    with pytest.raises(RuntimeError, match="lost"):
        broken()
    o.step()
    assert len(trace) == 1
    assert not o._optimizer_step_pre_hooks


def test_the_intended_curve_lies_beside_the_used_one():
    plan = Cosine(0.1, STEPS)
    trace = traced(lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS), per_batch, intended=plan)
    np.testing.assert_allclose(trace["intended"], trace["lr"], atol=1e-12)
    trace = traced(lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS), per_batch, intended=[0.1, 0.1])
    assert trace["intended"].tolist() == [0.1, 0.1]


def test_a_plan_that_is_over_does_not_stop_the_loop():
    trace = traced(lambda o: lr_scheduler.StepLR(o, 30), per_batch, intended=OneCycle(1.0, 10))
    assert (len(trace["lr"]), len(trace["intended"])) == (STEPS, 11)


# ---- what is off

RIGHT = {
    "cosine per batch": (lambda s, o: s.CosineAnnealingLR(o, STEPS), per_batch),
    "cosine per epoch": (lambda s, o: s.CosineAnnealingLR(o, EPOCHS), per_epoch),
    "step per epoch": (lambda s, o: s.StepLR(o, 3), per_epoch),
    "one-cycle per batch": (lambda s, o: s.OneCycleLR(o, 1.0, STEPS), per_batch),
    "cyclic per batch": (lambda s, o: s.CyclicLR(o, 0.1, 1.0, 7), per_batch),
    "restarts per batch": (lambda s, o: s.CosineAnnealingWarmRestarts(o, 20), per_batch),
    "warm-up per batch": (lambda s, o: s.LinearLR(o, 0.01, total_iters=20), per_batch),
    "a chain": (lambda s, o: s.ChainedScheduler([s.ConstantLR(o), s.ExponentialLR(o, 0.99)]), per_batch),
    "a sequence": (
        lambda s, o: s.SequentialLR(o, [s.LinearLR(o, 0.1, 1.0, 10), s.CosineAnnealingLR(o, 90)], [10]),
        per_batch,
    ),
}


@pytest.mark.parametrize("case", RIGHT)
def test_a_right_loop_is_left_in_peace(case, room):
    make, loop = RIGHT[case]
    assert traced(lambda o: make(room, o), loop).diagnose() == []


def test_a_right_loop_with_its_plan_is_left_in_peace(room):
    plan = WarmUp(Cosine(0.1, STEPS - 10), 10, 0.1)
    trace = traced(
        lambda o: room.SequentialLR(o, [room.LinearLR(o, 0.1, 1.0, 10), room.CosineAnnealingLR(o, 90)], [10]),
        per_batch,
        intended=plan,
        warmup_steps=10,
    )
    assert trace.diagnose() == []


def test_a_plateau_that_does_not_move_is_left_in_peace(room):
    assert traced(lambda o: room.ReduceLROnPlateau(o), never).diagnose() == []


def only(trace) -> str:
    (sentence,) = trace.diagnose()
    return sentence


@pytest.mark.filterwarnings("ignore:Detected call")
def test_a_scheduler_used_up_by_plotting_is_named(room):
    def plotted(o):
        s = room.CosineAnnealingLR(o, STEPS)
        [s.step() for _ in range(STEPS)]
        return s

    for loop in (per_batch, per_epoch):
        assert (
            "was used up before the run: it stood at step 100 where 0 was meant, at lr"
            in traced(plotted, loop).diagnose()[0]
        )


def test_the_last_rate_throughout_is_named_without_a_scheduler_too():
    plan = Linear(0.1, STEPS, 0.001)
    trace = traced(lambda o: o.param_groups[0].update(lr=0.001), never, intended=[plan(t + 1) for t in range(STEPS)])
    assert "Every step ran at the last rate of the intended curve, 0.001" in only(trace)


def test_a_resumed_run_is_not_taken_for_a_used_up_scheduler(room):
    o = sgd()
    s = room.CosineAnnealingLR(o, STEPS)
    for _ in range(40):
        o.step()
        s.step()
    with trace_lr(o, s, intended=Cosine(0.1, STEPS)) as trace:
        for _ in range(60):
            o.step()
            s.step()
    assert trace.diagnose() == []


def test_plain_sgd_that_is_resumed_is_told_where_it_stands():
    o = sgd(momentum=0)
    s = lr_scheduler.CosineAnnealingLR(o, STEPS)
    for start, sentences in ((None, 1), (5, 0)):
        while s.last_epoch < 5:
            o.step()
            s.step()
        with trace_lr(o, s, start=start) as trace:
            o.step()
        assert len(trace.diagnose()) == sentences


def test_the_scheduler_before_the_optimiser_is_named(room):
    words = "scheduler.step\\(\\) ran before the first optimizer.step"
    trace = traced(lambda o: room.CosineAnnealingLR(o, STEPS), before)
    assert_matches(words, trace)
    o = sgd()
    s = room.CosineAnnealingLR(o, STEPS)
    with trace_lr(o, intended=Cosine(0.1, STEPS)) as trace:  # and from the rates alone
        before(o, s)
    assert_matches(words, trace)


def assert_matches(words, trace):
    assert re.search(words, only(trace)), trace.diagnose()


def test_a_batch_schedule_stepped_once_an_epoch_is_named(room):
    words = "stepped once in about 10 steps, 10 times in 100, and went from lr 0.04 to 0.251: it counts batches"
    assert words in only(traced(lambda o: room.OneCycleLR(o, 1.0, STEPS), per_epoch))
    assert "it counts batches" in only(traced(lambda o: room.CyclicLR(o, 0.1, 1.0, 40), per_epoch))
    assert "it counts batches" in only(traced(lambda o: room.CosineAnnealingLR(o, STEPS), per_epoch))


def test_a_batch_schedule_stepped_once_an_epoch_is_named_from_the_rates_alone():
    o = sgd()
    s = lr_scheduler.CosineAnnealingLR(o, STEPS)
    with trace_lr(o, intended=Cosine(0.1, STEPS)) as trace:
        per_epoch(o, s)
    assert "stepped once in about 10 steps" in only(trace)


def test_an_epoch_schedule_stepped_every_batch_is_named(room):
    words = "made for 10 steps and came to 99: past the end lr rose again, to 0.1."
    assert words in only(traced(lambda o: room.CosineAnnealingLR(o, EPOCHS), per_batch))


def test_a_scheduler_that_is_never_stepped_is_named(room):
    assert "not called in these 100 steps: lr stayed at 0.1" in only(traced(lambda o: room.StepLR(o, 3), never))


def test_a_first_epoch_at_full_rate_is_named():
    """The textbook's loop: the warm-up is applied after the epoch's training."""
    o = sgd()
    for meant in ({}, {"warmup_steps": 30}, {"intended": lambda t: 0.1 * min((t // BATCHES) / 3, 1.0)}):
        o.param_groups[0]["lr"] = 0.1
        with trace_lr(o, **meant) as trace:
            for epoch in range(EPOCHS):
                for _ in range(BATCHES):
                    o.step()
                o.param_groups[0]["lr"] = 0.1 * min(epoch / 3, 1.0)
        assert "The first 10 steps ran at the full lr 0.1, though a warm-up" in only(trace)


def test_a_warm_up_that_was_forgotten_is_named():
    trace = traced(lambda o: None, never, warmup_steps=20)
    assert "The first 100 steps ran at the full lr 0.1, though a warm-up of 20 steps was meant" in only(trace)


def test_a_momentum_that_a_schedule_switched_on_is_named(room):
    trace = traced(lambda o: room.CyclicLR(o, 0.1, 1.0, 10), per_batch, o=sgd(momentum=0))
    assert "made with momentum 0, and its steps used 0.8 to 0.9: CyclicLR switched it on" in only(trace)
    quiet = traced(lambda o: room.CyclicLR(o, 0.1, 1.0, 10, cycle_momentum=False), per_batch, o=sgd(momentum=0))
    assert quiet.diagnose() == []


def test_a_momentum_of_a_group_is_the_users_wish():
    o = torch.optim.SGD([{"params": [torch.nn.Parameter(torch.ones(1))], "momentum": 0.9}], lr=0.1)
    assert traced(lambda o: None, never, o=o).diagnose() == []


def test_another_curve_is_named_with_its_first_step():
    trace = traced(lambda o: lr_scheduler.StepLR(o, 50), per_batch, intended=lambda t: 0.1)
    assert only(trace) == "From step 50 on the rate is not the intended one: 0.01 in place of 0.1."


def test_a_block_without_a_step_says_so():
    with trace_lr(sgd()) as trace:
        pass
    assert "No step was recorded" in only(trace)


def test_bad_input_is_answered_in_a_sentence():
    with pytest.raises(TypeError, match=r"optimizer is a int; allowed is a torch\.optim\.Optimizer"):
        trace_lr(3)
    with pytest.raises(ValueError, match="scheduler is a StepLR of another optimizer"):
        trace_lr(sgd(), lr_scheduler.StepLR(sgd(), 3))
    with pytest.raises(ValueError, match="Expected non-negative integer warmup_steps, but got -1"):
        trace_lr(sgd(), warmup_steps=-1)


# ---- looking ahead


@pytest.mark.parametrize("case", RIGHT)
def test_a_preview_is_what_the_scheduler_then_gives(case, room):
    o = sgd(groups=2)
    s = RIGHT[case][0](room, o)
    states = repr(s.state_dict()), repr(o.state_dict())
    seen = preview(s, EPOCHS)
    assert (repr(s.state_dict()), repr(o.state_dict())) == states
    with trace_lr(o, s) as trace:
        for _ in range(EPOCHS):
            o.step()
            s.step()
    for name in ("lr", "momentum"):
        np.testing.assert_array_equal(seen[name], trace[name])


def test_a_preview_copies_no_parameters(monkeypatch):
    monkeypatch.setattr(torch.Tensor, "__deepcopy__", lambda *_: pytest.fail("a tensor was copied"))
    assert len(preview(lr_scheduler.StepLR(sgd(), 3), 5)) == 5


def test_a_preview_uses_up_no_callable_of_the_users(room):
    class Counting:
        calls = 0

        def __call__(self, t):
            self.calls += 1
            return 1.0

    counting = Counting()
    s = room.LambdaLR(sgd(), counting)
    made = copy.copy(counting.calls)
    preview(s, 9)
    assert counting.calls == made


def test_a_preview_of_one_cycle_ends_where_the_cycle_does(room):
    s = room.OneCycleLR(sgd(), 1.0, 10)
    assert preview(s, 10).stopped == ""
    assert "total steps is 10" in preview(s, 30).stopped


def test_a_plateau_has_no_preview(room):
    with pytest.raises(TypeError, match="a ReduceLROnPlateau: it follows a metric and has no curve"):
        preview(room.ReduceLROnPlateau(sgd()), 10)
