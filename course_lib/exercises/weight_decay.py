"""Exercises of lesson 06: AdamW, what it leaves of a weight, the groups of a net, a bug."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from course_lib.exercises.base import Exercise, Mistake, calls
from course_lib.exercises.recorder import Wrong
from course_lib.exercises.steps import along, step_exercise
from course_lib.rules import adam, adamw


def _adamw_step(p, g, s, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2):
    kept = (1 - lr * weight_decay) * p
    return adam.step(kept, g, s, lr=lr, beta1=beta1, beta2=beta2, eps=eps)


def _adamw(before: Callable = lambda p, lr, wd: p, joins: Callable = lambda p, wd: 0.0, after=lambda p, lr, wd: p):
    """A wrong AdamW: what becomes of p before Adam's step, what joins g, what becomes of p after the step."""

    def step(p, g, s, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2):
        g, kept = g + joins(p, weight_decay), before(p, lr, weight_decay)
        q, s = adam.step(kept, g, s, lr=lr, beta1=beta1, beta2=beta2, eps=eps)
        return after(q, lr, weight_decay), s

    return step


def _inside(p, g, s, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2):
    q, s = adam.step(p, g, s, lr=lr, beta1=beta1, beta2=beta2, eps=eps)
    root = (s.v / (1 - beta2**s.t)) ** 0.5 + eps
    return q - lr * weight_decay * p / root, s


_wild = np.random.default_rng(6).standard_normal((10, 2)) * [1.0, 100.0]

adamw_step = step_exercise(
    adamw,
    remembers=True,
    name="adamw_step",
    reference=_adamw_step,
    cases=[
        along([1.0, -2.0], np.zeros((6, 2)), 0.1, library=adamw, weight_decay=0.1),
        along([1.0, -2.0], _wild, 0.1, library=adamw, weight_decay=0.5),
        along([1.0, -2.0], _wild[:6], [0.1, 0.1, 0.01, 0.3, 0.3, 0.3], library=adamw, weight_decay=0.3,
              beta1=0.5, beta2=0.7, eps=0.1),
        along([3.0, -2.0], _wild[:3], 0.01, library=adamw),
    ],
    mistakes=[
        Mistake(
            "that is Adam with L2: λ·p joins the gradient and is divided by its own size. In AdamW it never meets g; "
            "p shrinks by itself.",
            _adamw(joins=lambda p, wd: wd * p),
        ),
        Mistake(
            "your decay is not multiplied by lr: p loses λ of itself at each step, whatever the learning rate.",
            _adamw(before=lambda p, lr, wd: (1 - wd) * p),
        ),
        Mistake(
            "your decay comes after Adam's step and shrinks the step as well. Shrink the old p, then step from there.",
            _adamw(after=lambda p, lr, wd: (1 - lr * wd) * p),
        ),
        Mistake(
            "the decay is inside the preconditioner: you divide λ·p by √v̂ + ε together with m̂. Only m̂ is divided.",
            _inside,
        ),
        Mistake(
            "your p grows: 1 + lr·λ. Decay takes lr·λ·p away.",
            _adamw(before=lambda p, lr, wd: (1 + lr * wd) * p),
        ),
        Mistake("nothing decays: weight_decay is never used, and this is plain Adam.", _adamw()),
        Mistake(
            "lr comes twice: the decay is inside the bracket that lr multiplies, and has an lr of its own as well.",
            _adamw(before=lambda p, lr, wd: (1 - lr * lr * wd) * p),
        ),
        Mistake(
            "you take a fixed amount lr·λ from p, however large p is. Decay takes a share: lr·λ·p.",
            _adamw(before=lambda p, lr, wd: p - lr * wd),
        ),
        Mistake(
            "the decay is right, but Adam gets its default β1, β2 and ε. Hand yours on to it.",
            lambda p, g, s, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=1e-2: adam.step(
                (1 - lr * weight_decay) * p, g, s, lr=lr
            ),
        ),
    ],
    hints=(
        "Two things happen to p, and only one of them looks at the gradient.",
        "First p loses the share lr·λ of itself. Then Adam steps, from what is left, with the gradient as it was.",
        "`adam.step((1 - lr * weight_decay) * p, g, s, ...)` with lr, beta1, beta2 and eps handed on.",
    ),
)  # fmt: skip


def _left(n, lr, weight_decay):
    return (1 - lr * weight_decay) ** n


