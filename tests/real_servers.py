"""Which tests use real servers: they alone are run again when they fail.

A server that shares two cores with everything else can be late. A test without one has no such
excuse. The plugin looks at what a test and its fixtures name, through the functions of the tests.
"""

import inspect
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import pytest

from tests.servers.process import Server

MARKER = "real_server"
DATABASES = {"postgresql", "mariadb"}
"""Values of the parameters that choose a database; their URLs are fixtures of the same names."""
BY_PARAMETER = {"tests.conftest", "tests.databases"}
"""Where the kind of database decides, not what the code can start."""


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", f"{MARKER}: uses a real server; set by itself")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Mark what uses a real server, and have it run once more when it fails."""
    for item in items:
        if isinstance(item, pytest.Function) and uses_real_server(session, item):
            item.add_marker(MARKER)
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show why a test was run again: its second run may meet what the first one left behind."""
    for report in terminalreporter.stats.get("rerun", ()):
        terminalreporter.section(f"first run of {report.nodeid}", "_")
        terminalreporter.write_line(str(report.longrepr))
        for title, content in report.sections:
            terminalreporter.section(title, "-")
            terminalreporter.write_line(content)


def uses_real_server(session: pytest.Session, item: pytest.Function) -> bool:
    """Tell whether this test or one of its fixtures starts a program of `tests.servers`."""
    chosen = item.callspec.params.values() if hasattr(item, "callspec") else ()
    if any(isinstance(value, str) and value in DATABASES for value in chosen):
        return True
    if any(f"{kind}_url" in name for kind in DATABASES for name in item.fixturenames):
        return True
    seen: set[Any] = set()
    return any(
        _reaches(function, seen)
        for function in (item.obj, *_fixture_functions(session, item))
        if function.__module__ not in BY_PARAMETER
    )


def _fixture_functions(session: pytest.Session, item: pytest.Function) -> Iterator[Any]:
    for name in item.fixturenames:
        for one in session._fixturemanager.getfixturedefs(name, item) or ():
            if one.func.__module__.partition(".")[0] == "tests":
                yield one.func


def _reaches(thing: Any, seen: set[Any]) -> bool:
    """Follow functions and classes of the tests to one that starts a program."""
    if isinstance(thing, MethodType):
        thing = thing.__func__
    if isinstance(thing, ModuleType):
        return _starts_program(thing)
    if not isinstance(thing, FunctionType | type) or thing in seen:
        return False
    seen.add(thing)
    module = thing.__module__
    if module.startswith("tests.servers."):
        return thing is Server or _starts_program(sys.modules[module])
    if not module.startswith(("tests.", "bench.")) or module in BY_PARAMETER:
        return False
    return any(_reaches(one, seen) for one in _named(thing))


def _named(thing: FunctionType | type) -> Iterator[Any]:
    """Yield what a function names, or what a class and its bases consist of."""
    if isinstance(thing, type):
        for base in thing.__mro__:
            if base.__module__.startswith(("tests.", "bench.")):
                yield from vars(base).values()
        return
    function: Any = inspect.unwrap(thing)
    for name in _names(function.__code__):
        if name.startswith("tests.servers."):  # imported where it is needed
            yield sys.modules.get(name)
        yield function.__globals__.get(name)


def _starts_program(module: ModuleType) -> bool:
    return any(value is Server for value in vars(module).values())


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
