"""The bootstrap, without network: the commands that it would run are caught and answered."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib import __main__ as bootstrap
from course_lib import cli


class Machine:
    """Stands in for `subprocess.run`: notes every command and answers as a machine in that state would."""

    def __init__(self, root: Path):
        self.root, self.ran, self.environs, self.broken, self.pip_config = root, [], [], set(), ""

    def run(self, command, *, check=False, env=None, **options):
        self.ran.append(command)
        self.environs.append(env)
        interpreter = bootstrap.interpreter(self.root / ".venv")
        code = 1 if any(word in command for word in self.broken) else 0
        said = self.pip_config if command[-2:] == ["config", "list"] else "24.0"
        if "venv" in command and not code:
            interpreter.parent.mkdir(parents=True, exist_ok=True)
            interpreter.touch()
        if command[1] == "-c":
            code, said = (0 if interpreter.exists() else 1), "3 11"
        if check and code:
            raise subprocess.CalledProcessError(code, command)
        return subprocess.CompletedProcess(command, code, said)

    def installs(self) -> list[list[str]]:
        return [command for command in self.ran if "install" in command]


@pytest.fixture
def machine(tmp_path, monkeypatch):
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text(name)
    there = Machine(tmp_path)
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap.subprocess, "run", there.run)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)
    return there


@pytest.fixture
def with_uv(machine, monkeypatch):
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: f"/bin/{name}")
    return machine


def test_a_first_start_makes_the_venv_and_installs_under_the_constraints(machine):
    bootstrap.prepare(machine.root)
    assert [command[2] for command in machine.ran if command[1] == "-m"] == ["venv", "pip", "pip"]
    assert machine.installs()[0][2:] == ["pip", "install", "-c", "constraints.txt", "-e", "."]


def test_a_second_start_installs_nothing(machine):
    bootstrap.prepare(machine.root)
    machine.ran.clear()
    bootstrap.prepare(machine.root)
    assert [command[1] for command in machine.ran] == ["-c", "-c"]  # it only asks the interpreter who it is


def test_test_adds_its_extra_once_and_lab_keeps_it(machine):
    for extra in (None, "test", None, "test"):
        bootstrap.prepare(machine.root, extra)
    assert [command[-1] for command in machine.installs()] == [".", ".[test]"]


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_changed_requirements_are_installed_with_the_extras_that_were_there(machine, name):
    bootstrap.prepare(machine.root, "test")
    (machine.root / name).write_text("changed")
    bootstrap.prepare(machine.root)
    assert [command[-1] for command in machine.installs()] == [".[test]", ".[test]"]


def test_a_failed_installation_leaves_no_stamp_and_the_next_start_repairs_it(machine):
    machine.broken = {"install"}
    with pytest.raises(bootstrap.InstallError, match="network"):
        bootstrap.prepare(machine.root)
    assert not (machine.root / ".venv" / "course-stamp").exists()
    machine.broken = set()
    bootstrap.prepare(machine.root)
    assert len(machine.installs()) == 2


def test_a_failed_update_takes_the_old_stamp_away(machine):
    bootstrap.prepare(machine.root)
    machine.broken = {"install"}
    with pytest.raises(bootstrap.InstallError):
        bootstrap.prepare(machine.root, "test")
    assert not (machine.root / ".venv" / "course-stamp").exists()


def test_an_interrupted_installation_says_one_sentence_and_leaves_no_stamp(machine, monkeypatch, capsys):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(bootstrap, "install", interrupt)
    assert bootstrap.main(["lab"]) == 1
    assert "start the same command again" in capsys.readouterr().err
    assert not (machine.root / ".venv" / "course-stamp").exists()


def test_a_venv_without_its_interpreter_is_made_anew(machine):
    bootstrap.prepare(machine.root)
    bootstrap.interpreter(machine.root / ".venv").unlink()
    machine.ran.clear()
    bootstrap.prepare(machine.root)
    assert [sys.executable, "-m", "venv", "--clear", "--without-pip", str(machine.root / ".venv")] in machine.ran


def test_a_venv_that_cannot_be_made_is_one_sentence(machine):
    machine.broken = {"venv"}
    with pytest.raises(bootstrap.InstallError, match=r"could not make .*delete that folder"):
        bootstrap.prepare(machine.root)


def test_a_python_without_pip_and_ensurepip_names_the_package_to_install(machine):
    machine.broken = {"pip", "ensurepip"}
    with pytest.raises(bootstrap.InstallError, match="python3-venv"):
        bootstrap.prepare(machine.root)


def test_uv_is_used_where_it_is_found_and_brings_pip_along(with_uv):
    bootstrap.prepare(with_uv.root, "test")
    (command,) = with_uv.installs()
    assert command[0] == "/bin/uv"
    assert command[-5:] == ["-c", "constraints.txt", "-e", ".[test]", "pip"]


def test_pip_steps_in_where_uv_fails(with_uv, capsys):
    with_uv.broken = {"/bin/uv"}
    bootstrap.prepare(with_uv.root)
    assert [command[0] == "/bin/uv" for command in with_uv.installs()] == [True, False]
    assert "trying pip" in capsys.readouterr().out


def test_uv_is_told_what_pip_knows_from_its_variables_and_its_files(with_uv, monkeypatch):
    monkeypatch.delenv("UV_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_FIND_LINKS", "/a /b")
    with_uv.pip_config = "global.find-links='/c'\nglobal.extra-index-url='\\nfile:///d\\nfile:///e'\nglobal.timeout='9'"
    bootstrap.prepare(with_uv.root)
    (environ,) = [env for command, env in zip(with_uv.ran, with_uv.environs, strict=True) if "install" in command]
    assert environ["UV_FIND_LINKS"] == "/a,/b"
    assert environ["UV_INDEX"] == "file:///d file:///e"
    assert environ["UV_INDEX_STRATEGY"] == "unsafe-best-match"


@pytest.mark.parametrize(
    ("environ", "name", "value"),
    [
        ({"PIP_FIND_LINKS": "/a", "UV_FIND_LINKS": "/mine"}, "UV_FIND_LINKS", "/mine"),
        ({"PIP_CERT": "/a.pem"}, "SSL_CERT_FILE", "/a.pem"),
        ({"PIP_CERT": "/a.pem", "SSL_CERT_FILE": "/mine.pem"}, "SSL_CERT_FILE", "/mine.pem"),
        ({}, "UV_FIND_LINKS", None),
        ({"PIP_FIND_LINKS": "/a"}, "UV_INDEX_STRATEGY", None),
    ],
)
def test_what_the_user_told_uv_stands(environ, name, value):
    assert bootstrap.uv_environment(environ, "").get(name) == value


def test_an_old_python_is_one_sentence(monkeypatch, capsys):
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 10, 4))
    assert bootstrap.main(["lab"]) == 1
    assert capsys.readouterr().err == "The course needs Python 3.11 or newer; this is Python 3.10.\n"


def test_a_failure_is_one_sentence_and_exit_code_1(machine, capsys):
    machine.broken = {"install"}
    assert bootstrap.main(["test"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_another_python_hands_over_to_the_venvs(machine, monkeypatch):
    handed = []
    monkeypatch.setattr(cli, "hand_over", lambda command, environ: handed.append((command, environ)) or 7)
    assert bootstrap.main(["doctor"]) == 7
    ((command, environ),) = handed
    python = bootstrap.interpreter(machine.root / ".venv")
    assert command == [str(python), "-m", "course_lib.cli", "doctor"]
    assert environ["PATH"].startswith(str(python.parent))


def test_the_venvs_own_python_does_not_start_itself_again(machine, monkeypatch):
    monkeypatch.setattr(bootstrap.sys, "prefix", str(machine.root / ".venv"))
    monkeypatch.setattr(cli, "main", lambda argv: argv)
    monkeypatch.setattr(cli, "hand_over", lambda *args: pytest.fail("started itself again"))
    assert bootstrap.main(["doctor"]) == ["doctor"]


def test_a_wrong_word_is_answered_before_anything_is_installed(machine):
    with pytest.raises(SystemExit) as exit:
        bootstrap.main(["tests"])
    assert exit.value.code == 2
    assert machine.ran == []


def test_the_bootstrap_starts_with_the_standard_library_alone():
    code = "import sys; sys.path.insert(0, sys.argv[1]); from course_lib import __main__, cli; cli.parse(['lab'])"
    subprocess.run([sys.executable, "-S", "-I", "-c", code, str(cli.ROOT)], check=True)


@pytest.mark.parametrize("name", ["__init__.py", "__main__.py"])
def test_an_old_python_can_read_what_tells_it_so(name):
    ast.parse((cli.ROOT / "course_lib" / name).read_text(encoding="utf-8"), feature_version=(3, 7))
