"""The classes against torch's own, over configurations that hypothesis draws."""

import copy
import io
from typing import NamedTuple

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_lib import torch_optim
from course_lib.torch_optim import blocks

STEPS = 50
TOLERANCES = {
    torch.float64: 1e-12,
    torch.float32: 1e-6,
    torch.complex128: 1e-12,
    torch.bfloat16: 0.05,
    torch.float16: 0.01,
}
DRAW = settings(
    max_examples=25, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


def beta(top=0.999):
    return st.floats(0.1, top)


def common(lr, **others):
    """Strategies for what all classes have, off their defaults, and for their own."""
    decay = st.sampled_from([0, 0, 0.01, 0.3])
    return st.fixed_dictionaries(
        {"lr": st.floats(lr / 10, lr), "weight_decay": decay, "maximize": st.booleans(), **others}
    )


BETAS = st.tuples(beta(), beta())
EPS = st.sampled_from([1e-8, 1e-10, 1e-3, 0.1])
SGDS = st.one_of(
    common(0.1),
    common(0.1, momentum=st.floats(0.1, 0.95), dampening=st.floats(0, 1)),
    common(0.1, momentum=st.floats(0.1, 0.95), nesterov=st.just(True)),
)
WORDS = {
    "SGD": SGDS,
    "Adagrad": common(0.1, lr_decay=st.floats(0, 0.2), eps=EPS, initial_accumulator_value=st.sampled_from([0, 0.1])),
    "Adadelta": common(1.0, rho=beta(), eps=st.sampled_from([1e-6, 1e-3])),
    "RMSprop": common(
        0.03, alpha=st.floats(0.5, 0.999), eps=EPS, centered=st.booleans(), momentum=st.sampled_from([0, 0.5, 0.9])
    ),
    "Adam": common(0.1, betas=BETAS, eps=EPS, amsgrad=st.booleans(), decoupled_weight_decay=st.booleans()),
    "AdamW": common(0.1, betas=BETAS, eps=EPS, amsgrad=st.booleans()),
    "NAdam": common(0.1, betas=BETAS, eps=EPS, momentum_decay=st.floats(0, 0.5), decoupled_weight_decay=st.booleans()),
    "Adamax": common(0.1, betas=BETAS, eps=EPS),
    "RAdam": common(0.1, betas=BETAS, eps=EPS, decoupled_weight_decay=st.booleans()),
}
OWN = ("lr", "weight_decay", "eps", "betas")  # what a second group may have for itself
SHAPES = [(), (0,), (1,), (7,), (3, 4), (2, 3, 2)]
LAYOUTS = ["contiguous", "transposed", "every other"]


class Case(NamedTuple):
    words: dict
    own: dict  # hyperparameters of the second group
    shapes: list
    layouts: list
    dtype: torch.dtype
    seed: int
    scale: float  # of the gradients
    missing: float  # the part of the gradients that is None
    tensor_lr: bool
    factors: list  # of the learning rates, over and over
    handover: str  # what happens in the middle of the run
    block: int


@st.composite
def cases(draw, name, dtypes=(torch.float64, torch.float32, torch.complex128)):
    words, other, dtype = draw(WORDS[name]), draw(WORDS[name]), draw(st.sampled_from(dtypes))
    if words.get("centered") and dtype == torch.float32:  # v - m^2 loses digits in both, and eps decides how many count
        words = words | {"eps": 0.1}
        other = other | {"eps": 0.1}
    shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3))
    return Case(
        words,
        {key: other[key] for key in OWN if key in other and draw(st.booleans())},
        shapes,
        [draw(st.sampled_from(LAYOUTS)) for _ in shapes],
        dtype,
        draw(st.integers(0, 10**6)),
        draw(st.sampled_from([1.0, 1.0, 1e-3, 30.0])),
        draw(st.sampled_from([0, 0, 0.3])),
        draw(st.booleans()),
        draw(st.lists(st.floats(0.1, 1), min_size=1, max_size=4)),
        draw(st.sampled_from(["none", "file", "from torch", "to torch"])),
        draw(st.sampled_from([3, 5, 1 << 18])),
    )