left = Exercise(
    name="left",
    reference=_left,
    cases=calls((100, 1e-3, 1.0), (np.arange(5), 0.1, 0.5), (3, 0.2, 2.0)),
    mistakes=[
        Mistake("lr is missing: one step takes the share lr·λ.", lambda n, lr, weight_decay: (1 - weight_decay) ** n),
        Mistake("λ is missing: one step takes the share lr·λ.", lambda n, lr, weight_decay: (1 - lr) ** n),
        Mistake(
            "you take lr·λ of the first weight n times. Each step takes it of what is left: a power, not a product.",
            lambda n, lr, weight_decay: 1 - n * lr * weight_decay,
        ),
        Mistake(
            "e to the −n·lr·λ is where this tends as lr·λ goes to 0. For steps of finite length it is not exact.",
            lambda n, lr, weight_decay: np.exp(-n * lr * weight_decay),
        ),
        Mistake("that is one step, whatever n is.", lambda n, lr, weight_decay: 0 * n + 1 - lr * weight_decay),
        Mistake(
            "that is the part that is gone. What is left is 1 minus that.",
            lambda n, lr, weight_decay: 1 - (1 - lr * weight_decay) ** n,
        ),
        Mistake("your weight grows: each step multiplies by 1 − lr·λ.", lambda n, lr, wd: (1 + lr * wd) ** n),
    ],
    hints=(
        "Without a gradient Adam does nothing. What does one step of the decay multiply the weight by?",
        "One step multiplies by one minus the share that it takes. And n steps?",
        "The factor of one step, 1 - lr·λ, to the power n.",
    ),
)


def _settled(lr, weight_decay, sigma):
    return np.sqrt(lr * sigma / (2 * weight_decay)), np.sqrt(lr / (2 * weight_decay))


def _exactly(lr, share):
    return lr / np.sqrt(1 - (1 - share) ** 2)


settled = Exercise(
    name="settled",
    reference=_settled,
    cases=calls((0.01, 0.2, 1.0), (0.01, 0.2, 10.0), (0.1, 0.5, 0.3), (0.003, 2.0, 4.0)),
    mistakes=[
        Mistake("the two are swapped: first L2, then AdamW.", lambda lr, wd, sigma: _settled(lr, wd, sigma)[::-1]),
        Mistake(
            "σ is in both. AdamW's step does not know the size of the gradient, and neither does its decay.",
            lambda lr, weight_decay, sigma: (_settled(lr, weight_decay, sigma)[0],) * 2,
        ),
        Mistake(
            "σ is in neither. With L2 the decay is divided by the size of the gradient, here σ: its share is lr·λ/σ.",
            lambda lr, weight_decay, sigma: (_settled(lr, weight_decay, sigma)[1],) * 2,
        ),
        Mistake(
            "with L2 your weight shrinks as σ grows. A larger σ makes the share lr·λ/σ smaller, and the weight larger.",
            lambda lr, weight_decay, sigma: _settled(lr, weight_decay, 1 / sigma),
        ),
        Mistake(
            "the 2 is missing: p² loses twice the share that p loses.",
            lambda lr, weight_decay, sigma: _settled(lr, weight_decay / 2, sigma),
        ),
        Mistake(
            "the root is missing: that is the mean of p².",
            lambda lr, weight_decay, sigma: tuple(x**2 for x in _settled(lr, weight_decay, sigma)),
        ),
        Mistake(
            "with L2 σ stands outside your root. The share is lr·λ/σ, and the root is taken of all of it.",
            lambda lr, weight_decay, sigma: (
                sigma * _settled(lr, weight_decay, 1.0)[0],
                _settled(lr, weight_decay, 1.0)[1],
            ),
        ),
        Mistake(
            "upside down: more decay makes the weight smaller, and a larger lr makes it larger.",
            lambda lr, weight_decay, sigma: tuple(1 / x for x in _settled(lr, weight_decay, sigma)),
        ),
        Mistake(
            "you kept the square of the share. It is small, and the lesson leaves it out: 2·share·p² = lr².",
            lambda lr, weight_decay, sigma: (_exactly(lr, lr * weight_decay / sigma), _exactly(lr, lr * weight_decay)),
        ),
    ],
    hints=(
        "Where does E p² stay as it is? Put what a step adds equal to what the decay takes.",
        "A step adds lr². The decay takes twice its share of E p²; that share is lr·λ in AdamW, and lr·λ/σ with L2.",
        "E p² = lr² / (2·share). Put both shares in, and take the root.",
    ),
)


def _ends(goal, weight_decay):
    wall = 1 / weight_decay
    return goal / (1 + weight_decay), max(-wall, min(goal, wall))


