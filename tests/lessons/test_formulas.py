"""The formula of every rule, read back and computed, is the rule; and a rule that changes changes its formula."""

import ast
import importlib.util
import inspect
import operator
from random import Random

import numpy as np
import pytest

from course_lib import rules
from course_lib.lessons import LessonError
from course_lib.lessons.formulas import faults, fill
from course_lib.lessons.formulas.equations import equations
from course_lib.lessons.formulas.latex import display, written
from course_lib.lessons.formulas.named import named
from course_lib.lessons.formulas.parse import parse
from course_lib.lessons.formulas.values import FUNCTIONS, TRIED, disagreement

AROUND = ["decay.l2(momentum)", "decay.l2(adam)", "decay.decoupled(rmsprop)", "lookahead.lookahead(momentum)"]
AROUND += ["lookahead.lookahead(adam)"]
MODULES = [name for name in rules.__all__ if name not in ("Rule", "decay", "lookahead", "schedule_free")]
INSIDE = [f"{name}.{part}" for name in rules.__all__ for part, thing in vars(getattr(rules, name)).items()
          if isinstance(thing, rules.Rule) and part != "with_adamw"]  # fmt: skip
RULES = [*MODULES, *INSIDE, *AROUND]


def formula(rule):
    return display(equations(rule))


@pytest.mark.parametrize("name", RULES)
def test_the_formula_of_a_rule_gives_the_numbers_of_the_rule(name):
    assert disagreement(formula(named(name)), named(name)) == ""


@pytest.mark.parametrize("name", RULES)
def test_every_option_that_the_formula_shows_is_tried_away_from_its_default(name):
    for option, parameter in inspect.signature(named(name).step).parameters.items():
        if option in TRIED:
            assert parameter.default != TRIED[option]
        elif parameter.kind is parameter.KEYWORD_ONLY:
            assert option in ("dampening", "lr_decay", "eps_root", "corrected_eps") or named(name) is rules.muon


