"""The tests of the rules have teeth: a wrong program is told from the rule by one of six probes.

The wrong programs are the mistakes that people make, in the rules' own text, and then every small change that a
machine can think of: a statement gone, an operator, a comparison or a number replaced, one name put for another.
"""

import ast
import inspect
import re
from types import SimpleNamespace

import numpy as np
import pytest

LRS = [0.1] * 12 + [0.03] * 8
TOLERANCE = 1e-10


def probes(shape):
    """Gradients for twenty steps: constant, tiny, of two scales, one impulse, none at all, and all of that at once."""
    rng, steps = np.random.default_rng(0), len(LRS)
    scales = np.resize([1.0, 100.0], shape)
    noise = rng.standard_normal((steps, *shape))
    impulse = np.zeros((steps, *shape))
    impulse[3] = scales
    one = np.ones((steps, *shape))
    return [
        scales * noise,
        one,
        1e-9 * one,
        impulse,
        0 * one,
        noise * np.geomspace(1e-3, 1, steps).reshape(-1, *[1] * len(shape)),
    ]


def start(shape):
    return np.linspace(1.5, 0.5, np.prod(shape)).reshape(shape)


def form(s):
    return (type(s), *map(form, s)) if isinstance(s, tuple) else np.shape(s)


def agrees(rule, variant, wanted) -> bool:
    """Whether `rule` walks the oracle's path along every probe, counts the steps, keeps its state's form and name."""
    own = {a.name: a.default for a in inspect.signature(rule.step).parameters.values() if a.kind is a.KEYWORD_ONLY}
    if own.pop("lr") != (inspect.Parameter.empty if variant.lr is None else variant.lr):
        return False
    if getattr(rule, "name", None) != getattr(variant.rule, "name", None):
        return False
    spelled_out = own | variant.hypers  # as a shell gives them
    for i, (gradients, path) in enumerate(zip(probes(variant.shape), wanted, strict=True)):
        hypers = spelled_out if i % 2 else variant.hypers
        p = start(variant.shape)
        s = rule.init(p)
        forms = {form(s)}
        for t, (g, lr) in enumerate(zip(gradients, LRS, strict=True), start=1):
            p, s = rule.step(p, g, s, lr=lr, **hypers)
            forms.add(form(s))
            if not np.all(abs(p - path[t - 1]) < TOLERANCE * max(1, abs(p).max())) or getattr(s, "t", t) != t:
                return False
        if len(forms) > 1 or (rule.State and type(s) is not rule.State):
            return False
    return True


@pytest.fixture(scope="module")
def family(variants):
    """For each module its variants, each with the oracle's path along every probe."""
    found = {}
    for variant in variants.values():
        wanted = [variant.oracle(start(variant.shape), gradients, LRS) for gradients in probes(variant.shape)]
        found.setdefault(variant.module, []).append((variant, wanted))
    return {module.__name__.rpartition(".")[2]: members for module, members in found.items()}


def survives(code, members) -> bool:
    """Whether the module that `code` makes passes for the rule, in every variant."""
    module, killer = {"__name__": "mutant"}, members[0]
    try:
        exec(code, module)
        for member in members:
            variant, wanted = killer = member
            if not agrees(variant.make(SimpleNamespace(**module)), variant, wanted):
                break
        else:
            return True
    except (ArithmeticError, AttributeError, IndexError, LookupError, NameError, TypeError, ValueError, RuntimeWarning):
        pass
    members.sort(key=lambda member: member is not killer)  # what found this one out is likely to find the next
    return False


# The mistakes that people make

