"""The benchmark measures what it says; its times are not asserted."""

import math
import os

import pytest
import torch

from course_lib.bench import clock, optim, record, shapes, train


def test_the_lists_have_the_sizes_of_the_nets_they_are_named_after():
    sizes = {name: (len(make()), sum(map(math.prod, make()))) for name, make in shapes.LISTS.items()}
    assert sizes == {
        "ResNet-50": (161, 25_557_032),
        "GPT-2 small": (148, 124_439_808),
        "1000 × 1000": (1000, 1_000_000),
    }


def test_the_textbook_loop_and_the_students_rule_are_adam():
    def run(make):
        p = torch.ones(3, 2, dtype=torch.float64, requires_grad=True)
        step = make([p])
        for i in range(5):
            p.grad = torch.full_like(p, i - 2.5)
            step()
        return p.detach()

    oracle = run(lambda ps: torch.optim.Adam(ps).step)
    assert torch.allclose(run(optim.textbook), oracle, rtol=0, atol=1e-14)
    assert torch.allclose(
        run(lambda ps: optim.torch_optim.TorchOptimizer(ps, optim.STUDENT).step), oracle, rtol=0, atol=1e-14
    )


def test_ways_take_turns_and_the_median_is_given():
    turns = []
    times = clock.race({"a": lambda: turns.append("a"), "b": lambda: turns.append("b")}, seconds=0, least=3)
    assert "".join(turns) == "ab" + 3 * "ab"
    assert set(times) == {"a", "b"}
    assert all(t >= 0 for t in times.values())


def test_a_step_of_adam_on_a_large_tensor_asks_for_one_block_of_memory():
    p = torch.zeros(4 << 20, requires_grad=True)
    p.grad = torch.ones_like(p)
    optimizer = optim.torch_optim.Adam([p])
    optimizer.step()
    assert 0 < optim._peak_bytes(optimizer.step) <= 2 << 20
    loop = torch.optim.Adam([p], foreach=False)
    loop.step()
    assert optim._peak_bytes(loop.step) >= 16 << 20  # the measure sees what torch's loop asks for


def test_the_table_says_whether_a_goal_is_met():
    rows = [optim.Row("list", "ours", "peer", 12.345, 0.5, 0.7), optim.Row("list", "ours", "peer", 1.0, 0.8, 0.7)]
    page = record.page("optim", "About.", optim.table(rows))
    assert "| list | ours | 12.3 | peer | 0.50 | ≤ 0.7 | yes |" in page
    assert "| list | ours | 1 | peer | 0.80 | ≤ 0.7 | no |" in page


@pytest.mark.parametrize("name", ["digits MLP", "transformer"])
def test_both_loops_of_the_benchmark_train_the_same_net(name):
    make, data, loss, batch_size, _ = train.nets()[name]
    batches = list(train.digits.batches(len(data[0]), batch_size, 5))
    ours, minimal = (loop(make(), batches, *data, loss) for loop in (train.ours, train.minimal))
    assert ours == pytest.approx(minimal, rel=1e-5)
    assert ours[0] != ours[-1]


def test_the_clips_of_the_benchmark_leave_what_torchs_leave():
    make, *_ = train.nets()["digits MLP"]
    for mine, theirs in train.CLIPS.values():
        ps, qs = train.with_gradients(make()), train.with_gradients(make())
        assert mine(ps, 1.0) == theirs(qs, 1.0)
        assert all(torch.equal(p.grad, q.grad) for p, q in zip(ps, qs, strict=True))


def test_the_training_benchmark_has_a_row_for_each_goal_and_leaves_the_threads_alone(monkeypatch):
    monkeypatch.setattr(train, "race", lambda ways, **_: [way() for way in ways.values()] and dict.fromkeys(ways, 1.0))
    monkeypatch.setattr(train, "parameters", lambda name: train.with_gradients(torch.nn.Linear(3, 3)))
    before = torch.get_num_threads(), os.environ.get("TQDM_DISABLE")
    rows = [row for row in train.run(seconds=0) if row.ours != "course_lib"]
    assert [(row.ratio, row.goal) for row in rows] == 2 * [(1.0, 1.1)] + 9 * [(1.0, 1.05)]
    assert (torch.get_num_threads(), os.environ.get("TQDM_DISABLE")) == before
