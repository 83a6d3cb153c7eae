"""A run goes on from its file to the same bits; what cannot be its file is refused, and left as it is."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import jax
import numpy as np
import optax
import pytest
import torch

from course_lib import jax_optim, schedules, torch_optim, torch_schedulers
from course_lib.problems import digits
from course_lib.training import train_jax, train_torch

DATA = digits.load()
X, Y = DATA.x_train, DATA.y_train
BATCHES = list(digits.batches(len(X), 16, 24))
LR = np.float64(0.01)  # a number of NumPy, as learning rates from logspace are
COLUMNS = {"torch": ("loss", "lr", "grad_norm", "clipped"), "jax": ("loss", "grad_norm")}


def in_torch(path, batches=BATCHES, *, make=torch_optim.AdamW, lr=LR, sizes=digits.SIZES, schedule=None, **options):
    net = digits.torch_mlp(sizes=sizes)
    optimizer = make(net.parameters(), lr=lr)
    options["scheduler"] = schedule and schedule(optimizer)
    trace = train_torch(net, optimizer, batches, X, Y, checkpoint=path, every=5, **options)
    return [p.detach().numpy() for p in net.parameters()], trace


def with_momentum(lr):
    return jax_optim.sgd(lr, momentum=0.9)


def in_jax(path, batches=BATCHES, *, make=with_momentum, lr=0.01, sizes=digits.SIZES, dtype="float32", key=False):
    params = jax.tree.map(lambda p: p.astype(dtype), digits.jax_mlp(sizes=sizes))
    transform = optax.chain(optax.add_noise(0.1, 0.5, key=jax.random.key(0)), make(lr)) if key else make(lr)
    params, trace = train_jax(params, transform, batches, X, Y, loss=digits.jax_loss, checkpoint=path, every=5)
    return jax.tree.leaves(params), trace


RUNS = {"torch": in_torch, "jax": in_jax}
both = pytest.mark.parametrize("kind", RUNS)


@cache
def whole(kind):
    """The run that nothing interrupts."""
    return RUNS[kind](None)


def same(kind, one, other):
    (ps, first), (qs, second) = one, other
    assert [np.asarray(p).tobytes() for p in ps] == [np.asarray(q).tobytes() for q in qs]
    for column in (*COLUMNS[kind], "seconds"):
        assert len(first[column]) == len(second[column])
        assert column == "seconds" or first[column].tolist() == second[column].tolist()


@both
@pytest.mark.parametrize("upto", [1, 5, 13, 24])
def test_a_run_in_two_parts_is_the_run_in_one(kind, upto, tmp_path):
    path = tmp_path / "run"
    RUNS[kind](path, BATCHES[:upto])
    same(kind, RUNS[kind](path), whole(kind))
    assert os.listdir(tmp_path) == ["run"]


@both
def test_a_run_in_many_parts_is_the_run_in_one(kind, tmp_path):
    for upto in (3, 7, 8, 20):
        RUNS[kind](tmp_path / "run", BATCHES[:upto])
    same(kind, RUNS[kind](tmp_path / "run"), whole(kind))


def test_the_same_objects_go_on_where_they_were_interrupted(tmp_path):
    net, batches = digits.torch_mlp(), iter(BATCHES)
    optimizer = torch.optim.AdamW(net.parameters(), lr=LR)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 24)
    options = {"scheduler": scheduler, "checkpoint": tmp_path / "run", "every": 1}

    def interrupted(scores, y):
        if next(batches, None) is BATCHES[9]:
            raise KeyboardInterrupt
        return torch.nn.functional.cross_entropy(scores, y)

    with pytest.raises(KeyboardInterrupt):
        train_torch(net, optimizer, BATCHES, X, Y, loss=interrupted, **options)
    trace = train_torch(net, optimizer, BATCHES, X, Y, loss=interrupted, **options)
    end = [p.detach().numpy() for p in net.parameters()], trace
    wanted = in_torch(None, make=torch.optim.AdamW, schedule=cosine(24))
    same("torch", end, wanted)


@pytest.mark.parametrize("options", [{"dtype": "bfloat16", "make": jax_optim.adamw}, {"key": True, "sizes": (64, 10)}])
def test_half_precision_and_random_keys_go_on_in_jax(options, tmp_path):
    in_jax(tmp_path / "run", BATCHES[:13], **options)
    same("jax", in_jax(tmp_path / "run", **options), in_jax(None, **options))


@pytest.mark.parametrize("make", [torch_optim.SGD, torch_optim.NAdam, torch_optim.ScheduleFreeAdamW, torch.optim.AdamW])
def test_the_memory_of_any_optimiser_goes_on(make, tmp_path):
    in_torch(tmp_path / "run", BATCHES[:13], make=make)
    same("torch", in_torch(tmp_path / "run", make=make), in_torch(None, make=make))


@both
def test_a_run_that_is_over_takes_no_step(kind, tmp_path):
    RUNS[kind](tmp_path / "run")
    written = (tmp_path / "run").read_bytes()
    same(kind, whole(kind), RUNS[kind](tmp_path / "run"))
    assert (tmp_path / "run").read_bytes() == written


@both
@pytest.mark.parametrize("name", ["fsync", "replace"])
@pytest.mark.parametrize("at", [1, 3])
def test_a_write_that_fails_leaves_the_file_of_before_and_no_other(kind, name, at, tmp_path, monkeypatch):
    calls, real = [], getattr(os, name)

    def failing(*args):
        calls.append(args)
        if len(calls) == at:
            raise OSError("disk full")
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(os, name, failing)
        with pytest.raises(OSError, match="disk full"):
            RUNS[kind](tmp_path / "run")
    assert os.listdir(tmp_path) == (["run"] if at > 1 else [])
    same(kind, RUNS[kind](tmp_path / "run"), whole(kind))


@both
def test_a_nan_after_a_resume_is_told_with_the_step_of_the_whole_run(kind, tmp_path):
    RUNS[kind](tmp_path / "run", BATCHES[:13])
    before = (tmp_path / "run").read_bytes()
    x = X.copy()
    x[BATCHES[16][0]] = np.nan
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "X", x)
        _, trace = RUNS[kind](tmp_path / "run")
    first = next(t for t, index in enumerate(BATCHES, start=1) if t > 13 and np.isnan(x[index]).any())
    assert trace.stopped.startswith(f"stopped at step {first}: ")
    assert len(trace) == first
    assert first > 15 or (tmp_path / "run").read_bytes() == before


# Files that are not this run's


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def flipped(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)


def emptied(path):
    path.write_bytes(b"")


def of_the_other_kind(path):
    other = in_jax if path.stem == "torch" else in_torch
    path.unlink()
    other(path, BATCHES[:5])


def of_a_stranger(path):
    if path.stem == "torch":
        torch.save(digits.torch_mlp().state_dict(), path)
    else:
        np.savez(path.open("wb"), a=np.zeros(3))


@both
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("spoil", [cut, flipped, emptied, of_the_other_kind, of_a_stranger])
def test_a_damaged_or_foreign_file_is_one_sentence_and_left_as_it_is(kind, spoil, tmp_path):
    path = tmp_path / kind
    RUNS[kind](path, BATCHES[:5])
    spoil(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=f"is damaged or no checkpoint of train_{kind} .*move it away") as error:
        RUNS[kind](path)
    assert len(str(error.value).splitlines()) == 1
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("torch", {"make": torch_optim.SGD}, "optimizer is a AdamW .* in it, a SGD"),
        ("torch", {"lr": 0.02}, "lr=0.01, .* in it, .*lr=0.02"),
        ("torch", {"sizes": (64, 16, 10)}, r"0.weight is \(32, 64\), torch.float32 in it, \(16, 64\)"),
        ("torch", {"accumulate": 2}, "accumulate is 1 in it, 2 here"),
        ("torch", {"scaler": torch.amp.GradScaler("cpu")}, "scaler is a NoneType in it, a GradScaler here"),
        ("jax", {"make": jax_optim.adamw}, "not there in it"),
        ("jax", {"sizes": (64, 16, 10)}, r"params.* is \(32,\), float32 in it, \(16,\), float32 here"),
        ("jax", {"dtype": "bfloat16"}, "float32 in it, .* bfloat16 here"),
    ],
)
def test_another_runs_file_is_refused_before_anything_changes(kind, options, words, tmp_path):
    RUNS[kind](tmp_path / "run", BATCHES[:5])
    before = (tmp_path / "run").read_bytes()
    with pytest.raises(ValueError, match=f"is another run's: .*{words}") as error:
        RUNS[kind](tmp_path / "run", **options)
    assert len(str(error.value).splitlines()) == 1
    assert (tmp_path / "run").read_bytes() == before


def cosine(steps, **options):
    return lambda optimizer: torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, **options)


def in_a_row(steps):
    def schedule(optimizer):
        parts = torch_schedulers.ConstantLR(optimizer, 0.1, steps), torch_schedulers.ExponentialLR(optimizer, 0.9)
        return torch_schedulers.SequentialLR(optimizer, parts, [steps])

    return schedule


def ours(peak):
    return lambda optimizer: torch_schedulers.TorchScheduler(optimizer, schedules.Cosine(peak, 24))


@pytest.mark.parametrize(
    ("options", "others", "words"),
    [
        ({"schedule": cosine(24)}, {"schedule": cosine(25)}, "T_max=24, .* in it, .*T_max=25"),
        ({"schedule": cosine(24)}, {"schedule": cosine(24, eta_min=1e-3)}, "eta_min=0.0.* in it, .*eta_min=0.001"),
        ({"schedule": in_a_row(5)}, {"schedule": in_a_row(6)}, "total_iters=5.* in it, .*total_iters=6"),
        ({"schedule": ours(0.1)}, {"schedule": ours(0.2)}, r"Cosine\(.*0\.1.* in it, .*0\.2"),
        ({"clip": 0.5}, {"clip": 1.0}, "clip is 0.5 in it, 1.0 here"),
        ({}, {"clip": 1.0}, "clip is None in it, 1.0 here"),
        ({}, {"autocast": torch.bfloat16}, "autocast is None in it, torch.bfloat16 here"),
    ],
)
def test_other_arguments_than_the_files_are_refused_in_torch(options, others, words, tmp_path):
    in_torch(tmp_path / "run", BATCHES[:7], **options)
    with pytest.raises(ValueError, match=f"is another run's: .*{words}") as error:
        in_torch(tmp_path / "run", **others)
    assert len(str(error.value).splitlines()) == 1
    in_torch(tmp_path / "run", **options)


def test_data_of_another_shape_is_refused(tmp_path, monkeypatch):
    in_torch(tmp_path / "run", BATCHES[:7])
    monkeypatch.setitem(globals(), "X", X[:-1])
    monkeypatch.setitem(globals(), "Y", Y[:-1])
    with pytest.raises(ValueError, match=r"x is \(1437, 64\), torch.float32 in it, \(1436, 64\), torch.float32 here"):
        in_torch(tmp_path / "run")


SHUFFLED = [
    [*BATCHES[:2], BATCHES[3], BATCHES[2], *BATCHES[4:]],
    [BATCHES[0][::-1], *BATCHES[1:]],
    [np.concatenate(BATCHES[:2]), *BATCHES[2:]],
    [BATCHES[0][:8], np.concatenate([BATCHES[0][8:], BATCHES[1]]), *BATCHES[2:]],
    list(digits.batches(len(X), 16, 24, seed=1)),
]


@both
@pytest.mark.parametrize("batches", SHUFFLED, ids=["swapped", "reversed", "joined", "cut elsewhere", "another seed"])
def test_another_order_of_the_data_is_refused(kind, batches, tmp_path):
    RUNS[kind](tmp_path / "run", BATCHES[:13])
    before = (tmp_path / "run").read_bytes()
    with pytest.raises(ValueError, match="another run's: its 13 batches held other examples, or the same in another"):
        RUNS[kind](tmp_path / "run", batches)
    assert (tmp_path / "run").read_bytes() == before


@both
def test_batches_that_are_still_to_come_may_be_others(kind, tmp_path):
    RUNS[kind](tmp_path / "run", BATCHES[:13])
    _, trace = RUNS[kind](tmp_path / "run", [*map(torch.from_numpy, BATCHES[:13]), BATCHES[0]])
    assert len(trace) == 14


@both
def test_fewer_batches_than_were_taken_are_refused(kind, tmp_path):
    RUNS[kind](tmp_path / "run", BATCHES[:10])
    with pytest.raises(ValueError, match=r"batches holds 4, but checkpoint .* has consumed 10"):
        RUNS[kind](tmp_path / "run", BATCHES[:4])


@both
def test_a_folder_that_does_not_exist_is_told_before_any_step(kind, tmp_path):
    for path in (tmp_path / "nowhere" / "run", tmp_path):
        with pytest.raises(ValueError, match="allowed is a file in a folder that exists"):
            RUNS[kind](path)


def test_a_state_that_could_not_be_read_back_is_refused_at_the_first_save(tmp_path):
    def make(parameters, lr):
        optimizer = torch.optim.SGD(parameters, lr=lr)
        optimizer.param_groups[0]["memory"] = Path("anything")
        return optimizer

    with pytest.raises(TypeError, match="checkpoint would hold what"):
        in_torch(tmp_path / "run", make=make)
    assert os.listdir(tmp_path) == []


# Killed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_run_killed_at_20_random_points_ends_with_the_same_bytes():
    program = [sys.executable, str(Path(__file__).with_name("killed.py")), "20"]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    said = subprocess.run(program, env=environ, check=True, capture_output=True, text=True, timeout=300)
    ends = json.loads(said.stdout)
    assert [(end["killed"], end["same"]) for end in ends] == 20 * [(True, True)]
    assert {(end["kept"], end["half"]) for end in ends} >= {(True, True), (True, False), (False, False)}
