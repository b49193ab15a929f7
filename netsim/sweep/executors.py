"""Executors of a sweep's jobs: this process, a pool of processes, or (see `ray_executor`) a Ray cluster."""

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


class WorkerLostError(RuntimeError):
    """A worker died during a job, after all retries."""


@dataclass(frozen=True)
class Job:
    """A call of a function that every worker can import, with arguments that can be pickled."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]

    def __call__(self) -> Any:
        """Run the job."""
        return self.function(*self.arguments)


class JobResult(NamedTuple):
    """The result of a job: its tag, and its return value or error."""

    tag: int
    answer: Any
    error: Exception | None


class Executor(Protocol):
    """Runs jobs in any order, several at a time."""

    def put(self, tag: int, job: Job) -> None:
        """Queue a job."""
        ...

    def take(self) -> JobResult:
        """Wait for the next completed job. Raises IndexError if no job is running."""
        ...

    def close(self) -> None:
        """Stop the workers; running jobs are dropped."""
        ...


class InProcess:
    """Runs jobs in this process, one after the other, in their order."""

    def __init__(self) -> None:
        self._jobs: deque[tuple[int, Job]] = deque()

    def put(self, tag: int, job: Job) -> None:
        """See `Executor`."""
        self._jobs.append((tag, job))

    def take(self) -> JobResult:
        """See `Executor`: runs the next job now."""
        tag, job = self._jobs.popleft()
        try:
            return JobResult(tag, job(), None)
        except Exception as error:
            return JobResult(tag, None, error)

    def close(self) -> None:
        """See `Executor`."""
        self._jobs.clear()


class _PendingJob(NamedTuple):
    tag: int
    job: Job
    worker_deaths: int


class ProcessPool:
    """`workers` processes of this machine (spawned); they end when this process ends, however it ends.

    If a worker dies, for lack of memory perhaps, the pool is restarted: the jobs that were running are repeated one
    at a time, so that only the one that caused it can fail again, each at most `retries` times.
    """

    def __init__(self, workers: int, retries: int = 1) -> None:
        self._workers, self._retries = workers, retries
        self._waiting: deque[_PendingJob] = deque()
        self._unsafe_jobs = 0
        self._running: dict[Future[Any], _PendingJob] = {}
        self._others = set(multiprocessing.active_children())
        self._pool = self._start_pool()

    def put(self, tag: int, job: Job) -> None:
        """See `Executor`."""
        self._waiting.append(_PendingJob(tag, job, 0))
        self._submit_jobs()

    def take(self) -> JobResult:
        """See `Executor`."""
        while True:
            self._submit_jobs()
            if not self._running:
                raise IndexError("no job is under way")
            future = next(iter(wait(self._running, return_when=FIRST_COMPLETED).done))
            error = future.exception()
            if isinstance(error, BrokenProcessPool):
                if (lost := self._handle_worker_death()) is not None:
                    return lost
                continue
            pending = self._running.pop(future)
            self._unsafe_jobs = max(0, self._unsafe_jobs - 1)
            if error is not None and not isinstance(error, Exception):
                raise error
            return (
                JobResult(pending.tag, None, error)
                if error
                else JobResult(pending.tag, future.result(), None)
            )

    def close(self) -> None:
        """See `Executor`."""
        self._waiting.clear()
        for child in set(multiprocessing.active_children()) - self._others:
            child.kill()
        self._pool.shutdown(cancel_futures=True)

    def _start_pool(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._workers, mp_context=context, initializer=_initialize_worker)

    def _submit_jobs(self) -> None:
        """Submit at most as many jobs as workers, so that only these may have caused the death of a worker."""
        most = 1 if self._unsafe_jobs else self._workers
        while self._waiting and len(self._running) < most:
            pending = self._waiting.popleft()
            try:
                self._running[self._pool.submit(pending.job)] = pending
            except BrokenProcessPool:
                self._waiting.appendleft(pending)
                self._pool = self._start_pool()

    def _handle_worker_death(self) -> JobResult | None:
        """Queue the running jobs again after a worker died; return a failure for a job without retries left."""
        self._pool.shutdown(cancel_futures=True)
        self._pool = self._start_pool()
        interrupted_jobs = [
            pending._replace(worker_deaths=pending.worker_deaths + 1) for pending in self._running.values()
        ]
        self._running.clear()
        alone = len(interrupted_jobs) == 1
        self._waiting.extendleft(reversed(interrupted_jobs))
        self._unsafe_jobs = len(interrupted_jobs)
        if not (alone and interrupted_jobs[0].worker_deaths > self._retries):
            return None
        pending = self._waiting.popleft()
        self._unsafe_jobs = 0
        times = f"{pending.worker_deaths} times" if pending.worker_deaths > 1 else "once"
        return JobResult(
            pending.tag, None, WorkerLostError(f"its worker died {times}; possibly for lack of memory")
        )


def _initialize_worker() -> None:
    """Initialize a worker: ignore interrupts, which the parent handles, and end with the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_exit_with_parent, args=(parent.sentinel,), daemon=True).start()


def _exit_with_parent(sentinel: int) -> None:
    wait_for_end([sentinel])
    os._exit(1)