ends = Exercise(
    name="ends",
    reference=_ends,
    cases=calls((5.0, 0.5), (5.0, 1.0), (5.0, 0.1), (-5.0, 1.0), (-0.3, 2.0), (3.0, 4.0)),
    mistakes=[
        Mistake("the two are swapped: first L2, then AdamW.", lambda goal, wd: _ends(goal, wd)[::-1]),
        Mistake(
            "your AdamW always arrives at the goal. Its step is at most about lr; beyond 1/λ the decay takes more.",
            lambda goal, weight_decay: (goal / (1 + weight_decay), goal),
        ),
        Mistake(
            "your AdamW always goes to the wall. Where the goal is nearer than 1/λ the gradient vanishes there, and "
            "Adam's step shrinks with it.",
            lambda goal, weight_decay: (goal / (1 + weight_decay), np.sign(goal) / weight_decay),
        ),
        Mistake(
            "the box has two walls: a goal below −1/λ is as far out of reach as one above 1/λ.",
            lambda goal, weight_decay: (goal / (1 + weight_decay), min(goal, 1 / weight_decay)),
        ),
        Mistake(
            "your walls are at λ. The larger λ, the smaller the box: they are at 1/λ.",
            lambda goal, weight_decay: (goal / (1 + weight_decay), max(-weight_decay, min(goal, weight_decay))),
        ),
        Mistake(
            "that is what L2 gives, both times. AdamW's decay is weighed against a step of length lr, not against the "
            "slope.",
            lambda goal, weight_decay: (goal / (1 + weight_decay),) * 2,
        ),
        Mistake(
            "with L2 you solve p − goal + 2λp = 0. The penalty is λp²/2, and its slope λp.",
            lambda goal, weight_decay: (goal / (1 + 2 * weight_decay), _ends(goal, weight_decay)[1]),
        ),
        Mistake(
            "with L2 the decay is weighed at the goal, not where p rests: solve p − goal + λp = 0 for p.",
            lambda goal, weight_decay: (goal * (1 - weight_decay), _ends(goal, weight_decay)[1]),
        ),
    ],
    hints=(
        "With L2, where is the slope of f and of the penalty together zero? With AdamW, how long is a step at most?",
        "L2: solve p − goal + λp = 0. AdamW: the decay lr·λ·|p| equals the longest step lr at |p| = one over λ.",
        "AdamW ends at the goal, or at the nearer wall where the goal lies outside −1/λ to 1/λ.",
    ),
)


@dataclass(frozen=True)
class Parameter:
    """What a check hands out in place of a torch parameter."""

    name: str
    shape: tuple[int, ...]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def dim(self) -> int:
        return self.ndim


class _Named(dict):
    """A net's parameters by name, short in a verdict."""

    def __repr__(self) -> str:
        return f"{len(self)} parameters"


def _named(**shapes) -> dict[str, Parameter]:
    names = {name: name.replace("_", ".") for name in shapes}
    return _Named({names[name]: Parameter(names[name], shape) for name, shape in shapes.items()})


_NET = _named(
    embed_weight=(50, 8), conv_weight=(8, 4, 3, 3), conv_bias=(8,), norm_weight=(8,), norm_bias=(8,),
    head_1_weight=(8,), head_2_weight=(10, 8),
)  # fmt: skip
_MATRICES = _Named({name: p for name, p in _NET.items() if p.ndim == 2})
_ABSENT, _TWICE, _TORCHS = -1.0, 99.0, 0.01


def _param_groups(named, weight_decay):
    decays = [p for p in named.values() if p.ndim >= 2]
    rests = [p for p in named.values() if p.ndim < 2]
    return [{"params": decays, "weight_decay": weight_decay}, {"params": rests, "weight_decay": 0.0}]


def _by(decides: Callable) -> Callable:
    """Wrong groups from a wrong decides(name, p): whether this parameter decays."""

    def param_groups(named, weight_decay):
        decays = [p for name, p in named.items() if decides(name, p)]
        rests = [p for name, p in named.items() if not decides(name, p)]
        return [{"params": decays, "weight_decay": weight_decay}, {"params": rests, "weight_decay": 0.0}]

    return param_groups


def _read_groups(groups) -> np.ndarray:
    """The weight decay of each parameter of _NET, _ABSENT or _TWICE; a group without one has torch's default."""
    if not isinstance(groups, list | tuple) or not all(isinstance(g, dict) and "params" in g for g in groups):
        raise Wrong('return a list of groups, each a dict: {"params": [...], "weight_decay": ...}')
    found = dict.fromkeys(_NET, _ABSENT)
    for group in groups:
        for p in group["params"]:
            if not isinstance(p, Parameter):
                raise Wrong(f'"params" holds {p!r}; torch wants the parameters themselves, the values of `named`')
            once = float(group.get("weight_decay", _TORCHS))
            found[p.name] = once if found[p.name] == _ABSENT else _TWICE
    return np.array(list(found.values()))


