"""Sweeps run on joblib's backends, a local Dask cluster among them, and give what they give one after the other."""

import os
import sys
import threading

import numpy as np
import pytest

from course_lib.problems import digits
from course_lib.rules import adam, momentum, sgd
from course_lib.sweeps import map_sweeps, sweep_torch


def jobs():
    data = digits.load()
    shared = {"x": data.x_train, "y": data.y_train, "steps": 5, "batch_size": 64, "seeds": [0, 1]}
    return [{"rule": rule, "lrs": [0.01, 0.1], **shared} for rule in (adam, sgd, momentum)]


def assert_same(results):
    assert [r.rule for r in results] == ["adam", "sgd", "momentum"]
    for result, job in zip(results, jobs(), strict=True):
        np.testing.assert_allclose(result.loss, sweep_torch(**job).loss, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("n_jobs", "backend"), [(None, None), (2, "threading"), (2, "loky")])
def test_sweeps_come_back_in_order(n_jobs, backend):
    assert_same(map_sweeps(sweep_torch, jobs(), n_jobs, backend))


def test_jobs_run_at_the_same_time():
    barrier = threading.Barrier(2, timeout=30)
    waited = map_sweeps(lambda name: (barrier.wait(), name)[1], [{"name": "a"}, {"name": "b"}], 2, "threading")
    assert waited == ["a", "b"]


def test_a_sweep_runs_on_a_local_dask_cluster():
    """In processes that are the workers of the cluster."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster),
    ):
        assert_same(map_sweeps(sweep_torch, jobs(), backend="dask"))
        for process, worker in map_sweeps(where, 4 * [{}], backend="dask"):
            assert process != os.getpid()
            assert worker in (0, 1)


def where():
    from distributed import get_worker

    return os.getpid(), get_worker().name


@pytest.mark.parametrize(
    ("words", "change"), [("backend is 'celery'", {"backend": "celery"}), ("n_jobs is 0", {"n_jobs": 0})]
)
def test_bad_input_gets_one_sentence(words, change):
    with pytest.raises(ValueError, match=words):
        map_sweeps(sweep_torch, [], **change)


def test_dask_without_a_client_says_to_make_one():
    pytest.importorskip("distributed")
    with pytest.raises(ValueError, match="no client is open"):
        map_sweeps(sweep_torch, jobs(), backend="dask")


@pytest.mark.parametrize(("backend", "package"), [("dask", "distributed"), ("ray", "ray")])
def test_a_missing_package_is_named(monkeypatch, backend, package):
    for module in ("distributed", "ray", "ray.util.joblib"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=f"needs the package {package}; pip install {package}"):
        map_sweeps(sweep_torch, [], backend=backend)
