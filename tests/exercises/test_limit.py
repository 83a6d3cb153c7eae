"""Code that does not come back is stopped, in the main thread and beside it, and nothing rings afterwards."""

import signal
import threading
import time

import pytest

from course_lib.exercises.limit import Endless, at_most


def work(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def beside(body):
    """What `body` gives or raises in another thread."""
    outcome = []

    def run():
        try:
            outcome.append(body())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return outcome[0]


def limited(seconds, body):
    with at_most(seconds):
        return body()


def test_the_limit_is_no_exception_that_a_student_catches():
    assert not issubclass(Endless, Exception)


def test_a_loop_in_another_thread_is_stopped_too():
    assert isinstance(beside(lambda: limited(0.1, lambda: work(60))), Endless)


def test_a_body_in_time_gives_its_answer_and_nothing_rings_later():
    def in_time():
        answer = limited(0.1, lambda: 7)
        work(0.3)
        return answer

    assert in_time() == 7
    assert beside(in_time) == 7


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="Windows has no alarm")
def test_the_alarm_of_others_is_put_back():
    before = signal.signal(signal.SIGALRM, signal.SIG_IGN)
    try:
        limited(5, lambda: None)
        with pytest.raises(Endless):
            limited(0.05, lambda: time.sleep(60))
        assert signal.getsignal(signal.SIGALRM) is signal.SIG_IGN
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_an_error_of_the_body_comes_through():
    with pytest.raises(ZeroDivisionError):
        limited(5, lambda: 1 / 0)
