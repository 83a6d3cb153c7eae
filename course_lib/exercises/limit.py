"""Stop code that does not come back."""

import ctypes
import signal
import threading
from contextlib import contextmanager


class Endless(BaseException):
    """No answer within the limit. Not an Exception, so that a student's `except Exception` does not swallow it."""


@contextmanager
def at_most(seconds: float):
    """Raise `Endless` in the body after `seconds` of wall time, and again until the body ends."""
    main = threading.current_thread() is threading.main_thread()
    with _alarm(seconds) if main and hasattr(signal, "setitimer") else _watchdog(seconds):
        yield


@contextmanager
def _alarm(seconds: float):
    """Unix: a signal, which also wakes a sleeping call."""

    def ring(number, frame):
        raise Endless

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.05)
    try:
        yield
    finally:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0)
        finally:  # should it ring once more just here
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


@contextmanager
def _watchdog(seconds: float):
    """Windows and other threads: an exception set from beside, seen at the next bytecode."""
    done, lock, target = threading.Event(), threading.Lock(), threading.get_ident()

    def ring():
        wait = seconds
        while not done.wait(wait):
            with lock:
                if not done.is_set():
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(target), ctypes.py_object(Endless))
            wait = 0.05

    threading.Thread(target=ring, daemon=True).start()
    try:
        yield
    finally:
        with lock:
            done.set()
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(target), None)
