"""What `import nameplate` has for a host platform: the names, and what they cost."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import nameplate
from nameplate import usecases

NAMES = {
    *("Actor", "NameplateError", "PLATFORM", "Secret", "Sessions", "Settings", "Tools", "Worker"),
    *("__version__", "create_app", "create_edge", "keyring", "sessions", "tools", "upgrade"),
    "usecases",
}
NOUNS = {
    *("accounts", "applications", "bindings", "certificate_requests", "conditions", "dns_hosts"),
    *("domain_connect", "domains", "instructions", "organizations", "plans", "propagation_checks"),
    *("providers", "records", "server_groups", "servers", "templates", "tokens", "verifications"),
}


@pytest.mark.parametrize(("module", "names"), [(nameplate, NAMES), (usecases, NOUNS)])
def test_the_names_are_these_and_no_others(module: ModuleType, names: set[str]) -> None:
    assert set(module.__all__) == names
    assert list(module.__all__) == sorted(module.__all__, key=ordered)
    assert names <= set(dir(module))


def ordered(name: str) -> tuple[bool, bool, str]:
    """Order as ruff does: constants, classes, the rest."""
    return not name.isupper(), not name[0].isupper(), name


@pytest.mark.parametrize("module", [nameplate, usecases])
def test_each_is_what_the_type_checker_sees(module: ModuleType) -> None:
    seen = checked(module)
    assert set(seen) == set(module.__all__) - {"__version__"}
    for name, (place, found) in seen.items():
        if place == module.__name__:
            expected = importlib.import_module(f"{place}.{found}")
        else:
            holder = importlib.import_module(place)
            expected = getattr(holder, found, None) or importlib.import_module(f"{place}.{found}")
        assert getattr(module, name) is expected, name


def checked(module: ModuleType) -> dict[str, tuple[str, str]]:
    """Return the imports for type checkers: name -> module, and what it is called there."""
    assert module.__file__
    tree = ast.parse(Path(module.__file__).read_text())
    (block,) = [one for one in tree.body if isinstance(one, ast.If)]
    return {
        alias.asname or alias.name: (str(one.module), alias.name)
        for one in block.body
        if isinstance(one, ast.ImportFrom)
        for alias in one.names
    }


@pytest.mark.parametrize("module", [nameplate, usecases])
def test_what_is_not_there_is_said_as_python_does(module: ModuleType) -> None:
    with pytest.raises(AttributeError, match=f"module '{module.__name__}' has no attribute 'no'"):
        _ = module.no


def loaded_by(code: str) -> set[str]:
    command = [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_package_alone_loads_nothing_of_itself() -> None:
    loaded = loaded_by("import nameplate; nameplate.__version__; dir(nameplate)")
    assert {name for name in loaded if name.startswith("nameplate.")} == set()
    assert not loaded & {"sqlalchemy", "pydantic", "fastapi", "cryptography"}


def test_a_worker_of_a_host_has_no_web_framework_in_memory() -> None:
    loaded = loaded_by("from nameplate import Sessions, Settings, Worker, keyring, sessions, tools")
    assert "nameplate.worker.loop" in loaded
    assert not loaded & {"fastapi", "starlette", "pydantic", "typer", "alembic"}


def test_a_command_that_works_elsewhere_has_no_tables_in_memory() -> None:
    loaded = loaded_by(
        "import nameplate.__main__; from nameplate import remote; remote.api('http://127.0.0.1:1')"
    )
    assert "nameplate.adapters.http.client" in loaded
    assert not loaded & {"sqlalchemy", "fastapi", "nameplate.bootstrap", "nameplate.models"}


def test_a_process_that_validates_nothing_has_no_dnssec_in_memory() -> None:
    adapters = "nameplate.adapters.resolver"
    loaded = loaded_by(f"import {adapters}.signatures, {adapters}.validating")
    assert "dns.dnssec" not in loaded
