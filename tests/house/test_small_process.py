"""A process loads what it works with, and nothing else (docs/adr/0012-a-small-process.md)."""

import subprocess
import sys

import pytest

WORKER = "from nameplate import bootstrap; from nameplate.worker.loop import Worker"
DNS_STEP = "from nameplate import bootstrap; from nameplate.usecases.dns import zones"
REMOTE_COMMAND = "from nameplate import __main__, remote"

SURFACES = {"fastapi", "pydantic", "starlette", "uvicorn", "nameplate.api", "nameplate.edge"}
"""What requests are taken with."""
RARE = {
    "alembic", "argon2", "authlib", "boto3", "botocore", "dns.dnssec", "html.parser", "jinja2",
    "joserfc", "josepy", "lexicon", "prometheus_client", "smtplib", "xml.etree", "yaml",
    "nameplate.adapters.ca", "nameplate.adapters.dns", "nameplate.adapters.proxy",
    "nameplate.adapters.registrar", "nameplate.core.error_catalogue", "nameplate.core.formats",
    "nameplate.migrations", "nameplate.seeding", "nameplate.testing", "nameplate.web",
}  # fmt: skip
"""What some accounts, files or commands need: imported by the first that does."""
JUDGING = {"nameplate.core.diagnosis.checks", "nameplate.core.diagnosis.hosts"}
"""What is judged where somebody asks why a name does not work."""
ELSEWHERE = {"typer", "rich", "nameplate.cli", "nameplate.usecases.setup"}

NEVER = {
    WORKER: SURFACES | RARE | JUDGING | ELSEWHERE,
    DNS_STEP: SURFACES
    | RARE
    | JUDGING
    | ELSEWHERE
    | {
        "cryptography.x509",
        "nameplate.usecases.claims",
        "nameplate.usecases.serving",
        "nameplate.usecases.certificates",
    },
    REMOTE_COMMAND: SURFACES
    | (RARE - {"html.parser"})
    | JUDGING
    | {"sqlalchemy", "nameplate.models", "nameplate.usecases", "nameplate.worker"},
}


@pytest.mark.parametrize("code", NEVER, ids=["worker", "dns-step", "remote-command"])
def test_a_process_loads_nothing_that_it_does_not_need(code: str) -> None:
    command = [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "nameplate" in loaded
    needless = {
        module
        for module in loaded
        for one in NEVER[code]
        if module == one or module.startswith(f"{one}.")
    }
    assert needless == set()
