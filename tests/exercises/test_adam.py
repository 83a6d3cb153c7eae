"""Right answers to lesson 05 in other words, and where they go on."""

import jax.numpy as jnp
import numpy as np
import pytest

from course_lib.exercises import adam as lesson_05
from course_lib.jax_optim import from_rule
from course_lib.rules import adam


def in_place(p, g, s, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v, t = s
    t += 1
    m *= beta1
    m += (1 - beta1) * g
    v *= beta2
    v += (1 - beta2) * g**2
    p -= lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return p, [m, v, t]


def corrected_rate(p, g, state, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = state.m + (1 - beta1) * (g - state.m)
    v = state.v + (1 - beta2) * (g * g - state.v)
    c1, c2 = (-np.expm1((state.t + 1) * np.log(beta)) for beta in (beta1, beta2))
    return p - lr * c2**0.5 / c1 * m / (v**0.5 + eps * c2**0.5), adam.State(m, v, state.t + 1)


def plain(p, g, s, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m, v, t = beta1 * s[0] + (1 - beta1) * g, beta2 * s[1] + (1 - beta2) * g * g, s[2] + 1
    return p - lr * m / (1 - beta1**t) / ((v / (1 - beta2**t)) ** 0.5 + eps), (m, v, t)


@pytest.mark.parametrize("answer", [in_place, corrected_rate, plain])
def test_adam_may_be_written_in_other_ways(answer):
    verdict = lesson_05.adam_step.check(answer)
    assert verdict.right, str(verdict)


def test_a_state_given_back_as_a_plain_tuple_goes_on_in_jax(capsys):
    p, g = jnp.ones(3), jnp.array([1.0, -2.0, 0.5])
    transform = from_rule(lesson_05.adam_step.use(plain), 0.1)
    state = transform.init(p)
    for _ in range(2):
        update, state = transform.update(g, state, p)
    np.testing.assert_allclose(update, -0.1 * np.sign(g), rtol=1e-4)
    assert "library" not in capsys.readouterr().out.replace("The lesson goes on with your rule", "")


def test_amsgrad_may_keep_its_maximum_by_where():
    def step(p, g, s, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        m, v, w, t = s
        m, v, t = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g, t + 1
        w = np.where(v > w, v, w)
        return p - lr * m / (1 - beta1**t) / (np.sqrt(w / (1 - beta2**t)) + eps), (m, v, w, t)

    assert lesson_05.amsgrad_step.check(step).right
