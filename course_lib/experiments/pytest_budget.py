"""A plugin of pytest: how long each lesson took, and a failure for one beyond twice its budget."""

import pytest

from course_lib.experiments import budget


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    spent = budget.read(_printed(item)) if call.when == "call" else None
    if not spent:
        return
    line = f"{item.path.parent.name}/{item.path.name}: {spent.seconds} of {spent.budget} s"
    report.user_properties.append(("budget", line))
    if spent.is_too_much:
        report.outcome = "failed"
        report.longrepr = f"{line} of CPU time; {budget.TOLERATED} times the budget is the most."


def pytest_terminal_summary(terminalreporter):
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    lines = sorted(text for report in reports for name, text in report.user_properties if name == "budget")
    if lines:
        terminalreporter.section("CPU time of the lessons, of their budget")
        terminalreporter.write_line("\n".join(lines))


def _printed(item) -> str:
    """What a notebook's cell printed under nbval; nothing for an ordinary test."""
    outputs = getattr(item, "test_outputs", None) or []
    return "".join(output.get("text", "") for output in outputs if output.output_type == "stream")