def _off(calls, i, wanted) -> str:
    """The first parameter that is in the wrong group."""
    for name, got, want in zip(_NET, calls[i].value, wanted[i].value, strict=True):
        if got != want:
            is_in = {_ABSENT: "in no group", _TWICE: "in two groups"}.get(got, f"in a group with weight decay {got:g}")
            return f"`{name}`, of shape {_NET[name].shape}, is {is_in}."
    return ""


param_groups = Exercise(
    name="param_groups",
    reference=_param_groups,
    cases=calls((_NET, 0.3), (_MATRICES, 0.05)),
    read=_read_groups,
    clue=_off,
    mistakes=[
        Mistake("all of them decay: biases and norms are to have a group with weight decay 0.", _by(lambda n, p: True)),
        Mistake("none of them decays.", _by(lambda n, p: False)),
        Mistake("the groups are swapped: matrices decay, vectors do not.", _by(lambda n, p: p.ndim < 2)),
        Mistake(
            "you sort by the word bias, and the norm's weight decays. It is a scale for each feature, a vector.",
            _by(lambda n, p: "bias" not in n),
        ),
        Mistake(
            "you sort by the words bias and norm. A layer in a torch.nn.Sequential is called 1.weight, whatever it is; "
            "look at the shape.",
            _by(lambda n, p: "bias" not in n and "norm" not in n),
        ),
        Mistake(
            "you ask for two dimensions exactly. The weight of a convolution has four, and decays.",
            _by(lambda n, p: p.ndim == 2),
        ),
        Mistake(
            "the embedding is left out. Some do so; here every tensor of two or more dimensions decays.",
            _by(lambda n, p: p.ndim >= 2 and "embed" not in n),
        ),
        Mistake(
            "biases and norms are in no group, so the optimiser never sees them, and they stay as they began.",
            lambda named, weight_decay: _param_groups(named, weight_decay)[:1],
        ),
        Mistake(
            "your second group names no weight decay, so torch gives it its default, 0.01 in AdamW. Write 0.0.",
            lambda named, weight_decay: [
                _param_groups(named, weight_decay)[0],
                {"params": _param_groups(named, weight_decay)[1]["params"]},
            ],
        ),
    ],
    hints=(
        "What do biases and the scales of norms have in common that matrices do not?",
        "Go through `named.values()` twice: those with p.ndim of 2 or more, and the others. Each list is a group.",
        'Two dicts in a list, {"params": ..., "weight_decay": ...}; the second one\'s weight decay is 0.0.',
    ),
)


def _mended_shrink(p, lr, weight_decay):
    return p * (1 - lr * weight_decay)


_p = np.array([1.0, -2.0, 0.5])

mended_shrink = Exercise(
    name="mended_shrink",
    reference=_mended_shrink,
    cases=calls((_p, 0.1, 0.01), (_p, 0.01, 0.3), (_p, 0.0, 0.3)),
    owned=(0,),
    mistakes=[
        Mistake("nothing has changed: still λ of p at each step.", lambda p, lr, weight_decay: p * (1 - weight_decay)),
        Mistake("now λ is gone: p loses lr of itself.", lambda p, lr, weight_decay: p * (1 - lr)),
        Mistake(
            "you divide by lr. Then the decay grows as the rate falls, and at lr = 0 it is infinite.",
            lambda p, lr, weight_decay: p * (1 - np.divide(weight_decay, lr)),
        ),
        Mistake("p grows: 1 − lr·λ, not 1 + lr·λ.", lambda p, lr, weight_decay: p * (1 + lr * weight_decay)),
        Mistake(
            "you take lr·λ from p, however large p is. Decay takes a share: lr·λ·p.",
            lambda p, lr, weight_decay: p - lr * weight_decay,
        ),
        Mistake(
            "that is the share that goes, lr·λ·p. What the step starts from is the rest.",
            lambda p, lr, weight_decay: p * (lr * weight_decay),
        ),
        Mistake(
            "lr is an exponent in yours. It is close for small λ, but torch's and optax's factor is 1 − lr·λ.",
            lambda p, lr, weight_decay: p * (1 - weight_decay) ** lr,
        ),
    ],
    hints=(
        "Adam's step gets shorter as lr falls. What does the decay do meanwhile?",
        "At lr = 0 nothing should move any more, and that includes the decay.",
        "The share that p loses is lr times λ.",
    ),
)
