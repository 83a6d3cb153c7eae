"""How the names of the rules are written in mathematics."""

GUARD = 1e-20  # a constant below this only keeps a denominator from being zero

WRITTEN = {
    "ahead": r"\bar m",
    "alpha": r"\rho",  # RMSProp's, as AdaDelta calls the same thing; the course's alpha is lr
    "beta": r"\beta",
    "beta1": r"\beta_1",
    "beta2": r"\beta_2",
    "eps": r"\varepsilon",
    "fast": r"\tilde p",
    "lr": r"\alpha",
    "m_hat": r"\hat m",
    "momentum": r"\mu",
    "momentum_decay": r"\psi",
    "mu": r"\mu",
    "mu_next": r"\mu_{t+1}",
    "product": "P",
    "rho": r"\rho",
    "rho_inf": r"\rho_\infty",
    "slow": r"\bar p",
    "v_hat": r"\hat v",
    "weight": "W",
    "weight_decay": r"\lambda",
}


def has_symbol(name: str) -> bool:
    """A local name without a symbol is replaced by what it stands for."""
    return name in WRITTEN or len(name) == 1


def symbol(name: str, time: str = "") -> str:
    """`name` in LaTeX, at a time such as "t" or "t-1"."""
    base = WRITTEN.get(name, name)
    if not time or "_{t" in base:
        return base
    return f"{base}_{time}" if len(time) == 1 else f"{base}_{{{time}}}"


def is_timed(text: str) -> bool:
    """Whether a symbol changes from step to step."""
    return text == "t" or "_t" in text or "_{t" in text
