"""What this machine has and lacks for the course, and the line that gets each missing thing."""

import importlib.metadata
import os
import platform
import shutil
import sys
import time
from pathlib import Path
from typing import NamedTuple

GET = 'python -m pip install -c constraints.txt -e "."'
GET_TEST = "python -m course_lib test"
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
CHROMIUM_PATHS = (  # macOS and Windows keep theirs off PATH
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)


class Finding(NamedTuple):
    what: str
    says: str  # a version, a device, a time; or what is wrong
    remedy: str = ""  # the line that gets it; empty where nothing is missing
    needed: bool = True


def examine() -> list[Finding]:
    """Everything that the course needs, then what only its tests do."""
    steps = [timed("a step in torch", torch_step), timed("a step in JAX", jax_step)]
    return [python(), *packages(), device(), *steps, browser()]


def report(found: list[Finding] | None = None) -> str:
    """One line for each finding, with what gets it where it is missing, and the verdict."""
    found = examine() if found is None else found
    width = max(len(f.what) for f in found)
    lines = [f"{mark(f)} {f.what:<{width}}  {f.says}{advice(f)}" for f in found]
    return "\n".join([*lines, "", "Something needed is missing." if ill(found) else "All is well."])


def mark(f: Finding) -> str:
    return "✓" if not f.remedy else "✗" if f.needed else "·"


def advice(f: Finding) -> str:
    return f" ({'get it' if f.needed else 'optional'}: {f.remedy})" if f.remedy else ""


def ill(found: list[Finding]) -> bool:
    return any(f.remedy and f.needed for f in found)


def python() -> Finding:
    return Finding("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}: {sys.prefix}")


def packages() -> list[Finding]:
    """One finding for each dependency in pyproject, as the installed course states them."""
    try:
        stated = importlib.metadata.requires("course-lib") or []
    except importlib.metadata.PackageNotFoundError:
        return [Finding("course-lib", "not installed", GET)]
    return [package(line) for line in stated]


def package(line: str) -> Finding:
    """The finding for a dependency such as `numpy>=2.2` or `ruff>=0.12; extra == 'test'`."""
    from packaging.requirements import Requirement

    wanted = Requirement(line)
    needed = wanted.marker is None or wanted.marker.evaluate({"extra": ""})
    remedy = GET if needed else GET_TEST
    try:
        version = importlib.metadata.version(wanted.name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(wanted.name, "not installed", remedy, needed)
    if wanted.specifier.contains(version, prereleases=True):
        return Finding(wanted.name, version, needed=needed)
    return Finding(wanted.name, f"{version}, but the course wants {wanted.specifier}", remedy, needed)


def device() -> Finding:
    try:
        import jax

        from course_lib.device import describe, pick

        return Finding("device", f"torch {describe(pick())}; JAX {jax.default_backend()}")
    except Exception as error:  # whatever is broken, the report goes on
        return Finding("device", sentence(error), GET)


def timed(what: str, prepare) -> Finding:
    """How long the second call of `prepare()()` takes: the first also compiles and warms up. It returns a loss."""
    try:
        step = prepare()
        first = step()
        start = time.perf_counter()
        second = step()
        took = time.perf_counter() - start
        return Finding(what, f"{took * 1e3:.1f} ms; loss {first:.3f}, then {second:.3f}")
    except Exception as error:  # whatever is broken, the report goes on
        return Finding(what, sentence(error), GET)


def torch_step():
    """One SGD step of the small net on all training digits, on the picked device."""
    import torch

    from course_lib import torch_optim
    from course_lib.device import pick
    from course_lib.problems import digits

    where = pick()
    data = digits.load()
    x, y = torch.as_tensor(data.x_train, device=where), torch.as_tensor(data.y_train, device=where)
    net = digits.torch_mlp(seed=0).to(where)
    optimizer = torch_optim.SGD(net.parameters(), lr=0.1)

    def step() -> float:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def jax_step():
    """The same step in JAX, on its default device."""
    import jax

    from course_lib import jax_optim
    from course_lib.problems import digits

    data = digits.load()
    params = digits.jax_mlp(seed=0)
    transform = jax_optim.sgd(0.1)
    state = transform.init(params)

    @jax.jit
    def descend(params, state):
        loss, grads = jax.value_and_grad(digits.jax_loss)(params, data.x_train, data.y_train)
        updates, state = transform.update(grads, state, params)
        return jax_optim.apply_updates(params, updates), state, loss

    def step() -> float:
        nonlocal params, state
        params, state, loss = descend(params, state)
        return float(loss)

    return step


def browser() -> Finding:
    found = find_chromium()
    if found:
        return Finding("chromium", found, needed=False)
    return Finding("chromium", "none; only the browser tests use it", chromium_line(), needed=False)


def find_chromium() -> str | None:
    """The path of a browser that the browser tests can drive, or None."""
    known = [shutil.which(name) for name in CHROMIUMS] + [path for path in CHROMIUM_PATHS if Path(path).exists()]
    return next(filter(None, known), None)


def chromium_line() -> str:
    return "apt-get install chromium" if os.path.exists("/etc/debian_version") else "install Chromium or Google Chrome"


def sentence(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
