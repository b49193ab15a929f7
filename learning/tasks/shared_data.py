"""What many tasks of one process have in common: data sets are read once, equal tasks are made once."""

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


class Row(Generic[T]):
    """The last `most` things that were made, by their names."""

    def __init__(self, most: int) -> None:
        self._known: deque[tuple[Hashable, T]] = deque(maxlen=most)

    def get(self, name: Hashable, make: Callable[[], T]) -> T:
        """The thing of that name, made if it is not there (any more)."""
        for known, thing in self._known:
            if known == name:
                return thing
        thing = make()
        self._known.append((name, thing))
        return thing


class Shelf:
    """Up to two data sets and `most` tasks, which share them; with 0 nothing is kept."""

    def __init__(self, most: int = 64) -> None:
        self.tasks: Row[ClassificationTask] = Row(most)
        self.data: Row[Arrays] = Row(min(most, 2))


_SHELF: ContextVar[Shelf | None] = ContextVar("shelf", default=None)


@contextmanager
def shared_data(shelf: Shelf) -> Iterator[None]:
    """Within it tasks are made from `shelf` and stay there.

    Whoever keeps a shelf answers for its files: it does not see that they changed.
    """
    token = _SHELF.set(shelf)
    try:
        yield
    finally:
        _SHELF.reset(token)


def shelf_in_use() -> Shelf:
    """The innermost `shared_data`'s shelf; outside of any an empty one that keeps nothing."""
    return _SHELF.get() or Shelf(0)
