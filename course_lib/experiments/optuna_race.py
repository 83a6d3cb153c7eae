"""Lesson 16: the race of 27 trials by a kept library, Optuna: its random sampler and its halving.

Optuna is an extra of the course, `search`: only `race` imports it, and says so where it is missing.

Reference: Akiba et al. 2019; Li et al. 2020.
"""

from types import SimpleNamespace

import numpy as np

from course_lib.experiments.procedure import HIGH, LOW, NAMES, losses

TRIALS, ETA, BUDGETS = 27, 3, (4, 12, 36, 108)  # epochs, as in `procedure.race`
MISSING = (
    "Optuna is not installed: `%pip install optuna` in a cell brings it, as does the course's extra, "
    '`pip install -e ".[search]"`. The lesson goes on without it.'
)


def race(seed: int = 2) -> SimpleNamespace:
    """Random settings, each cut or let on as it arrives: on, if in the best third of those that have come as far.

    winner, spent, rounds, last and full as in `procedure.race`; a round trains from the start here too.
    Raises ImportError where Optuna is missing.
    """
    optuna = _optuna()
    rounds: dict[int, dict] = {n: {} for n in BUDGETS}

    def objective(trial) -> float:
        setting = _suggested(trial)
        for n, seen in rounds.items():
            seen[trial.number] = loss = losses(setting[None], n)[0]
            trial.report(loss, n)
            if n < BUDGETS[-1] and trial.should_prune():
                raise optuna.TrialPruned
        return loss

    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=BUDGETS[0], reduction_factor=ETA)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed), pruner=pruner)
    study.optimize(objective, TRIALS)
    settings = np.array([[trial.params[name] for name in NAMES] for trial in study.trials])
    spent = sum(n * len(seen) for n, seen in rounds.items())
    full = losses(settings, BUDGETS[-1])
    return SimpleNamespace(winner=study.best_trial.number, spent=spent, rounds=rounds, last=BUDGETS[-1], full=full)


def _suggested(trial) -> np.ndarray:
    """One setting, (2,), each even in its logarithm."""
    ranges = zip(NAMES, LOW, HIGH, strict=True)
    return np.array([trial.suggest_float(name, low, high, log=True) for name, low, high in ranges])


def _optuna():
    try:
        import optuna
    except ImportError as error:
        raise ImportError(MISSING) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # else a line for each trial
    return optuna
