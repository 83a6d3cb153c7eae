"""The course from a bare clone: `python -m course_lib lab` and `python -m course_lib test`.

Needs Python and its standard library alone. Makes `.venv`, installs the course there with uv or pip, and hands over to
`course`, the same program installed. A stamp in `.venv` says what it holds: a second start installs nothing.
"""

import ast
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
EXTRA = {"test": "test"}  # the subcommands that need more than the course itself
UV_NAMES = {  # pip's setting: uv's variable, and what stands between two values there
    "find-links": ("UV_FIND_LINKS", ","),
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "cert": ("SSL_CERT_FILE", " "),
}


class InstallError(Exception):
    """One sentence for the user: what failed, and what to do."""


def main(argv):
    """Run `course` with these arguments, in `.venv`; return its exit code."""
    if sys.version_info < OLDEST:
        return fail("The course needs Python 3.11 or newer; this is Python {}.{}.".format(*sys.version_info))
    from course_lib import cli

    command = cli.parse(argv).command  # a wrong word is answered before anything is installed
    venv = ROOT / ".venv"
    if (ROOT / "pyproject.toml").exists():
        try:
            prepare(ROOT, EXTRA.get(command))
        except InstallError as error:
            return fail(str(error))
        except KeyboardInterrupt:
            return fail("\nInterrupted: start the same command again and it goes on from here.")
        if Path(sys.prefix).resolve() != venv.resolve():
            return cli.hand_over([str(interpreter(venv)), "-m", "course_lib.cli", *argv], activated(venv, os.environ))
    return cli.main(argv)


def fail(sentence):
    print(sentence, file=sys.stderr)
    return 1


def prepare(root, extra=None):
    """Have `root/.venv` hold the course and `extra`, the name of a list in pyproject. Raises InstallError."""
    venv = root / ".venv"
    stamp = venv / "course-stamp"
    python = interpreter(venv)
    if version(python) < OLDEST:
        make(venv)
    held = stamp.read_text().split() if stamp.exists() else []
    extras = sorted({*held[1:], *([extra] if extra else [])})
    wanted = [fingerprint(root, version(python)), *extras]
    if held != wanted:
        stamp.unlink(missing_ok=True)
        install(python, ".[{}]".format(",".join(extras)) if extras else ".")
        stamp.write_text(" ".join(wanted))


def interpreter(venv):
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def version(python):
    """The interpreter's (major, minor), or () if it does not start."""
    said = answer([str(python), "-c", "import sys; print(*sys.version_info[:2])"])
    return tuple(int(number) for number in said.split())


def fingerprint(root, python_version):
    """What an installation depends on, as one word."""
    digest = hashlib.sha256(repr((str(root), python_version)).encode())
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((root / name).read_bytes())
    return digest.hexdigest()


def make(venv):
    print("Making .venv with Python {}.{}".format(*sys.version_info), flush=True)
    # Without pip: uv needs none, and Debian's bare python3 could not give one.
    if not succeeds([sys.executable, "-m", "venv", "--clear", "--without-pip", str(venv)]):
        raise InstallError(f"Python could not make {venv}: see the lines above, delete that folder and start again.")


def install(python, what):
    """Install `what` ("." or ".[extras]") with uv where there is one, else with pip. Raises InstallError."""
    goal = ["-c", "constraints.txt", "-e", what]
    print("Installing the course into .venv, once: 2 GB, some minutes", flush=True)
    uv = shutil.which("uv")
    if uv:
        told = uv_environment(os.environ, answer([sys.executable, "-m", "pip", "config", "list"]))
        # pip comes along for those who write `%pip install` in a notebook.
        if succeeds([uv, "pip", "install", "--python", str(python), *goal, "pip"], env=told):
            return
        print("uv could not install the course (see above); trying pip.", flush=True)
    pip = [str(python), "-m", "pip"]
    if not answer([*pip, "--version"]) and not succeeds([str(python), "-m", "ensurepip"]):
        raise InstallError("This Python brings no pip: install it (Debian, Ubuntu: `apt install python3-venv`).")
    if not succeeds([*pip, "install", *goal]):
        raise InstallError(
            "Installing the course failed, the lines above say at what: look to the network and to 3 GB of free disk, "
            "then start the same command again."
        )


def uv_environment(environ, pip_config):
    """`environ` with what pip knows (its variables, then `pip config list`) said in uv's words; uv reads neither."""
    told = dict(environ)
    for setting, value in [*pip_variables(environ), *pip_lines(pip_config)]:
        if setting in UV_NAMES and value:
            name, between = UV_NAMES[setting]
            told.setdefault(name, between.join(value.split()))
    if "UV_INDEX" in told:  # as pip does: the best version of all indexes, not the first index that has any
        told.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    return told


def pip_variables(environ):
    return [(setting, environ.get("PIP_" + setting.upper().replace("-", "_"), "")) for setting in UV_NAMES]


def pip_lines(pip_config):
    """The settings in lines such as `global.find-links='/wheels'`."""
    lines = [line.partition("=") for line in pip_config.splitlines() if "='" in line]
    return [(name.rpartition(".")[2], ast.literal_eval(value)) for name, _, value in lines]


def activated(venv, environ):
    """`environ` as the venv's `activate` script leaves it."""
    path = os.pathsep.join([str(interpreter(venv).parent), environ.get("PATH", "")])
    return {**environ, "VIRTUAL_ENV": str(venv), "PATH": path}


def succeeds(command, **options):
    try:
        return subprocess.run(command, cwd=str(ROOT), **options).returncode == 0
    except OSError:
        return False


def answer(command):
    """What a command prints; nothing if it fails."""
    try:
        return subprocess.run(command, cwd=str(ROOT), capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
