"""Several sweeps at once, on joblib: no scheduler of our own."""

from collections.abc import Callable, Iterable

CLUSTERS = {"dask": "distributed", "ray": "ray"}  # and the package that each needs
BACKENDS = ("loky", "threading", *CLUSTERS)


def map_sweeps(function: Callable, jobs: Iterable[dict], n_jobs: int | None = None, backend: str | None = None) -> list:
    """[function(**job) for job in jobs], in that order, `n_jobs` of them at a time.

    `backend` is joblib's: "loky" (processes of this machine) where left out, "threading", or a cluster: "dask" after
    `client = distributed.Client(...)`, "ray" where Ray is installed. `n_jobs` where left out is 1, on a cluster all its
    workers; -1 is all cores. With one worker alone joblib stays in this process.

    Raises ValueError for another backend, or for Dask without a client; ImportError where its package is missing.
    """
    import joblib

    backend = backend or "loky"
    if backend not in BACKENDS:
        raise ValueError(f"backend is {backend!r}; allowed are {', '.join(BACKENDS)}")
    if n_jobs == 0:
        raise ValueError("n_jobs is 0; allowed is a number of workers from 1 on, or -1 for all cores")
    if backend in CLUSTERS:
        _reach(backend)
    if n_jobs is None:
        n_jobs = -1 if backend in CLUSTERS else 1
    with joblib.parallel_config(backend, n_jobs=n_jobs):
        return joblib.Parallel()(joblib.delayed(function)(**job) for job in jobs)


def _reach(backend: str) -> None:
    """Ray brings its backend to joblib itself; joblib brings Dask's, which needs an open client."""
    package = CLUSTERS[backend]
    try:
        if backend == "ray":
            from ray.util.joblib import register_ray

            return register_ray()
        from distributed import get_client
    except ImportError as error:
        raise ImportError(
            f"backend is {backend!r}, which needs the package {package}; pip install {package}"
        ) from error
    try:
        get_client()
    except ValueError as error:
        raise ValueError("backend is 'dask', but no client is open; client = distributed.Client() opens one") from error
