"""From the source of a rule's step to its equations: the assignments in order, and what they return.

What is read before it is assigned is of the step before, t-1; what is assigned is of this step, t. A function of the
rules that a step calls is read in its turn. Options that are off by default are left out, weight decay excepted.
"""

import ast
import builtins
import inspect
import textwrap
from collections.abc import Callable
from functools import partial

from course_lib.lessons.error import LessonError
from course_lib.lessons.formulas.simplify import binary, simplify
from course_lib.lessons.formulas.symbols import has_symbol, is_timed, symbol

WORDS = {"sqrt", "sign", "abs", "maximum", "max", "where", "newton_schulz"}  # functions that mathematics has too
SHAPE = (r"\text{rows}", r"\text{columns}")


class _State:
    """The state before the step."""


def equations(rule) -> list[tuple[str, ast.expr]]:
    """(symbol, expression) for each line; the names in an expression are symbols in LaTeX.

    Raises LessonError where the source holds what no formula shows, a loop for example.
    """
    reader = _Reader()
    p = reader.run(rule.step, [ast.Name("p_{t-1}"), ast.Name("g_t"), _State()], {})[0]
    if not (isinstance(p, ast.Name) and p.id == "p_t"):
        reader.found.append(("p_t", simplify(p)))
    return reader.found


class _Reader:
    def __init__(self):
        self.found: list[tuple[str, ast.expr]] = []

    def run(self, fn: Callable, args: list, hypers: dict):
        """What `fn` returns for symbols, its assignments noted on the way."""
        while isinstance(fn, partial):
            fn, args = fn.func, [*fn.args, *args]
        body = ast.parse(textwrap.dedent(inspect.getsource(fn))).body[0].body
        scope = _Scope(fn, body)
        self._bind(scope, args, dict(hypers))
        for line in body:
            if isinstance(line, ast.Assign) and len(line.targets) == 1:
                self._assign(line.targets[0], self._value(line.value, scope), scope)
            elif isinstance(line, ast.Return):
                return self._value(line.value, scope)
            elif not (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)):
                raise LessonError(f"`{fn.__name__}` has a `{type(line).__name__.lower()}`, which no formula shows")
        raise LessonError(f"`{fn.__name__}` returns nothing")

    def _bind(self, scope, args, hypers):
        for name, parameter in inspect.signature(scope.fn).parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                scope.names[name] = hypers
            elif args:
                scope.names[name] = self._named_once(name, args.pop(0), scope)
            else:
                scope.names[name] = hypers.pop(name) if name in hypers else _hyper(parameter)

    def _named_once(self, name, value, scope):
        """An argument that is a whole expression and is used more than once gets a line of its own."""
        if not isinstance(value, ast.BinOp) or scope.uses(name) < 2:
            return value
        self.found.append((rf"\tilde {name}_t", simplify(value)))
        return ast.Name(rf"\tilde {name}_t")

    def _assign(self, target, value, scope):
        if isinstance(target, ast.Tuple):
            for part, one in zip(target.elts, value, strict=True):
                self._assign(part, one, scope)
            return
        again = scope.assigned(target.id)
        if isinstance(value, ast.expr):
            value = simplify(value)
            if has_symbol(target.id) and not isinstance(value, ast.Name | ast.Constant):
                timed = any(isinstance(part, ast.Name) and is_timed(part.id) for part in ast.walk(value))
                name = symbol(target.id, ("t-1" if again else "t") if timed else "")
                self.found.append((name, value))
                value = ast.Name(name)
        scope.names[target.id] = value

    def _value(self, node, scope):
        """An expression in symbols; or what a name means in Python: a function, a rule, the state."""
        match node:
            case ast.Name():
                return scope.look_up(node.id)
            case ast.Attribute():
                return _attribute(self._value(node.value, scope), node.attr)
            case ast.Subscript(value=shape, slice=ast.Constant(value=axis)):
                return ast.Name(self._value(shape, scope)[axis])
            case ast.Tuple():
                return tuple(self._value(part, scope) for part in node.elts)
            case ast.BinOp():
                return binary(self._value(node.left, scope), node.op, self._value(node.right, scope))
            case ast.Compare(ops=[op], comparators=[right]):
                return ast.Compare(self._value(node.left, scope), [op], [self._value(right, scope)])
            case ast.IfExp():
                return self._chosen(node, scope)
            case ast.Call():
                return self._called(node, scope)
            case ast.Constant():
                return node
        raise LessonError(f"`{ast.unparse(node)}` in `{scope.fn.__name__}` is nothing that a formula shows")

    def _chosen(self, node, scope):
        test = self._value(node.test, scope)
        if isinstance(test, ast.Constant):
            return self._value(node.body if test.value else node.orelse, scope)
        raise LessonError(f"`{ast.unparse(node)}` in `{scope.fn.__name__}` depends on what no formula shows")

    def _called(self, node, scope):
        fn = self._value(node.func, scope)
        args = [self._value(argument, scope) for argument in node.args]
        name = getattr(fn, "__name__", "")
        if isinstance(fn, type):
            return tuple(args)
        if name in WORDS:
            return ast.Call(ast.Name(name), args, [])
        if name == "one_minus_power":
            return ast.BinOp(ast.Constant(1), ast.Sub(), ast.BinOp(args[0], ast.Pow(), args[1]))
        if not inspect.isfunction(fn) and not isinstance(fn, partial):
            raise LessonError(f"`{ast.unparse(node)}` in `{scope.fn.__name__}` is nothing that a formula shows")
        hypers = {}
        for keyword in node.keywords:
            value = self._value(keyword.value, scope)
            hypers |= {keyword.arg: value} if keyword.arg else value
        return self.run(fn, args, hypers)


class _Scope:
    """The names of one function: its own, and those of its module."""

    def __init__(self, fn, body):
        self.fn, self.body, self.names = fn, body, {}
        stored = [n.id for line in body for n in ast.walk(line) if isinstance(n, ast.Name) and _is_stored(n)]
        self.waiting = {name: stored.count(name) for name in stored}

    def look_up(self, name):
        if name in self.names:
            return self.names[name]
        return self.fn.__globals__.get(name, getattr(builtins, name, None))

    def uses(self, name):
        return sum(isinstance(n, ast.Name) and n.id == name for line in self.body for n in ast.walk(line))

    def assigned(self, name) -> bool:
        """Note an assignment; whether another follows."""
        self.waiting[name] -= 1
        return self.waiting[name] > 0


def _is_stored(node):
    return isinstance(node.ctx, ast.Store)


def _hyper(parameter):
    """A hyperparameter as its symbol, or as the 0, False or True that it is by default."""
    default = parameter.default
    if parameter.name != "weight_decay" and (isinstance(default, bool) or default == 0):
        return ast.Constant(default)
    return ast.Name(symbol(parameter.name))


def _attribute(thing, name):
    if isinstance(thing, _State):
        if name == "inner":
            return thing
        return binary(ast.Name("t"), ast.Sub(), ast.Constant(1)) if name == "t" else ast.Name(symbol(name, "t-1"))
    return SHAPE if isinstance(thing, ast.expr) and name == "shape" else getattr(thing, name)
