"""Equations as LaTeX."""

import ast

from course_lib.lessons.formulas.simplify import is_number
from course_lib.lessons.formulas.symbols import is_timed

SUM, PRODUCT, POWER, ATOM = range(4)  # how tightly an expression holds together
RELATIONS = {ast.Gt: ">", ast.Lt: "<", ast.GtE: r"\ge", ast.LtE: r"\le", ast.Eq: "="}
NAMES = {"sign": r"\operatorname{sign}", "maximum": r"\max", "max": r"\max", "newton_schulz": r"\operatorname{NS}"}


def display(equations) -> str:
    """The lines of a display formula for [(symbol, expression)]."""
    if len(equations) == 1:
        name, value = equations[0]
        return f"$$ {name} = {written(value)} $$"
    lines = " \\\\\n".join(f"{name} &= {written(value)}" for name, value in equations)
    return f"$$\n\\begin{{aligned}}\n{lines}\n\\end{{aligned}}\n$$"


def written(node: ast.expr, least: int = SUM, small: bool = False) -> str:
    """`node` as LaTeX, in parentheses if it holds less tightly than `least`; `small` inside a fraction or a root."""
    text, level = _WRITERS[type(node)](node, small)
    return _parenthesised(text) if level < least else text


def _parenthesised(text):
    return rf"\left({text}\right)" if r"\frac" in text or r"\begin" in text else f"({text})"


def _name(node, small):
    return node.id, ATOM


def _number(node, small):
    return f"{node.value:g}", ATOM


def _compare(node, small):
    relation = RELATIONS[type(node.ops[0])]
    return f"{written(node.left, SUM, small)} {relation} {written(node.comparators[0], SUM, small)}", SUM


def _binary(node, small):
    match node.op:
        case ast.Add() | ast.Sub():
            minus = isinstance(node.op, ast.Sub)
            right = written(node.right, PRODUCT if minus else SUM, small)
            return f"{written(node.left, SUM, small)} {'-' if minus else '+'} {right}", SUM
        case ast.Mod():
            return rf"{written(node.left, ATOM)} \bmod {written(node.right, ATOM)}", PRODUCT
        case ast.Pow():
            return _power(node.left, node.right, small)
    return _product(node, small)


def _power(base, exponent, small):
    if is_number(exponent, 0.5):
        return _root(base, small), ATOM
    least = ATOM if isinstance(base, ast.Name | ast.Constant) else ATOM + 1
    text = written(exponent, SUM, True)
    return f"{written(base, least, small)}^{text if len(text) == 1 else f'{{{text}}}'}", POWER


def _product(node, small):
    fractions = [(_collected(above), _collected(below)) for above, below in _fractions(node)]
    if small:
        return _on_one_line(fractions), PRODUCT
    first, *rest = (_fraction(above, below, alone=len(fractions) == 1) for above, below in fractions)
    return first + "".join(map(_glued, rest)), PRODUCT


def _on_one_line(fractions):
    above = [factor for numerator, _ in fractions for factor in numerator]
    below = [factor for _, denominator in fractions for factor in denominator]
    if not below:
        return _joined(above, True)
    under = written(below[0], POWER, True) if len(below) == 1 else _parenthesised(_joined(below, True))
    return f"{_joined(above, True, alone=False)}/{under}"


def _fraction(above, below, alone):
    if not below:
        return _joined(above, False, alone)
    ahead = []
    while len(above) > 1 and isinstance(above[0], ast.Name) and not is_timed(above[0].id):
        ahead.append(above.pop(0))  # the learning rate stands before the fraction
    fraction = rf"\frac{{{_joined(above, True)}}}{{{_joined(below, True)}}}"
    return _joined(ahead, False, alone=False) + _glued(fraction) if ahead else fraction


def _fractions(node):
    """(factors above, factors below the line), in the order of the source; a factor after a division comes after it."""
    if not _is_product(node):
        return [([node], [])]
    found, right = _fractions(node.left), _fractions(node.right)
    if isinstance(node.op, ast.Div):
        found[-1][1].extend([node.right] if right[0][1] or len(right) > 1 else right[0][0])
    elif found[-1][1] or right[0][1]:
        found += right
    else:
        found[-1][0].extend(right[0][0])
        found += right[1:]
    return found


def _is_product(node):
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div)


def _collected(factors):
    """Equal neighbours become a square."""
    kept = []
    for factor in factors:
        if kept and ast.dump(kept[-1]) == ast.dump(factor):
            kept[-1] = ast.BinOp(factor, ast.Pow(), ast.Constant(2))
        else:
            kept.append(factor)
    return kept


def _joined(factors, small, alone=True):
    """A product; where nothing stands beside it, a single factor needs no parentheses."""
    if alone and len(factors) == 1:
        return written(factors[0], SUM, small)
    first, *rest = (written(factor, POWER, small) for factor in factors)
    return first + "".join(map(_glued, rest))


def _glued(factor):
    return (r" \cdot " if factor[0].isdigit() else r"\,") + factor


def _root(node, small):
    return rf"\sqrt{{{written(node, SUM, small)}}}"


def _call(node, small):
    name, args = node.func.id, node.args
    if name == "sqrt":
        return _root(args[0], small), ATOM
    if name == "abs":
        return rf"\left|{written(args[0], SUM, small)}\right|", ATOM
    if name == "where":
        test, yes, no = (written(argument).replace(r"\frac", r"\dfrac") for argument in args)
        return rf"\begin{{cases}} {yes} & \text{{if }} {test} \\ {no} & \text{{otherwise}} \end{{cases}}", ATOM
    return rf"{NAMES[name]}{_parenthesised(', '.join(written(argument, SUM, small) for argument in args))}", ATOM


_WRITERS = {
    ast.Name: _name,
    ast.Constant: _number,
    ast.Compare: _compare,
    ast.BinOp: _binary,
    ast.Call: _call,
}
