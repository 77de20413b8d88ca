"""Several processes that live and end with one `with`."""

from contextlib import ExitStack
from typing import Self


class Together:
    """If one of them does not start, those before it are ended."""

    def __init__(self) -> None:
        self._running = ExitStack()

    def _start(self) -> None:
        """Enter each into `_running`."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._running.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()