MISTAKES = {  # in a rule's text, what stands there and what a mistake puts in its place
    "eps inside the root": ("adam", "sqrt(v_hat) + eps", "sqrt(v_hat + eps)"),
    "eps squared inside the root": ("adam", "sqrt(v_hat) + eps", "sqrt(v_hat + eps * eps)"),
    "eps before the correction": ("adam", "sqrt(v_hat) + eps", "(sqrt(v) + eps) / one_minus_power(beta2, t) ** 0.5"),
    "no bias correction": ("adam", "m / one_minus_power(beta1, t)", "m", "v / one_minus_power(beta2, t)", "v"),
    "only m corrected": ("adam", "v / one_minus_power(beta2, t)", "v"),
    "only v corrected": ("adam", "m / one_minus_power(beta1, t)", "m"),
    "v corrected after the root": ("adam", "sqrt(v_hat)", "sqrt(v) / one_minus_power(beta2, t)"),
    "betas swapped": ("adam", "beta1=0.9, beta2=0.999", "beta2=0.9, beta1=0.999"),
    "t one behind": ("adam", "one_minus_power(beta2, t)", "one_minus_power(beta2, max(1, t - 1))"),
    "t one ahead": ("adam", "one_minus_power(beta1, t)", "one_minus_power(beta1, t + 1)"),
    "correction stored in m": ("adam", "State(m, v, t)", "State(m_hat, v, t)"),
    "correction stored in v": ("adam", "State(m, v, t)", "State(m, v_hat, t)"),
    "no root": ("adam", "sqrt(v_hat)", "v_hat"),
    "a norm for all entries": ("adam", "(1 - beta2) * g * g", "(1 - beta2) * (g * g).sum()"),
    "v from m": ("adam", "(1 - beta2) * g * g", "(1 - beta2) * m * m"),
    "m without 1 - beta1": ("adam", "(1 - beta1) * g", "g"),
    "v without 1 - beta2": ("adam", "(1 - beta2) * g * g", "g * g"),
    "v of |g|": ("adam", "(1 - beta2) * g * g", "(1 - beta2) * abs(g)"),
    "the gradient in place of m": ("adam", "lr * m_hat", "lr * g"),
    "uphill": ("adam", "p - lr", "p + lr"),
    "maximum of the corrected v": (
        "amsgrad",
        *("maximum(s.w, v)", "maximum(s.w, v / one_minus_power(beta2, t))"),
        *("sqrt(w / one_minus_power(beta2, t))", "sqrt(w)"),
    ),
    "maximum of m": ("amsgrad", "maximum(s.w, v)", "maximum(s.w, m)"),
    "maximum not used": ("amsgrad", "sqrt(w / one", "sqrt(v / one"),
    "maximum stored in v": ("amsgrad", "w = maximum(s.w, v)", "w = v = maximum(s.w, v)"),
    "decoupled for L2": ("adam_l2", "p, g + weight_decay * p,", "(1 - lr * weight_decay) * p, g,"),
    "L2 beside the moments": ("adam_l2", "p, g + weight_decay * p,", "p - weight_decay * p, g,"),
    "L2 for decoupled": ("adamw", "(1 - lr * weight_decay) * p, g,", "p, g + weight_decay * p,"),
    "decay not times lr": ("adamw", "(1 - lr * weight_decay)", "(1 - weight_decay)"),
    "decay of the wrong sign": ("adamw", "(1 - lr * weight_decay)", "(1 + lr * weight_decay)"),
    "decay after the step": (
        "adamw",
        *("return adam.step((1 - lr * weight_decay) * p,", "q, s = adam.step(p,"),
        *("eps=eps)", "eps=eps)\n    return (1 - lr * weight_decay) * q, s"),
    ),
    "decay inside the preconditioner": (
        "adamw",
        *("adam.step((1 - lr * weight_decay) * p, g,", "adam.step(p, g,"),
        *("eps=eps)", "eps=eps - weight_decay)"),
    ),
    "lr inside the velocity": ("momentum", "s.t > 0)) * g", "s.t > 0)) * lr * g", "p - lr * v,", "p - v,"),
    "a mean for a velocity": ("momentum", "(1 - dampening * (s.t > 0)) * g", "(1 - momentum) * g"),
    "the heavy ball for Nesterov's": ("nesterov", "(g + momentum * v)", "v"),
    "the old velocity": ("nesterov", "momentum * v)", "momentum * s.v)"),
    "RMSProp's eps inside the root": ("rmsprop", "sqrt(v + eps_root) + eps", "sqrt(v + eps_root + eps)"),
    "RMSProp corrected": ("rmsprop", "sqrt(v + eps_root)", "sqrt(v / (1 - alpha) + eps_root)"),
    "optax's decay": ("rmsprop", "lr=1e-2, alpha=0.99", "lr=1e-2, alpha=0.9"),
    "the second moment not centred": ("rmsprop", "v - m * m", "v"),
    "AdaGrad forgets": ("adagrad", "s.v + g * g", "0.9 * s.v + g * g"),
    "optax's accumulator": ("adagrad", "initial_accumulator=0.0", "initial_accumulator=0.1"),
    "AdaGrad's lr decays from the first step": ("adagrad", "1 + s.t * lr_decay", "1 + (s.t + 1) * lr_decay"),
    "AdaDelta's u of gradients": ("adadelta", "(1 - rho) * d * d", "(1 - rho) * g * g"),
    "AdaDelta's u before the step": (
        "adadelta",
        *("d = sqrt(s.u + eps)", "u = rho * s.u + (1 - rho) * g * g\n    d = sqrt(u + eps)"),
    ),
    "AdaDelta's eps outside": ("adadelta", "sqrt(s.u + eps) / sqrt(v + eps)", "(sqrt(s.u) + eps) / (sqrt(v) + eps)"),
    "AdaMax adds eps outside": ("adamax", "abs(g) + eps)", "abs(g)) + eps"),
    "AdaMax corrects u": ("adamax", "* m / u", "* m / (u / one_minus_power(beta2, t))"),
    "NAdam without its product": ("nadam", "product = s.product * mu", "product = beta1**t"),
    "NAdam's mu does not warm up": ("nadam", "mu = beta1 * (1 - 0.5 * 0.96 ** (t * momentum_decay))", "mu = beta1"),
    "RAdam's threshold of the paper": ("radam", "rho > 5", "rho > 4"),
    "RAdam without r": ("radam", "r * root", "root"),
    "Lion with one mean": ("lion", "m = beta2 * s.m + (1 - beta2) * g", "m = beta1 * s.m + (1 - beta1) * g"),
    "Lion's betas swapped": ("lion", "beta1=0.9, beta2=0.99", "beta2=0.9, beta1=0.99"),
    "Lookahead never pulls back": ("lookahead", "where(now, slow, fast)", "fast"),
    "Lookahead one step late": ("lookahead", "t % k == 0", "s.t % k == 0"),
    "Lookahead resets the rule": ("lookahead", "State(inner,", "State(rule.init(p) if now else inner,"),
    "Schedule-Free evaluated at z": ("schedule_free", "(p - (1 - beta) * s.z) / beta", "s.z"),
    "a plain mean though lr falls": ("schedule_free", "lr * lr", "1.0"),
    "x from the old z": ("schedule_free", "(1 - c) * x + c * z", "(1 - c) * x + c * s.z"),
    "Muon not normalised": ("muon", "wide = wide / _at_least((wide * wide).sum() ** 0.5, eps)", "pass"),
    "a wrong coefficient": ("muon", "3.4445", "3.445"),
    "the transposed Gram matrix": ("muon", "gram = wide @ wide.T", "gram = wide.T @ wide"),
    "columns over rows": ("muon", "p.shape[0] / p.shape[1]", "p.shape[1] / p.shape[0]"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_that_people_make_is_caught(mistake, family):
    name, *changes = MISTAKES[mistake]
    text = inspect.getsource(family[name][0][0].module)
    for right, wrong in zip(changes[::2], changes[1::2], strict=True):
        assert right in text
        text = text.replace(right, wrong)
    assert not survives(compile(text, mistake, "exec"), family[name])


def test_one_probe_alone_misses_mistakes_that_the_others_catch(family):
    """Along a constant gradient, Adam without a root takes the same steps, nearly; and decay after the step as well."""
    text = inspect.getsource(family["adam"][0][0].module)
    wrong = {"__name__": "mutant"}
    exec(text.replace("sqrt(v_hat)", "v_hat"), wrong)
    (variant, wanted), constant = family["adam"][0], probes((3, 2))[1]
    p, s = start((3, 2)), wrong["init"](start((3, 2)))
    for g, lr in zip(constant, LRS, strict=True):
        p, s = wrong["step"](p, g, s, lr=lr, **variant.hypers)
    np.testing.assert_allclose(p, wanted[1][-1], rtol=0, atol=TOLERANCE)


# Every small change

OTHERS = {
    ast.Add: [ast.Sub, ast.Mult],
    ast.Sub: [ast.Add, ast.Mult],
    ast.Mult: [ast.Add, ast.Div],
    ast.Div: [ast.Mult, ast.Sub],
    ast.Pow: [ast.Mult],
    ast.Mod: [ast.Mult],
    ast.MatMult: [ast.Add],
    ast.Gt: [ast.GtE, ast.Lt, ast.Eq],
    ast.Lt: [ast.Gt, ast.Eq],
    ast.LtE: [ast.Gt, ast.Eq],
    ast.Eq: [ast.NotEq, ast.Gt],
    ast.NotEq: [ast.Eq],
}
SAME = {  # what a change may turn a line into, and why that is no mistake, or whose test sees it
    "rmsprop": {r"m = alpha \* s\.m - ": "only the square of m counts; checkpoints show its sign"},
    "radam": {
        r"maximum\(square, [^)]*\)\)\)$": "r does not count where its square is negative",
        r"rho >= 5": "rho is never 5",
    },
    "lookahead": {r"slow=p - 0\.0": "a copy either way"},
    "schedule_free": {
        r"z=p - 0\.0": "a copy either way",
        r"maximum\(weight, [^)]*\)$": "it counts at lr = 0 alone: test_every_rule",
        r"^p, s, \*, beta=": "test_schedule_free",
    },
    "muon": {
        r"^pass$": "vectors are refused: test_muon",
        r"^x, \*, ": "test_muon",
        r"gram\.shape": "a square of the smaller side",
        r"[gmu]\.shape": "all of one shape",
    },
}  # fmt: skip


def functions(tree):
    return [node for node in tree.body if isinstance(node, ast.FunctionDef)]


def mutants(tree):
    """Change `tree` in one place after another, and give the changed line each time."""
    for function in functions(tree):
        inside = ast.Module(function.body + [d for d in function.args.kw_defaults if d], [])
        known = sorted(
            {a.arg for a in function.args.args + function.args.kwonlyargs}
            | {n.id for n in ast.walk(inside) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        )
        for i, statement in enumerate(function.body):
            if not isinstance(statement, ast.Expr):  # a docstring
                function.body[i] = ast.Pass()
                yield f"{function.name}: {ast.unparse(statement)} -> pass"
                function.body[i] = statement
        for statement in [*function.body, ast.Expr(function.args)]:
            for node in ast.walk(statement):
                for field, values in replacements(node, known):
                    was, before = getattr(node, field), ast.unparse(statement)
                    for value in values:
                        setattr(node, field, value)
                        yield f"{function.name}: {before} -> {ast.unparse(statement)}"
                    setattr(node, field, was)


def replacements(node, known):
    if isinstance(node, ast.BinOp):
        return [("op", [other() for other in OTHERS[type(node.op)]])]
    if isinstance(node, ast.Compare):
        return [("ops", [[other()] for other in OTHERS[type(node.ops[0])]])]
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return [("value", [not node.value] if isinstance(node.value, bool) else [node.value + 1, node.value - 0.5])]
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in known:
        return [("id", [name for name in known if name != node.id])]
    return []


def source(module):
    """The module's tree without annotations and docstrings, which mean nothing to a mutant."""
    tree = ast.parse(inspect.getsource(module))
    for function in functions(tree):
        function.returns = None
        for argument in function.args.args + function.args.kwonlyargs:
            argument.annotation = None
    return tree


NAMES = [
    "sgd", "momentum", "nesterov", "adagrad", "adadelta", "rmsprop", "adam", "adam_l2", "adamw", "amsgrad", "nadam",
    "adamax", "radam", "lion", "decay", "lookahead", "schedule_free", "muon",
]  # fmt: skip


def test_every_rule_has_mutants(family):
    assert set(NAMES) == set(family)


@pytest.mark.parametrize("name", NAMES)
def test_every_small_change_of_a_rule_is_caught(name, family):
    tree = source(family[name][0][0].module)

    def code():
        return compile(ast.fix_missing_locations(tree), name, "exec")

    assert survives(code(), family[name])
    outcomes = [(change, survives(code(), family[name])) for change in mutants(tree)]
    assert len(outcomes) > 10
    alive = {
        change: {reason for reason in SAME.get(name, {}) if re.search(reason, change.rpartition(" -> ")[2])}
        for change, alive in outcomes
        if alive
    }
    assert [change for change, excuses in alive.items() if not excuses] == []
    assert set().union(*alive.values()) == set(SAME.get(name, {}))