def laid_out(x, layout):
    """`x` as it is, with its last two strides swapped, or with gaps."""
    if layout == "transposed" and x.dim() >= 2:
        return x.mT.contiguous().mT
    if layout == "every other" and x.dim() >= 1:
        return torch.stack([x, x], dim=-1)[..., 0]
    return x


def build(make, case, params):
    """An optimizer of one group, or of two where there is more than one parameter."""
    groups = [{"params": params[:1]}] + [{"params": params[1:], **case.own}] * (len(params) > 1)
    optimizer = make(groups, **case.words)
    for group in optimizer.param_groups:
        group["base"] = float(group["lr"])
        group["lr"] = torch.tensor(group["base"], dtype=torch.float64) if case.tensor_lr else group["base"]
    return optimizer


def values(optimizer):
    return [p for group in optimizer.param_groups for p in group["params"]]


def advance(optimizer, case, steps):
    """Walk along the gradients of `steps`, the same for everybody."""
    for t in steps:
        rng = torch.Generator().manual_seed(1000 * case.seed + t)
        for p, layout in zip(values(optimizer), case.layouts, strict=True):
            g = case.scale * torch.randn(p.shape, generator=rng, dtype=p.dtype)
            gone = torch.rand((), generator=rng) < case.missing
            p.grad = None if gone else laid_out(g, layout if t % 2 else "contiguous")
        for group in optimizer.param_groups:
            lr = group["base"] * case.factors[t % len(case.factors)]
            group["lr"] = group["lr"].fill_(lr) if case.tensor_lr else lr
        optimizer.step()


def through_a_file(checkpoint):
    file = io.BytesIO()
    torch.save(checkpoint, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def handed_over(optimizer, make, case):
    """Another optimizer that goes on from the checkpoint of this one, with parameters of its own."""
    params = [copy.deepcopy(p) for p in values(optimizer)]
    other = build(make, case._replace(words={}), params)
    other.load_state_dict(through_a_file(optimizer.state_dict()))
    return other


def parameters(case):
    rng = torch.Generator().manual_seed(case.seed)
    drawn = [torch.randn(shape, generator=rng, dtype=case.dtype) for shape in case.shapes]
    return [torch.nn.Parameter(laid_out(x, layout)) for x, layout in zip(drawn, case.layouts, strict=True)]


def distance(one, other):
    """The largest difference over the largest entry."""
    gap, size = 0.0, 1e-300
    for p, q in zip(values(one), values(other), strict=True):
        if p.numel():
            gap, size = max(gap, (p - q).abs().max().item()), max(size, q.abs().max().item())
    return gap / size


def check(name, case, tolerance, steps=STEPS):
    ours, theirs = getattr(torch_optim, name), getattr(torch.optim, name)
    mine, torchs = build(ours, case, parameters(case)), build(theirs, case, parameters(case))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK", case.block)
        for half in (range(steps // 2), range(steps // 2, steps)):
            if half.start and case.handover == "file":
                mine = handed_over(mine, ours, case)
            elif half.start and case.handover == "from torch":
                mine = handed_over(torchs, ours, case)
            elif half.start and case.handover == "to torch":
                torchs = handed_over(mine, theirs, case)
            advance(mine, case, half)
            advance(torchs, case, half)
    assert distance(mine, torchs) <= tolerance


@pytest.mark.parametrize("name", WORDS)
def test_a_class_walks_the_path_of_torch(name):
    @DRAW
    @given(cases(name))
    def agrees(case):
        exact = TOLERANCES[case.dtype]
        check(name, case, max(exact, 1e-8) if name == "NAdam" else exact)

    agrees()


@pytest.mark.parametrize("name", WORDS)
def test_in_half_precision_it_stays_near(name):
    @settings(DRAW, max_examples=5)
    @given(cases(name, dtypes=(torch.bfloat16, torch.float16)))
    def agrees(case):
        words = case.words | {"eps": 1e-3} if "eps" in case.words else case.words
        check(name, case._replace(words=words, own={}, scale=1.0, handover="none"), TOLERANCES[case.dtype], steps=10)

    agrees()
