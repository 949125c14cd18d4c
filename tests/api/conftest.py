"""An API over a migrated SQLite file, with two organizations."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.api.client import Api, api_over
from tests.databases import Templates, sessions_over


@dataclass(frozen=True)
class World:
    """One of everything, of the organization `acme`; `globex` has nothing."""

    acme: dict[str, Any]
    as_acme: Api
    as_globex: Api
    ids: dict[str, str]
    """Plural noun -> id of acme's."""


@dataclass(frozen=True)
class Template:
    """A populated database and its key ring, to copy for each test."""

    folder: Path
    world: World


@pytest.fixture(scope="session")
def template(templates: Templates, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Make a populated database once."""
    folder = tmp_path_factory.mktemp("world")
    with templates.sqlite(folder / "world.db") as url:
        sessions = sessions_over(url)
        world = populated(api_over(sessions, folder))
        sessions.dispose()
    return Template(folder, world)


@pytest.fixture
def api(
    request: pytest.FixtureRequest, templates: Templates, template: Template, tmp_path: Path
) -> Iterator[Api]:
    """Call as the platform: over an empty database, or a populated one when the test has a `world`."""
    path = tmp_path / "api.db"
    if "world" in request.fixturenames:
        shutil.copyfile(template.folder / "world.db", path)
    else:
        shutil.copyfile(str(sa.make_url(templates.url("sqlite")).database), path)
    sessions = sessions_over(f"sqlite:///{path}")
    yield api_over(sessions, template.folder)
    sessions.dispose()


@pytest.fixture
def world(api: Api, template: Template) -> World:
    """Return one of everything, in the database of `api`."""
    made = template.world
    return replace(
        made,
        as_acme=api.as_(made.as_acme.token),
        as_globex=api.as_(made.as_globex.token),
    )


def populated(api: Api) -> World:
    acme, as_acme = api.organization("Acme")
    _, as_globex = api.organization("Globex")
    platform_account = {
        "kind": "dns",
        "provider": "memory",
        "name": "zones",
        "organization": "acme",
        "credentials": {"api_key": "s3cret-key"},
    }
    account = api.post("/v1/accounts", platform_account)
    proxy = {"type": "caddy", "admin_url": "http://127.0.0.1:1"}
    api.post("/v1/servers", {"name": "shared", "address": "edge.example.net", "proxy": proxy})
    own = as_acme.post("/v1/servers", {"name": "own", "address": "own.example.net"})
    group = as_acme.post("/v1/server-groups", {"name": "europe"})
    upstream = {"upstream_host": "127.0.0.1", "upstream_port": 8000}
    application = api.post("/v1/applications", {"name": "Shop", "organization": "acme", **upstream})
    domain = as_acme.post("/v1/domains", {"name": "example.com", "account": account["id"]})
    record = as_acme.post(
        "/v1/records", {"domain": "example.com", "type": "A", "name": "www", "value": "192.0.2.7"}
    )
    certificate = as_acme.post("/v1/certificates", {"domain": "example.com"})
    binding = as_acme.post("/v1/bindings", {"domain": "example.com", "application": "Shop"})
    verification = as_acme.get("/v1/verifications?domain=example.com")["data"][0]
    token = as_acme.get("/v1/tokens")["data"][0]
    plan = as_acme.post("/v1/domains/example.com/records:plan")
    made = {
        "organizations": acme,
        "accounts": account,
        "servers": own,
        "server-groups": group,
        "applications": application,
        "domains": domain,
        "records": record,
        "certificates": certificate,
        "bindings": binding,
        "verifications": verification,
        "tokens": token,
        "plans": plan,
    }
    return World(acme, as_acme, as_globex, {noun: item["id"] for noun, item in made.items()})
