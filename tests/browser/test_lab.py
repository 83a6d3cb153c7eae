"""What a student does, in a real JupyterLab in a real browser: double click, run all, drag the slider, save."""

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from course_lib import cli, doctor

pytestmark = pytest.mark.browser

LESSON = "02_momentum.md"
PATIENCE = 120  # seconds, for a machine with other work
JUPYTER_FOLDERS = (
    *("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"),
    *("JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"),
)
SERVER = (
    *(
        "--no-browser",
        "--ip=127.0.0.1",
        "--allow-root",
        "--expose-app-in-browser",
        "--LabApp.extension_manager=readonly",
    ),
    *("--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True"),
)
BROWSER = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
NOTEBOOK_IS_READY = """name => {
    const widget = window.jupyterapp.shell.currentWidget
    const session = widget?.sessionContext
    return widget?.context?.path.endsWith(name)
        && session?.session?.kernel?.connectionStatus === 'connected'
        && session.kernelDisplayStatus === 'idle'
}"""
# From the model: cells out of sight are not in the page.
FAULTS = """() => [...window.jupyterapp.shell.currentWidget.content.model.cells]
    .map(cell => cell.toJSON())
    .filter(cell => cell.cell_type === 'code')
    .flatMap(cell => cell.execution_count === null
        ? ['not run: ' + cell.source]
        : cell.outputs.filter(output => output.output_type === 'error').map(output => output.evalue))"""
# The source is a new blob each time, so compare what is drawn.
PIXELS = """picture => {
    const canvas = document.createElement('canvas')
    canvas.width = picture.naturalWidth
    canvas.height = picture.naturalHeight
    canvas.getContext('2d').drawImage(picture, 0, 0)
    return canvas.toDataURL()
}"""


@pytest.fixture(scope="module")
def chromium() -> str:
    path = doctor.find_chromium()
    if path is None:
        stop = pytest.fail if os.environ.get("CI") else pytest.skip
        stop(f"The browser tests need Chromium: {doctor.chromium_line()}.")
    return path


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    """A copy of what students have: Lab saves by itself, and a test must not touch the original."""
    copy = tmp_path_factory.mktemp("course")
    for folder in ("notebooks", "course_lib", "images"):
        if (cli.ROOT / folder).exists():
            shutil.copytree(cli.ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    shutil.copy(cli.ROOT / "pyproject.toml", copy)
    return copy


@pytest.fixture(scope="module")
def server(chromium, repository, tmp_path_factory):
    """The address of a JupyterLab started by the command that `course lab` runs, apart from the user's settings."""
    settings = tmp_path_factory.mktemp("jupyter")
    environ = cli.lab_environment({name: value for name, value in os.environ.items() if "JUPYTER" not in name})
    environ |= {name: str(settings / name.lower()) for name in JUPYTER_FOLDERS} | {"PYTHONPATH": str(repository)}
    port = free_port()
    command = [*cli.lab_command(repository, "00_start"), *SERVER, f"--port={port}", "--ServerApp.port_retries=0"]
    with (settings / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=repository, env=environ, stdout=log, stderr=log)
        try:
            yield wait_for(f"http://127.0.0.1:{port}", process, settings / "log")
        finally:
            process.terminate()
            process.wait(PATIENCE)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(url: str, process, log: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(f"{url}/api"):
            return url
        time.sleep(0.2)
    return pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")


@pytest.fixture
def page(chromium, server):
    """JupyterLab at its first page, ready to be used."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*BROWSER])
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(PATIENCE * 1000)
        page.goto(f"{server}/lab/tree/notebooks")
        page.wait_for_function("window.jupyterapp !== undefined")
        page.evaluate("window.jupyterapp.restored.then(() => 1)")
        yield page
        browser.close()


def test_a_lesson_opens_runs_answers_its_slider_and_saves(page, repository):
    path = repository / "notebooks" / LESSON
    header = path.read_bytes().partition(b"\n---\n")[0]
    page.locator(".jp-DirListing-item", has_text=LESSON).dblclick()
    page.wait_for_function(NOTEBOOK_IS_READY, arg=LESSON)
    command(page, "notebook:run-all-cells")
    assert page.evaluate(FAULTS) == []
    drag_the_slider_and_see_the_picture_change(page)
    screenshot(page)
    before = path.stat().st_mtime_ns
    command(page, "docmanager:save")
    assert path.stat().st_mtime_ns > before
    assert path.read_bytes().partition(b"\n---\n")[0] == header


def command(page, name: str) -> None:
    """Run a command of JupyterLab and wait until it is done."""
    page.evaluate("name => window.jupyterapp.commands.execute(name).then(() => 1)", name)


def drag_the_slider_and_see_the_picture_change(page) -> None:
    picture = page.locator("img.widget-image").first
    picture.scroll_into_view_if_needed()
    before = picture.evaluate(PIXELS)
    handle = page.locator(".widget-slider .noUi-handle").first
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y, steps=10)
    page.mouse.up()
    deadline = time.monotonic() + PATIENCE
    while picture.evaluate(PIXELS) == before:
        assert time.monotonic() < deadline, "the picture stayed as it was"
        page.wait_for_timeout(100)


def screenshot(page) -> None:
    if os.environ.get("COURSE_SCREENSHOT"):
        page.screenshot(path=os.environ["COURSE_SCREENSHOT"])
