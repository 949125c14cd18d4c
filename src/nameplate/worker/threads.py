"""Threads of background work: events say of whatever they change that a worker did it."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from nameplate.core import origin


def worker_pool(threads: int, name: str) -> ThreadPoolExecutor:
    """Return as many threads, named `nameplate-<name>`."""
    return ThreadPoolExecutor(
        threads, thread_name_prefix=f"nameplate-{name}", initializer=origin.begin_work
    )


def start_thread(run: Callable[[], None], name: str) -> None:
    """Run something in a thread of its own, which ends with the process."""

    def work() -> None:
        origin.begin_work()
        run()

    threading.Thread(target=work, name=f"nameplate-{name}", daemon=True).start()
