"""Who does the jobs of a sweep: this process, processes beside it, or (see `clusters`) a Ray cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import wait as wait_for_end
from typing import Any, NamedTuple, Protocol


class LostError(RuntimeError):
    """A worker ended in the middle of a job, as often as was allowed; the text says what is known."""


@dataclass(frozen=True)
class Job:
    """A call to a function that every worker can import, with arguments that can be pickled."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]

    def __call__(self) -> Any:
        """Do it."""
        return self.function(*self.arguments)


class Done(NamedTuple):
    """A job that ended: the tag it was given, and its answer or what it raised."""

    tag: int
    answer: Any
    error: Exception | None


class Executor(Protocol):
    """Does jobs in any order, some at a time."""

    def put(self, tag: int, job: Job) -> None:
        """Have a job done."""
        ...

    def take(self) -> Done:
        """Wait for the next job that ends. Raises IndexError where none is under way."""
        ...

    def close(self) -> None:
        """Let the workers go; jobs under way are dropped."""
        ...


class InProcess:
    """This process does one job after the other, in the order they were put."""

    def __init__(self) -> None:
        self._jobs: deque[tuple[int, Job]] = deque()

    def put(self, tag: int, job: Job) -> None:
        """See `Executor`."""
        self._jobs.append((tag, job))

    def take(self) -> Done:
        """See `Executor`: does the next job now."""
        tag, job = self._jobs.popleft()
        try:
            return Done(tag, job(), None)
        except Exception as error:
            return Done(tag, None, error)

    def close(self) -> None:
        """Nobody to let go."""
        self._jobs.clear()


class _Held(NamedTuple):
    tag: int
    job: Job
    deaths: int


class ProcessPool:
    """`workers` processes of this machine, begun anew (spawn); they end when this process does, however it ends.

    A worker that dies, for want of memory perhaps, takes all of them along: jobs under way are then repeated
    one at a time, so that only the guilty one can fail again, each at most `retries` times.
    """

    def __init__(self, workers: int, retries: int = 1) -> None:
        self._workers, self._retries = workers, retries
        self._waiting: deque[_Held] = deque()
        self._suspects = 0
        self._under_way: dict[Future[Any], _Held] = {}
        self._others = set(multiprocessing.active_children())
        self._pool = self._hire()

    def put(self, tag: int, job: Job) -> None:
        """See `Executor`."""
        self._waiting.append(_Held(tag, job, 0))
        self._hand_out()

    def take(self) -> Done:
        """See `Executor`."""
        while True:
            self._hand_out()
            if not self._under_way:
                raise IndexError("no job is under way")
            future = next(iter(wait(self._under_way, return_when=FIRST_COMPLETED).done))
            error = future.exception()
            if isinstance(error, BrokenProcessPool):
                if (lost := self._mourn()) is not None:
                    return lost
                continue
            held = self._under_way.pop(future)
            self._suspects = max(0, self._suspects - 1)
            if error is not None and not isinstance(error, Exception):
                raise error
            return Done(held.tag, None, error) if error else Done(held.tag, future.result(), None)

    def close(self) -> None:
        """See `Executor`."""
        self._waiting.clear()
        for child in set(multiprocessing.active_children()) - self._others:
            child.kill()
        self._pool.shutdown(cancel_futures=True)

    def _hire(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._workers, mp_context=context, initializer=_begin)

    def _hand_out(self) -> None:
        """No more jobs than workers are handed out: when a worker dies, these alone are suspects."""
        most = 1 if self._suspects else self._workers
        while self._waiting and len(self._under_way) < most:
            held = self._waiting.popleft()
            try:
                self._under_way[self._pool.submit(held.job)] = held
            except BrokenProcessPool:
                self._waiting.appendleft(held)
                self._pool = self._hire()

    def _mourn(self) -> Done | None:
        """After a worker's death: jobs under way go back to the front; the one that died too often has failed."""
        self._pool.shutdown(cancel_futures=True)
        self._pool = self._hire()
        suspects = [held._replace(deaths=held.deaths + 1) for held in self._under_way.values()]
        self._under_way.clear()
        alone = len(suspects) == 1
        self._waiting.extendleft(reversed(suspects))
        self._suspects = len(suspects)
        if not (alone and suspects[0].deaths > self._retries):
            return None
        held = self._waiting.popleft()
        self._suspects = 0
        times = f"{held.deaths} times" if held.deaths > 1 else "once"
        return Done(held.tag, None, LostError(f"its worker died {times}; was there enough memory?"))


def _begin() -> None:
    """A worker's first act: leave interruptions to its parent, and never outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_leave_with, args=(parent.sentinel,), daemon=True).start()


def _leave_with(sentinel: int) -> None:
    wait_for_end([sentinel])
    os._exit(1)
