"""Arithmetic that a reader would not write down: what options that are off leave behind."""

import ast

from course_lib.lessons.formulas.symbols import GUARD


def simplify(node: ast.expr) -> ast.expr:
    """`node` without sums with 0, products with 0 or 1, 1 - (1 - x), and guards against 0/0."""
    return _Simplifier().visit(node)


def binary(left: ast.expr, op: ast.operator, right: ast.expr) -> ast.expr:
    return _reduced(ast.BinOp(left, op, right))


def is_number(node, value) -> bool:
    return isinstance(node, ast.Constant) and not isinstance(node.value, bool) and node.value == value


class _Simplifier(ast.NodeTransformer):
    def visit_BinOp(self, node):
        self.generic_visit(node)
        return _reduced(node)

    def visit_Call(self, node):
        self.generic_visit(node)
        low = node.args[-1]
        if node.func.id == "maximum" and isinstance(low, ast.Constant) and 0 < low.value < GUARD:
            return node.args[0]
        return node


def _reduced(node):
    left, op, right = node.left, type(node.op), node.right
    if op is ast.Mult:
        return _product(node, left, right)
    if op is ast.Div:
        return left if is_number(left, 0) or is_number(right, 1) else node
    if op is ast.Add and is_number(left, 0):
        return right
    if op in (ast.Add, ast.Sub) and is_number(right, 0):
        return left
    if op is ast.Add and is_number(right, 1) and _is(left, ast.Sub) and is_number(left.right, 1):
        return left.left
    if op is ast.Sub and is_number(left, 1) and _is(right, ast.Sub) and is_number(right.left, 1):
        return right.right
    return node


def _product(node, left, right):
    for one, other in ((left, right), (right, left)):
        if is_number(one, 0):
            return one
        if is_number(one, 1):
            return other
    return node


def _is(node, op):
    return isinstance(node, ast.BinOp) and isinstance(node.op, op)