WRITTEN = {
    "sgd": r"$$ p_t = p_{t-1} - \alpha\,g_t $$",
    "nesterov": r"""$$
\begin{aligned}
v_t &= \mu\,v_{t-1} + g_t \\
p_t &= p_{t-1} - \alpha\,(g_t + \mu\,v_t)
\end{aligned}
$$""",
    "schedule_free.sgd": r"""$$
\begin{aligned}
x_{t-1} &= \frac{p_{t-1} - (1 - \beta)\,z_{t-1}}{\beta} \\
z_t &= z_{t-1} - \alpha\,(g_t + \lambda\,p_{t-1}) \\
W_t &= W_{t-1} + \alpha^2 \\
c_t &= \frac{\alpha^2}{W_t} \\
x_t &= (1 - c_t)\,x_{t-1} + c_t\,z_t \\
p_t &= (1 - \beta)\,z_t + \beta\,x_t
\end{aligned}
$$""",
    "adamw": r"""$$
\begin{aligned}
m_t &= \beta_1\,m_{t-1} + (1 - \beta_1)\,g_t \\
v_t &= \beta_2\,v_{t-1} + (1 - \beta_2)\,g_t^2 \\
\hat m_t &= \frac{m_t}{1 - \beta_1^t} \\
\hat v_t &= \frac{v_t}{1 - \beta_2^t} \\
p_t &= (1 - \alpha\,\lambda)\,p_{t-1} - \alpha\,\frac{\hat m_t}{\sqrt{\hat v_t} + \varepsilon}
\end{aligned}
$$""",
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_formula_reads_as_in_a_book(name):
    assert formula(named(name)) == WRITTEN[name]


@pytest.mark.parametrize("name", RULES)
def test_no_name_of_the_code_and_no_double_superscript_is_left_in_a_formula(name):
    text = formula(named(name))
    assert not any(word in text for word in ("beta1", "_hat", "lr", "one_minus", "**", "'_t^", "0.0 "))


OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
NUMBERS = {"x_t": 1.3, "y_t": 0.7, "\\alpha": 0.37, "\\beta_2": 0.81, "t": 3}


def tree(random, depth):
    """Any expression, and its value."""
    if depth == 0:
        name = random.choice([*NUMBERS])
        return ast.Name(name), NUMBERS[name]
    (left, a), (right, b) = tree(random, random.randrange(depth)), tree(random, random.randrange(depth))
    kind = random.choice([*OPERATORS, ast.Pow, "sqrt", "abs", "maximum", "where"])
    match kind:
        case "sqrt":
            return ast.Call(ast.Name("sqrt"), [ast.Call(ast.Name("abs"), [left], [])], []), abs(a) ** 0.5
        case "abs":
            return ast.Call(ast.Name("abs"), [left], []), abs(a)
        case "maximum":
            return ast.Call(ast.Name("maximum"), [left, right], []), max(a, b)
        case "where":
            test = ast.Compare(left, [ast.Gt()], [right])
            return ast.Call(ast.Name("where"), [test, left, right], []), a if a > b else b
        case ast.Pow:
            return ast.BinOp(left, ast.Pow(), ast.Constant(2)), a**2
    return ast.BinOp(left, kind(), right), OPERATORS[kind](a, b)


def test_any_expression_is_written_so_that_it_reads_as_it_was_meant():
    random = Random(0)
    for _ in range(1500):
        try:
            node, value = tree(random, 6)
        except (ZeroDivisionError, OverflowError):
            continue
        ((name, source),) = parse(display([("q_t", node)]))
        assert name == "q_t"
        with np.errstate(all="ignore"):  # where() divides on both sides
            assert eval(source, {**FUNCTIONS, "known": NUMBERS}) == pytest.approx(value), written(node)


# Another code, another formula


MUTANTS = {
    "betas swapped": ("adam", "m = beta1 * s.m + (1 - beta1) * g", "m = beta2 * s.m + (1 - beta2) * g"),
    "eps inside the root": ("adam", "(sqrt(v_hat) + eps)", "sqrt(v_hat + eps)"),
    "a correction forgotten": ("adam", "v_hat = v / one_minus_power(beta2, t)", "v_hat = v / 1"),
    "the old step count": ("adam", "one_minus_power(beta1, t)", "one_minus_power(beta1, t + 1)"),
    "not squared": (
        "rmsprop",
        "v = alpha * s.v + (1 - alpha) * g * g\n    return",
        "v = alpha * s.v + (1 - alpha) * abs(g)\n    return",
    ),
    "heavy ball": ("nesterov", "return p - lr * (g + momentum * v)", "return p - lr * v"),
    "uphill": ("sgd", "return p - lr * g", "return p + lr * g"),
    "the new state": ("adadelta", "d = sqrt(s.u + eps)", "d = sqrt(v + eps)"),
    "no sign": ("lion", "u = sign(beta1 * s.m + (1 - beta1) * g)", "u = 1 * (beta1 * s.m + (1 - beta1) * g)"),
    "decay of the wrong sign": ("lion", "u + weight_decay * p", "u - weight_decay * p"),
    "threshold": ("radam", "rho > 5", "rho > 7"),
    "minimum": ("amsgrad", "w = maximum(s.w, v)", "w = v + 0 * s.w"),
}


@pytest.fixture(params=MUTANTS.values(), ids=MUTANTS)
def mutant(request, tmp_path):
    """(a rule, the same with one line changed)."""
    name, old, new = request.param
    rule = getattr(rules, name)
    text = inspect.getsource(rule)
    assert text.count(old) == 1
    path = tmp_path / "mutant.py"
    path.write_text(text.replace(old, new), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("mutant", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return rule, module


def test_a_changed_rule_has_a_changed_formula_that_is_again_true(mutant):
    rule, changed = mutant
    assert formula(changed) != formula(rule)
    assert disagreement(formula(changed), changed) == ""


def test_a_formula_that_is_not_the_rules_is_seen_by_its_numbers(mutant):
    rule, changed = mutant
    assert "its numbers are not the rule's from step" in disagreement(formula(rule), changed)


# By hand


BY_HAND = {
    "centered": ("sgd", r"$$ p_t = p_{t-1} - \alpha g_t . $$"),
    "on one line": ("momentum", r"$$ v_t = \mu\, v_{t-1} + g_t, \qquad p_t = p_{t-1} - \alpha\, v_t . $$"),
    "other order": ("nesterov", r"$$ v_{t} = g_t + v_{t-1} \cdot \mu, p_t = - \alpha\mu v_t - \alpha g_t + p_{t-1} $$"),
    "fractions": ("rmsprop", r"""$$\begin{align}
        v_t &= \left(1 - \rho\right) g_t^2 + \rho v_{t-1} \\
        p_t &= p_{t-1} - \dfrac{\alpha g_t}{v_t^{1/2} + \varepsilon}
        \end{align}$$"""),
    "braces": ("adam", r"""$$ m_{t} = \beta_{1} m_{t-1} + (1-\beta_{1}) g_{t}, \quad
        v_{t} = \beta_{2} v_{t-1} + (1-\beta_{2}) g_{t}^{2},
        p_{t} = p_{t-1} - \alpha \frac{m_t / (1 - \beta_1^{t})}{\sqrt{v_t / (1 - {\beta_2}^t)} + \varepsilon} $$"""),
    "bars": ("adamax", r"""$$ \hat{m}_t = \beta_1 m_{t-1} + (1-\beta_1) g_t, m_t = \hat{m}_t,
        u_t = \max(\beta_2 u_{t-1}, |g_t| + \varepsilon), p_t = p_{t-1} - \frac{\alpha m_t}{(1-\beta_1^t) u_t} $$"""),
    "halves": ("nadam", r"""$$ \begin{aligned}
        \mu_t &= \beta_1 \left(1 - \tfrac12 \cdot 0.96^{t\psi}\right) \\
        \mu_{t+1} &= \beta_1 \left(1 - \frac{1}{2} 0.96^{(t+1)\psi}\right) \\ P_t &= \mu_t P_{t-1} \\
        m_t &= \beta_1 m_{t-1} + (1-\beta_1) g_t \\ v_t &= \beta_2 v_{t-1} + (1-\beta_2) g_t^2 \\
        p_t &= p_{t-1} - \alpha \frac{\frac{\mu_{t+1} m_t}{1 - \mu_{t+1} P_t} + \frac{(1 - \mu_t) g_t}{1 - P_t}}
        {\sqrt{v_t/(1-\beta_2^t)} + \varepsilon} \end{aligned} $$"""),
}  # fmt: skip


@pytest.mark.parametrize(("name", "latex"), BY_HAND.values(), ids=BY_HAND)
def test_a_formula_written_by_hand_may_look_otherwise(name, latex):
    assert disagreement(latex, named(name)) == ""


@pytest.mark.parametrize(
    ("latex", "words"),
    [
        (r"$$ p_t = p_{t-1} + \alpha g_t $$", "its numbers are not the rule's from step 1 on"),
        (r"$$ p_t = p_{t-1} - \eta g_t $$", r"p_t is computed from \eta, which nothing gives"),
        (r"$$ p_{t+1} = p_t - \alpha g_t $$", "p_t+1 is computed from p_t, which nothing gives"),
        (r"$$ q_t = p_{t-1} $$", "no line gives p_t"),
        ("$$ $$", "no line gives p_t"),
        (r"$$ p_t = \operatorname{clip}(g_t) $$", "the function clip; it may have NS, max, sign"),
        (r"$$ p_t = p_{t-1} - \alpha (g_t $$", "its LaTeX ends too early"),
        (r"$$ p_t = p_{t-1} - \alpha ) $$", r"its LaTeX has `)`"),
        (r"$$ p_t \leftarrow p_{t-1} $$", r"its LaTeX has `\leftarrow` where = should stand"),
    ],
)
def test_a_wrong_formula_written_by_hand_is_one_sentence(latex, words):
    with pytest.raises(LessonError) as caught:
        fill(f"<!-- formula: sgd by hand -->\n{latex}\n<!-- /formula -->\n", "a.md")
    assert str(caught.value).startswith("a.md: the formula of sgd: ")
    assert words in str(caught.value)


# The markers


def test_what_stands_between_the_markers_is_replaced_and_nothing_else():
    text = "Before.\n\n<!-- formula: sgd -->\n$$ old\n\nlines $$\n<!-- /formula -->\n\nAfter $x$.\n"
    filled = fill(text, "a.md")
    assert filled == f"Before.\n\n<!-- formula: sgd -->\n{WRITTEN['sgd']}\n<!-- /formula -->\n\nAfter $x$.\n"
    assert fill(filled, "a.md") == filled
    assert faults(filled, "a.md") == []
    assert faults(text, "a.md") == ["a.md: the formula of sgd is not what its code says: run `course build`."]


def test_a_true_formula_by_hand_is_left_alone():
    text = f"<!-- formula: sgd by hand -->\n{BY_HAND['centered'][1]}\n<!-- /formula -->\n"
    assert fill(text, "a.md") == text


@pytest.mark.parametrize(
    "text",
    [
        "<!-- formula: sgd -->\n",
        "<!-- /formula -->\n",
        "<!-- formula: sgd -->\n<!-- /formula -->\n<!-- /formula -->\n",
        "<!-- formula: sgd -->\n<!-- formula: sgd -->\n<!-- /formula -->\n",
        "<!-- formula sgd -->\n<!-- /formula -->\n",
        "<!--formula: sgd-->\n<!-- /formula -->\n",
        "<!-- Formula: sgd -->\n<!-- /formula -->\n",
        "See <!-- formula: sgd --> here\n<!-- /formula -->\n",
        "<!-- formula: sgd by heart -->\n<!-- /formula -->\n",
    ],
)
def test_a_marker_that_is_not_quite_right_is_refused(text):
    with pytest.raises(LessonError, match="is no marker of a formula, or has lost its partner"):
        fill(text, "a.md")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sdg", "sdg is no rule; the modules are adadelta"),
        ("sgd.slow", "sgd.slow is no rule"),
        ("Rule", "Rule is no rule"),
        ("lookahead", "lookahead is no rule"),
        ("adam(sgd)", "adam.sgd. is no rule"),
        ("decay.l2(sdg)", "decay.l2.sdg. is no rule"),
        ("decay.l2", r"decay.l2 goes around another rule: write decay.l2\(momentum\)"),
        ("decay.l2(lion)", "decay.l2 cannot go around lion, which has the same argument"),
        ("rmsprop.scale", "rmsprop.scale is no rule"),
        ("muon.with_adamw", "`_step_mixed` has a `if`, which no formula shows; write it by hand"),
    ],
)
def test_a_name_that_is_no_rule_is_one_sentence(name, words):
    with pytest.raises(LessonError, match=f"a.md: the formula of .*: {words}"):
        fill(f"<!-- formula: {name} -->\n<!-- /formula -->\n", "a.md")
