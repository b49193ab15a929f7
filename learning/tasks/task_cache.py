"""A cache of tasks within one process: data sets are read once, and equal tasks are created once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from learning.datasets.arrays import Arrays
    from learning.tasks.classification import ClassificationTask

T = TypeVar("T")


class RecentItems(Generic[T]):
    """The `capacity` most recently created items, by key."""

    def __init__(self, capacity: int) -> None:
        self._items: deque[tuple[Hashable, T]] = deque(maxlen=capacity)

    def get(self, key: Hashable, create: Callable[[], T]) -> T:
        """Return the item of a key; create it if it is not stored."""
        for stored_key, item in self._items:
            if stored_key == key:
                return item
        item = create()
        self._items.append((key, item))
        return item


class TaskCache:
    """Up to two data sets, and `capacity` tasks that share them; with capacity 0 nothing is stored."""

    def __init__(self, capacity: int = 64) -> None:
        self.tasks: RecentItems[ClassificationTask] = RecentItems(capacity)
        self.data: RecentItems[Arrays] = RecentItems(min(capacity, 2))


_ACTIVE: ContextVar[TaskCache | None] = ContextVar("task_cache", default=None)


@contextmanager
def use_task_cache(cache: TaskCache) -> Iterator[None]:
    """Create tasks through `cache` within this context.

    The cache does not detect changes of the data files.
    """
    token = _ACTIVE.set(cache)
    try:
        yield
    finally:
        _ACTIVE.reset(token)


def active_task_cache() -> TaskCache:
    """Return the cache of the innermost `use_task_cache`; outside of any, one that stores nothing."""
    return _ACTIVE.get() or TaskCache(0)
