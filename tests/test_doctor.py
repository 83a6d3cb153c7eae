"""The doctor finds what is missing, names the line that gets it, and goes on where something is broken."""

import importlib.metadata

import pytest

from course_lib import doctor
from course_lib.problems import digits


def test_this_machine_is_well():
    found = doctor.examine()
    assert not doctor.ill(found), doctor.report(found)
    assert "All is well." in doctor.report(found)


@pytest.mark.parametrize("prepare", [doctor.torch_step, doctor.jax_step])
def test_a_step_lowers_the_loss_of_the_net_on_the_digits(prepare):
    step = prepare()
    assert step() > step()


def test_the_two_libraries_take_the_same_step():
    torch_step, jax_step = doctor.torch_step(), doctor.jax_step()
    for _ in range(3):
        assert torch_step() == pytest.approx(jax_step(), rel=1e-4)


@pytest.mark.parametrize(
    ("line", "says", "remedy", "needed"),
    [
        ("numpy>=1", importlib.metadata.version("numpy"), "", True),
        ("numpy<1", "wants <1", doctor.GET, True),
        ("no-such-package>=1", "not installed", doctor.GET, True),
        ("no-such-package>=1 ; extra == 'test'", "not installed", doctor.GET_TEST, False),
    ],
)
def test_a_dependency_is_there_or_comes_with_the_line_that_gets_it(line, says, remedy, needed):
    found = doctor.package(line)
    assert says in found.says
    assert (found.remedy, found.needed) == (remedy, needed)


def test_what_only_the_tests_need_makes_nobody_ill(monkeypatch):
    monkeypatch.setattr(doctor, "find_chromium", lambda: None)
    found = [doctor.browser()]
    assert not doctor.ill(found)
    assert "optional: " in doctor.report(found)


def test_a_broken_net_is_a_line_of_the_report_not_a_traceback(monkeypatch):
    def broken():
        raise RuntimeError("no kernel image\nis available")

    monkeypatch.setattr(digits, "load", broken)
    found = doctor.timed("a step in torch", doctor.torch_step)
    assert found.says == "RuntimeError: no kernel image"
    assert doctor.ill([found])
    assert "get it: " in doctor.report([found])
