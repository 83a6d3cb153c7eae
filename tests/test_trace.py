"""A trace keeps what one run left behind, as NumPy columns."""

import numpy as np
import pytest

from course_lib.trace import Trace


def test_rows_become_columns():
    trace = Trace("sgd")
    trace.record(loss=3.0, p=[1.0, 2.0])
    trace.record(loss=1.0, p=[0.5, 1.0])
    assert trace["loss"].tolist() == [3.0, 1.0]
    assert trace["p"].tolist() == [[1.0, 2.0], [0.5, 1.0]]
    assert len(trace) == 2


def test_numbers_and_arrays_are_recorded_in_double_precision():
    trace = Trace("sgd")
    trace.record(loss=1, p=np.ones(2, np.float32))
    assert trace["loss"].dtype == trace["p"].dtype == np.float64
    assert trace["p"].shape == (1, 2)


def test_what_is_recorded_is_a_copy():
    trace, p = Trace("sgd"), np.array([1.0])
    trace.record(p=p)
    p += 1
    assert trace["p"].tolist() == [[1.0]]


def test_a_column_handed_out_is_a_copy():
    trace = Trace("sgd")
    trace.record(loss=1.0)
    trace["loss"][0] = 7.0
    assert trace["loss"].tolist() == [1.0]


def test_a_column_may_be_shorter_than_another():
    trace = Trace("sgd")
    trace.record(loss=3.0)
    trace.record(loss=2.0, sharpness=5.0)
    assert (len(trace), len(trace["sharpness"])) == (2, 1)
    assert "sharpness" in trace
    assert "lr" not in trace


def test_an_empty_trace_has_no_rows():
    assert len(Trace("sgd")) == 0


def test_an_unknown_column_is_named_with_those_there_are():
    trace = Trace("sgd")
    with pytest.raises(KeyError, match="no column 'los'; it has none yet"):
        trace["los"]
    trace.record(loss=1.0, p=0.0)
    with pytest.raises(KeyError, match="no column 'los'; it has loss, p"):
        trace["los"]


def test_the_label_is_the_name_unless_given():
    assert Trace("sgd").label == "sgd"
    assert Trace("sgd", "lr 0.1").label == "lr 0.1"


def test_a_trace_says_what_it_is_and_why_it_stopped():
    trace = Trace("sgd", "lr 9")
    trace.record(loss=1.0, p=0.0)
    assert repr(trace) == "Trace(lr 9, 1 rows of loss, p)"
    trace.stopped = "stopped at step 2"
    assert repr(trace).endswith("stopped: stopped at step 2)")
