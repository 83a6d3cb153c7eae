"""The tests of the rules have teeth: change or delete anything in a rule, and it no longer agrees with torch.

Every mutant differs from the rule in one place of `init` or `step`: a statement gone, an operator, a comparison or a
number replaced, one name put for another.
"""

import ast
import inspect
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from course_lib.rules import momentum, nesterov, sgd

LRS = [0.1] * 8 + [0.03] * 4
GRADIENTS = np.random.default_rng(0).standard_normal(len(LRS)).tolist()
VARIANTS = {  # hyperparameters given to the rule: the same in torch's words
    "sgd": [({}, {})],
    "momentum": [
        ({}, {"momentum": 0.9}),
        ({"momentum": 0.5, "dampening": 0.3}, {"momentum": 0.5, "dampening": 0.3}),
    ],
    "nesterov": [
        ({}, {"momentum": 0.9, "nesterov": True}),
        ({"momentum": 0.5}, {"momentum": 0.5, "nesterov": True}),
    ],
}
OTHERS = {
    ast.Add: [ast.Sub, ast.Mult],
    ast.Sub: [ast.Add, ast.Mult],
    ast.Mult: [ast.Add, ast.Div],
    ast.Gt: [ast.GtE, ast.Lt, ast.Eq],
}


def torchs_path(words):
    p = torch.nn.Parameter(torch.tensor(1.5, dtype=torch.float64))
    optimizer, path = torch.optim.SGD([p], **words), []
    for g, lr in zip(GRADIENTS, LRS, strict=True):
        p.grad = torch.tensor(g, dtype=torch.float64)
        optimizer.param_groups[0]["lr"] = lr
        optimizer.step()
        path.append(p.item())
    return path


WANTED = {name: [torchs_path(words) for _, words in variants] for name, variants in VARIANTS.items()}


def agrees_with_torch(rule, name) -> bool:
    """Whether `rule`, which calls itself `name`, walks torch's path, counts the steps and keeps its kind of state."""
    for (hypers, _), wanted in zip(VARIANTS[name], WANTED[name], strict=True):
        p, s = 1.5, rule.init(1.5)
        kinds = {type(s)}
        for t, (g, lr) in enumerate(zip(GRADIENTS, LRS, strict=True), start=1):
            p, s = rule.step(p, g, s, lr=lr, **hypers)
            kinds.add(type(s))
            if not abs(p - wanted[t - 1]) < 1e-12 or getattr(s, "t", t) != t:
                return False
        if kinds != {rule.State}:
            return False
    return True


def mutants(tree):
    """Change `tree` in one place after another, and give the text of the changed function each time."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    for function in functions:
        names = [a.arg for a in function.args.args + function.args.kwonlyargs]
        for i, statement in enumerate(function.body):
            function.body[i] = ast.Pass()
            yield ast.unparse(function)
            function.body[i] = statement
        for node in ast.walk(ast.Module(function.body + function.args.kw_defaults, [])):
            for field, values in replacements(node, names):
                was = getattr(node, field)
                for value in values:
                    setattr(node, field, value)
                    yield ast.unparse(function)
                setattr(node, field, was)


def replacements(node, names):
    if isinstance(node, ast.BinOp):
        return [("op", [other() for other in OTHERS[type(node.op)]])]
    if isinstance(node, ast.Compare):
        return [("ops", [[other()] for other in OTHERS[type(node.ops[0])]])]
    if isinstance(node, ast.Constant):
        return [("value", [node.value + 1, node.value - 0.5])]
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in [*names, "v"]:
        return [("id", [name for name in names if name != node.id])]
    return []


def source(rule):
    """The rule's module without annotations, which mean nothing to a mutant."""
    tree = ast.parse(inspect.getsource(rule))
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        function.returns = None
        for argument in function.args.args:
            argument.annotation = None
    return tree


def survives(tree, name) -> bool:
    module = {}
    try:
        exec(compile(ast.fix_missing_locations(tree), name, "exec"), module)
        return agrees_with_torch(SimpleNamespace(**module), name)
    except (ArithmeticError, AttributeError, NameError, TypeError, ValueError):
        return False


@pytest.mark.parametrize("rule", [sgd, momentum, nesterov], ids=lambda rule: rule.__name__)
def test_every_mutant_of_a_rule_is_caught(rule):
    name, tree = rule.__name__.rpartition(".")[2], source(rule)
    assert survives(tree, name)
    outcomes = [(text, survives(tree, name)) for text in mutants(tree)]
    assert len(outcomes) > 10
    assert [text for text, alive in outcomes if alive] == []
