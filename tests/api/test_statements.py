"""How many statements a request takes: a few, whatever there is and however long a list is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import CacheStats
from tests.api.client import Api
from tests.api.conftest import World
from tests.proof import prove

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.ids import Prefix
from nameplate.db import database_now
from nameplate.models import Domain


@contextmanager
def counted(api: Api) -> Iterator[list[str]]:
    """Gather the statements that are sent to the database meanwhile, BEGIN apart."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    engines = {api.sessions.system_engine, api.sessions.tenant_engine}
    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", note)
    yield seen
    for engine in engines:
        sa.event.remove(engine, "before_cursor_execute", note)


@contextmanager
def compiled(api: Api) -> Iterator[list[str]]:
    """Gather the statements that had to be compiled meanwhile."""
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, _given: Any, context: Any, _many: bool) -> None:
        if context.compiled is not None and context.cache_hit is not CacheStats.CACHE_HIT:
            seen.append(statement)

    engines = {api.sessions.system_engine, api.sessions.tenant_engine}
    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", note)
    yield seen
    for engine in engines:
        sa.event.remove(engine, "before_cursor_execute", note)


def test_no_statement_is_compiled_at_each_request(world: World) -> None:
    """Compiling takes longer than running: a statement that cannot be kept costs every request."""
    acme = world.as_acme

    def work(name: str) -> None:
        claim = acme.post("/v1/domains", {"name": name})
        acme.get(f"/v1/domains/{claim['id']}")
        acme.get(f"/v1/domains/{name}")
        acme.get("/v1/domains?limit=1")
        acme.send("PATCH", f"/v1/domains/{claim['id']}", {"notes": name})
        acme.post(f"/v1/domains/{claim['id']}:check")
        acme.send("DELETE", f"/v1/domains/{claim['id']}")

    work("one.example.com")
    with compiled(acme) as seen:
        work("two.example.com")
    assert not seen


def test_a_domain_takes_few_statements(world: World) -> None:
    acme = world.as_acme
    claim = acme.post("/v1/domains", {"name": "few.example.com"})
    acme.get(f"/v1/domains/{claim['id']}")
    with counted(acme) as seen:
        acme.get(f"/v1/domains/{claim['id']}")
    assert len(seen) <= 5, seen  # token, clock, domain, proof, servers


def test_the_holding_of_a_domain_is_read_with_it(world: World) -> None:
    acme = world.as_acme
    claim = acme.post("/v1/domains", {"name": "held.example.com"})
    with acme.sessions.begin(PLATFORM) as session:
        row = session.get_one(Domain, ids.parse(claim["id"], Prefix.DOMAIN))
        prove(session, row, database_now(session))
    with counted(acme) as seen:
        shown = acme.get(f"/v1/domains/{claim['id']}")
    assert shown["verified_at"] is not None
    assert sum("name_holdings" in one for one in seen) == 1, seen


def test_a_claim_takes_few_statements(world: World) -> None:
    acme = world.as_acme
    acme.post("/v1/domains", {"name": "one.example.com"})
    with counted(acme) as seen:
        acme.post("/v1/domains", {"name": "two.example.com"})
    # token, clock, standing; domain, copy of its readiness, proof; servers; events
    assert len(seen) <= 8, seen
    assert not any("organization_domains.deleted_at \nFROM" in one for one in seen), (
        "nobody can remove what this transaction has made"
    )


def test_what_an_organization_has_does_not_add_to_a_claim(world: World) -> None:
    acme = world.as_acme
    acme.post("/v1/servers", {"name": "elsewhere", "address": "one.example.com"})
    acme.post("/v1/domains", {"name": "one.example.com"})
    with counted(acme) as seen:
        acme.post("/v1/domains", {"name": "two.example.com"})
    assert len(seen) <= 8, seen


def test_a_binding_takes_few_statements(world: World) -> None:
    acme = world.as_acme
    asked = {"application": "Shop", "server": "shared"}
    for name in ("one.example.com", "two.example.com"):
        acme.post("/v1/domains", {"name": name})
        with counted(acme) as seen:
            acme.post("/v1/bindings", {**asked, "domain": name})
    assert len(seen) <= 17, seen
    assert not any("SELECT servers.id \nFROM" in one for one in seen), "it has just been read"


def test_a_list_takes_as_many_statements_however_long_it_is(world: World) -> None:
    acme = world.as_acme
    for number in range(12):
        acme.post("/v1/domains", {"name": f"n{number}.example.com"})
    numbers = set()
    for limit in (2, 10):
        acme.get(f"/v1/domains?limit={limit}")
        with counted(acme) as seen:
            acme.get(f"/v1/domains?limit={limit}")
        numbers.add(len(seen))
        if limit == 10:
            assert len(seen) <= 13, seen
    assert len(numbers) == 1, numbers
