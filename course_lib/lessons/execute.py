"""Run a notebook from top to bottom, in this very Python."""

import os
import sys
import tempfile

from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from course_lib.lessons.error import LessonError, cell_error

CELL_SECONDS = 900
ENVIRONMENT = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",  # a figure is stored as a picture, whatever the user set
    "OMP_NUM_THREADS": "1",
    "TQDM_DISABLE": "1",
}


class _ThisPython(AsyncKernelManager):
    """A kernel of `sys.executable`: a kernelspec named python3 in the user's home may start another Python."""

    @property
    def kernel_spec(self):
        return KernelSpec(**get_kernel_dict())


def execute(notebook, folder, name):
    """Fill in the outputs of `notebook`, run in `folder`. Raises LessonError at the first cell that fails."""
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        kernel_manager_class=_ThisPython,
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        coalesce_streams=True,
        record_timing=False,
        store_widget_state=False,
    )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:  # the user's startup files stay out
        environment = {**os.environ, **ENVIRONMENT, "IPYTHONDIR": profile}
        try:
            with client.setup_kernel(env=environment):
                _run_cells(client, notebook, name)
        except (OSError, RuntimeError) as error:
            raise LessonError(f"{name}: no kernel of {sys.executable} starts: {_last_line(error)}.") from error


def _run_cells(client, notebook, name):
    for index, cell in enumerate(notebook.cells):
        try:
            client.execute_cell(cell, index)
        except CellExecutionError as error:
            raise cell_error(name, index + 1, cell, _last_line(f"{error.ename}: {error.evalue}")) from None
        except CellTimeoutError:
            raise cell_error(name, index + 1, cell, f"took more than {CELL_SECONDS} seconds") from None
        except DeadKernelError:
            raise cell_error(name, index + 1, cell, "the kernel died, out of memory perhaps") from None


def _last_line(error):
    lines = str(error).strip().splitlines()
    return lines[-1].rstrip(".") if lines else type(error).__name__
