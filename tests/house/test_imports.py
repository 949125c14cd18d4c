"""Import rules that import-linter cannot say: parts of packages, and third parties by folder."""

import ast
from pathlib import Path

from tests.house.source import PACKAGE, imports, python_files, tree, where

DNS_NETWORK = (
    *("dns.query", "dns.resolver", "dns.asyncquery", "dns.asyncresolver"),
    *("dns.xfr", "dns.nameserver", "dns.asyncbackend"),
)
PURE = ("core", "ports")
IO = (
    *("asyncio", "http", "io", "os", "pathlib", "select", "shutil", "smtplib", "socket", "sqlite3"),
    *("ssl", "subprocess", "tempfile", "threading", "time", "urllib.request"),
)


def test_http_is_spoken_in_one_package() -> None:
    libraries = ("httpx", "httpx2", "httpcore2", "requests", "urllib3", "http.client")
    looking = ("adapters/proxy/probe.py", "demo/tour.py")  # as a visitor, at one address
    assert _imports_of(libraries, except_in=("adapters/http", *looking)) == []


def test_only_adapters_speak_dns_over_the_network() -> None:
    assert _imports_of(DNS_NETWORK, except_in=("adapters",)) == []


def test_the_core_does_no_input_or_output() -> None:
    found = [
        f"{where(path, node)} imports {name}"
        for path in python_files(*(f"src/nameplate/{folder}" for folder in PURE))
        for node, name in imports(tree(path))
        if _within(name, IO)
    ]
    assert not found, "\n".join(["", *found])


def test_threads_of_a_worker_say_that_they_are() -> None:
    """Whoever makes one otherwise has the operator named in the events of what it changes."""
    found = [
        where(path, node)
        for path in python_files("src/nameplate/worker")
        if path.name != "threads.py"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith(("ThreadPoolExecutor", "threading.Thread"))
    ]
    assert not found, "\n".join(["", *found])


def _imports_of(modules: tuple[str, ...], *, except_in: tuple[str, ...]) -> list[str]:
    return [
        f"{where(path, node)} imports {name}"
        for path in python_files("src")
        if not _is_below(path, except_in)
        for node, name in imports(tree(path))
        if _within(name, modules)
    ]


def _within(name: str, modules: tuple[str, ...]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def _is_below(path: Path, folders: tuple[str, ...]) -> bool:
    return any(path.is_relative_to(PACKAGE / folder) for folder in folders)
