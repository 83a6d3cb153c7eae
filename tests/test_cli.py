"""The command line: every wrong word is one sentence, and each command starts the right program."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from traitlets.config import PyFileConfigLoader

from course_lib import cli, doctor


@pytest.fixture
def repository(tmp_path, monkeypatch):
    for folder in ("notebooks", "solutions", "tests"):
        (tmp_path / folder).mkdir()
    for stem in ("00_start", "01_sgd", "02_momentum"):
        (tmp_path / "notebooks" / f"{stem}.md").touch()
        (tmp_path / "solutions" / f"{stem}.md").touch()
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def handed(monkeypatch):
    """What the command would become: `command` and `environ`."""
    seen = SimpleNamespace()
    monkeypatch.setattr(cli, "hand_over", lambda command, environ: vars(seen).update(command=command, environ=environ))
    monkeypatch.setattr(cli.os, "chdir", lambda path: None)
    return seen


def refusal(argv, capsys) -> str:
    with pytest.raises(SystemExit) as exit:
        cli.main(argv)
    said = capsys.readouterr().err
    assert exit.value.code == 2
    assert len(said.splitlines()) == 1
    return said


@pytest.mark.parametrize("argv", [["lab", "99"], ["lab", "momentum"], ["build", "99"], ["build", "--execute", ""]])
def test_a_lesson_that_is_not_there_is_answered_with_those_that_are(repository, capsys, argv):
    said = refusal(argv, capsys)
    assert repr(argv[-1]) in said
    assert "00_start, 01_sgd, 02_momentum" in said


@pytest.mark.parametrize("stem", ["sharpness", "02_again", "17 sharpness"])
def test_a_bad_name_for_a_new_lesson_is_one_sentence(repository, capsys, stem):
    assert repr(stem) in refusal(["new", stem], capsys)


def test_new_writes_a_lesson_and_says_where(repository, capsys):
    assert cli.main(["new", "17_sharpness"]) == 0
    assert (repository / "solutions" / "17_sharpness.md").exists()
    assert "17_sharpness.md" in capsys.readouterr().out


def test_build_check_says_what_is_stale_and_exits_1(repository, monkeypatch, capsys):
    assert cli.main(["build", "--check"]) == 1
    assert "02_momentum" in capsys.readouterr().out
    monkeypatch.setattr("course_lib.lessons.check", lambda: [])
    assert cli.main(["build", "--check"]) == 0
    assert capsys.readouterr().out == ""


def test_build_hands_the_lessons_on_and_says_what_it_wrote(monkeypatch, capsys):
    monkeypatch.setattr("course_lib.lessons.build", lambda lessons, execute: [f"{lessons} {execute}"])
    assert cli.main(["build", "2", "03_nesterov"]) == 0
    assert capsys.readouterr().out == "['2', '03_nesterov'] False\n"


def test_an_unknown_command_is_answered_with_those_that_are(capsys):
    said = refusal(["tset"], capsys)
    assert "'tset'" in said
    assert all(name in said for name in ("lab", "test", "build", "new", "doctor"))


@pytest.mark.parametrize("argv", [["lab", "--fast"], ["build", "--chek"], ["doctor", "--x"], []])
def test_an_unknown_argument_is_one_sentence(capsys, argv):
    assert (argv or ["COMMAND"])[-1] in refusal(argv, capsys)


def test_help_imports_nothing_heavy():
    code = "import sys; from course_lib import cli; cli.parser().format_help(); print('numpy' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=cli.ROOT)
    assert said.stdout.strip() == "False"


def test_lab_opens_the_start_and_passes_the_rest_on(repository, handed):
    cli.main(["lab", "--", "--no-browser"])
    assert handed.command[1:3] == ["-m", "jupyterlab"]
    assert "--LabApp.default_url=/lab/tree/notebooks/00_start.md" in handed.command
    assert f"--ServerApp.root_dir={repository}" in handed.command
    assert handed.command[-1] == "--no-browser"


@pytest.mark.parametrize("wanted", ["02", "2", "02_momentum"])
def test_lab_opens_the_lesson_asked_for(repository, handed, wanted):
    cli.main(["lab", wanted])
    assert "--LabApp.default_url=/lab/tree/notebooks/02_momentum.md" in handed.command


def test_lab_without_the_first_lesson_opens_the_folder(repository, handed):
    (repository / "notebooks" / "00_start.md").unlink()
    cli.main(["lab"])
    assert "--LabApp.default_url=/lab/tree/notebooks" in handed.command


def test_lab_outside_a_repository_is_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cli, "ROOT", tmp_path)
    assert cli.main(["lab"]) == 2
    assert "clone of the course's repository" in capsys.readouterr().err


def test_our_settings_come_before_the_users():
    environ = cli.lab_environment({"JUPYTER_CONFIG_PATH": "theirs", "HOME": "x"})
    assert environ == {"JUPYTER_CONFIG_PATH": os.pathsep.join([str(cli.LABCONFIG), "theirs"]), "HOME": "x"}


def test_a_double_click_opens_md_as_a_notebook_and_no_news_pop_up():
    overrides = json.loads((cli.LABCONFIG / "labconfig" / "default_setting_overrides.json").read_text())
    assert overrides["@jupyterlab/docmanager-extension:plugin"]["defaultViewers"]["markdown"] == "Jupytext Notebook"
    assert overrides["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"


def test_a_kernels_websocket_sends_at_once(monkeypatch):
    config = PyFileConfigLoader("jupyter_server_config.py", path=str(cli.LABCONFIG)).load_config()
    connection = config.ServerApp.kernel_websocket_connection_class
    calls = []
    monkeypatch.setattr(connection.__mro__[1], "connect", lambda self: calls.append("connect"))
    monkeypatch.setattr(connection, "websocket_handler", SimpleNamespace(set_nodelay=calls.append))
    connection().connect()
    assert calls == [True, "connect"]


def test_test_runs_tests_solutions_and_notebooks(repository, handed):
    cli.main(["test"])
    assert handed.command[1:3] == ["-m", "pytest"]
    assert handed.command[-3:] == ["tests", "solutions", "notebooks"]


@pytest.mark.parametrize(
    "extra",
    [["-v", "tests"], ["notebooks/02_momentum.md"], ["tests::test_x"], ["-k", "momentum"], ["-kmomentum"]],
)
def test_what_the_user_names_is_run_instead(repository, handed, extra):
    cli.main(["test", *extra])
    assert handed.command[-len(extra) - 1 :] == ["loadscope", *extra]


@pytest.mark.parametrize("extra", [["-x"], ["-n", "0"], ["--maxfail=1", "-v"], ["-m", "gpu"]])
def test_options_alone_leave_everything_to_run(repository, handed, extra):
    cli.main(["test", *extra])
    assert handed.command[-len(extra) - 2 :] == ["solutions", "notebooks", *extra]


def test_test_runs_on_one_thread_without_a_backend_from_outside():
    environ = cli.test_environment({"MPLBACKEND": "agg", "OMP_NUM_THREADS": "8", "HOME": "x"})
    assert environ == {"OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1", "HOME": "x"}


def test_without_pytest_the_line_that_gets_it_is_said(repository, monkeypatch, capsys):
    monkeypatch.setattr(cli.importlib.util, "find_spec", lambda name: None)
    assert cli.main(["test"]) == 2
    assert "python -m course_lib test" in capsys.readouterr().err


def test_doctor_prints_the_report_and_fails_where_something_needed_is_missing(monkeypatch, capsys):
    for remedy, code in (("", 0), ("a line", 1)):
        monkeypatch.setattr(doctor, "examine", lambda remedy=remedy: [doctor.Finding("torch", "said", remedy)])
        assert cli.main(["doctor"]) == code
        assert "torch  said" in capsys.readouterr().out
