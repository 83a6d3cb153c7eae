"""Weight decay around any rule: through the gradient (L2), or beside it (decoupled).

    l2(rule)          g <- g + weight_decay * p, then the rule
    decoupled(rule)   p <- (1 - lr * weight_decay) * p, then the rule

For plain SGD the two are the same; with momentum or a scaled gradient they are not.

References: Loshchilov & Hutter 2019, section 2.
"""

from functools import partial

from course_lib.rule import Rule, with_arguments


def l2(rule) -> Rule:
    """`rule` with one hyperparameter more, `weight_decay`, through the gradient."""
    return _around(rule, _step_l2, "l2")


def decoupled(rule) -> Rule:
    """`rule` with one hyperparameter more, `weight_decay`, beside the step."""
    return _around(rule, _step_decoupled, "decoupled")


def _step_l2(rule, p, g, s, *, weight_decay=0.0, **hypers):
    return rule.step(p, g + weight_decay * p, s, **hypers)


def _step_decoupled(rule, p, g, s, *, lr, weight_decay=0.0, **hypers):
    return rule.step((1 - lr * weight_decay) * p, g, s, lr=lr, **hypers)


def _around(rule, step, name):
    rule = Rule.of(rule)
    step = with_arguments(partial(step, rule), rule, weight_decay=0.0)
    return Rule(f"{rule.name}_{name}", rule.init, step, rule.State, rule.elementwise)
