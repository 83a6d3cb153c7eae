"""`course nqm`: the figures in images/ and the steps to a target at the terminal."""

import json

import numpy as np
import pytest
from PIL import Image

from course_lib import cli
from course_lib import noisy_quadratic as model
from course_lib.experiments import noisy_quadratic as lab
from course_lib.plots import noisy_quadratic as show

STEPS = ["nqm", "steps", "--optimiser", "sgd", "--batch-size", "16", "--target", "0.1", "--dimension", "1000"]


@pytest.fixture(autouse=True)
def _without_a_screen(monkeypatch):
    import matplotlib

    matplotlib.use("agg")
    monkeypatch.setenv("MPLBACKEND", "agg")  # as the command leaves it


def refusal(argv, capsys) -> str:
    try:
        code = cli.main(argv)
    except SystemExit as exit:
        code = exit.code
    said = capsys.readouterr()
    assert (code, said.out) == (2, "")
    assert len(said.err.splitlines()) == 1
    return said.err


def test_nine_figures_each_have_their_experiment_and_their_plot():
    assert len(model.FIGURES) == 9
    for computed, drawn in model.FIGURES.values():
        assert callable(getattr(lab, computed))
        assert callable(getattr(show, drawn))


@pytest.mark.parametrize("name", ["nqm_curves.png", "nqm_schedules.png"])
def test_a_stored_figure_is_what_the_library_draws_today(name, tmp_path):
    (path,) = model.write(tmp_path, [name])
    stored, now = (np.asarray(Image.open(at).convert("L"), float) for at in (cli.ROOT / "images" / name, path))
    assert stored.shape == now.shape
    assert np.mean(np.abs(stored - now) > 40) < 0.01


def test_what_two_figures_share_is_computed_once(tmp_path, monkeypatch):
    calls, few = [], lab.Tuned(*(np.array([1.0, 2.0]) for _ in range(3)), np.zeros(2))
    monkeypatch.setattr(lab, "momenta", lambda: calls.append(1) or dict.fromkeys(("a", "b", "c"), few))
    model.write(tmp_path / "new", ["nqm_momentum.png", "nqm_effective_lr.png"])
    assert calls == [1]
    assert len(list((tmp_path / "new").iterdir())) == 2


def test_the_command_draws_into_images_and_says_where(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    monkeypatch.setattr(model, "FIGURES", {"nqm_schedules.png": ("schedules", "schedules")})
    monkeypatch.setattr(model.write, "__defaults__", (("nqm_schedules.png",),))
    assert cli.main(["nqm", "figures"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "images" / "nqm_schedules.png")
    assert (tmp_path / "images" / "nqm_schedules.png").stat().st_size > 10_000


def test_a_progress_bar_counts_the_figures(monkeypatch, tmp_path, capsys):
    monkeypatch.delenv("TQDM_DISABLE")
    model.write(tmp_path, ["nqm_schedules.png"])
    assert "figures" in capsys.readouterr().err


def test_steps_answers_as_a_table(capsys):
    assert cli.main(STEPS) == 0
    asked, names, values = capsys.readouterr().out.splitlines()
    assert asked == "sgd, 1,000 coordinates, power 0, target 0.1"
    row = dict(zip(names.split(), values.split(), strict=False))
    assert (row["batch_size"], row["steps"], row["momentum"]) == ("16", "1,658", "0")
    assert "above the target at 1657" in values


def test_what_is_out_of_reach_is_said_in_the_table_and_null_in_json(capsys):
    hard = ["nqm", "steps", "--optimiser", "sgd", "--batch-size", "1", "--target", "1e-14"]
    assert cli.main(hard) == 0
    assert "steps" in capsys.readouterr().out.splitlines()[2]
    assert cli.main([*hard, "--json"]) == 0
    row = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)[0]
    assert row["steps"] is None
    assert row["reason"]


def test_steps_answers_as_json_one_object_a_batch_size(capsys):
    argv = [*STEPS, "--json"]
    argv.insert(argv.index("16") + 1, "256")
    assert cli.main(argv) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["batch_size"], row["steps"]) for row in rows] == [(16, 1658), (256, 355)]
    assert rows[0]["lr"] == pytest.approx(0.56, rel=0.05)
    assert rows[0]["loss"] <= 0.1


def test_momentum_power_and_a_large_dimension_are_taken(capsys):
    assert cli.main([*STEPS, "--power", "0.5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["steps"] == 500
    heavy = ["nqm", "steps", "--optimiser", "heavy_ball", "--batch-size", "16", "--target", "0.1", "--json"]
    assert cli.main([*heavy, "--momentum", "0.9", "--dimension", "1e3"]) == 0
    row = json.loads(capsys.readouterr().out)[0]
    assert (row["steps"], row["momentum"]) == (pytest.approx(1536, rel=0.001), 0.9)
    assert cli.main(["nqm", "steps", *STEPS[2:-2], "--dimension", "1e12", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["steps"] > 1e10


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (["--batch-size", "-4"], "batch_size is -4"),
        (["--batch-size", "nan"], "batch_size is nan"),
        (["--target", "-1"], "target is -1"),
        (["--dimension", "0"], "dimension is 0; allowed is an integer from 1"),
        (["--dimension", "1.5"], "argument --dimension: invalid whole value: '1.5'"),
        (["--dimension", "inf"], "argument --dimension: invalid whole value: 'inf'"),
        (["--momentum", "1"], "momentum is 1"),
        (["--optimiser", "adam"], "invalid choice: 'adam'"),
        (["--batch", "4"], "unknown argument '--batch'"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(change, sentence, capsys):
    argv = STEPS if change[0] != "--momentum" else [w if w != "sgd" else "heavy_ball" for w in STEPS]
    assert sentence in refusal([*argv, *change], capsys)


@pytest.mark.parametrize("argv", [["nqm"], ["nqm", "draw"], ["nqm", "steps"]])
def test_a_missing_or_wrong_part_is_one_sentence(argv, capsys):
    assert "course nqm" in refusal(argv, capsys)
