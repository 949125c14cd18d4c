"""What is connected on first use is connected once, and a command that needs no network brings none."""

import subprocess
import sys
import threading
import time
from pathlib import Path

from nameplate.bootstrap.first_use import on_first_use

NETWORK = ("httpcore2", "dns.query", "nameplate.adapters.resolver.authoritative")
SCRIPT = """
import sys
from pathlib import Path
from nameplate import bootstrap
from nameplate.settings import Settings

settings = Settings(home=Path(sys.argv[1]))
bootstrap.tools(settings, bootstrap.keyring(settings))
print(*sys.modules)
"""


class Adapter:
    """Something that takes a moment to connect."""

    def __init__(self, made: list[int]) -> None:
        time.sleep(0.05)
        made.append(1)

    def look(self, name: str) -> str:
        """Tell what was asked."""
        return f"looked at {name}"


def test_an_adapter_is_made_when_it_is_first_used_and_once_for_all_threads() -> None:
    made: list[int] = []
    adapter = on_first_use(lambda: Adapter(made))
    assert made == []
    said: list[str] = []
    threads = [threading.Thread(target=lambda: said.append(adapter.look("a"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == ["looked at a"] * 8
    assert made == [1]


def test_what_it_can_do_is_that_of_the_adapter() -> None:
    adapter = on_first_use(lambda: Adapter([]))
    assert adapter.__class__ is Adapter  # what `isinstance` goes by in every version of Python
    assert isinstance(adapter, Adapter)


def test_a_function_is_called_as_it_is() -> None:
    def add(one: int, *, other: int) -> int:
        return one + other

    assert on_first_use(lambda: add)(1, other=2) == 3


def test_connecting_all_ports_imports_no_network(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert not set(NETWORK) & set(done.stdout.split())
