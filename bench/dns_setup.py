"""The servers of `bench/dns.py`, and what each side finds on disk before it is timed."""

import json
import shutil
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from bench.dns_sides import TTL, Place, wanted
from sqlalchemy.orm import Session
from tests.proof import prove
from tests.servers.knot import KEY, Knot
from tests.servers.powerdns import PowerDns as PowerDnsServer

from nameplate import bootstrap
from nameplate.adapters.dns.powerdns import PowerDns
from nameplate.adapters.dns.rfc2136 import Rfc2136
from nameplate.adapters.http.client import Api
from nameplate.core.actor import PLATFORM
from nameplate.core.lifecycle import RecordStatus
from nameplate.core.records import Change, RRset
from nameplate.models import Domain, Organization, Record
from nameplate.models.records import digest
from nameplate.ports.dns import DnsProvider, Result, Zone
from nameplate.settings import Settings
from nameplate.usecases.operations import schema
from nameplate.usecases.tenants import accounts
from nameplate.usecases.tools import Tools

Records = Sequence[tuple[str, str, str]]
SMALL = "small.example"


class Servers:
    """One PowerDNS and one Knot with the same zones."""

    def __init__(self, folder: Path, zones: Sequence[str]) -> None:
        """Start both in `folder`."""
        self._folder = folder
        for name in ("powerdns-server", "knot-server"):
            (folder / name).mkdir()
        self.powerdns = PowerDnsServer(folder / "powerdns-server", zones)
        self.knot = Knot(folder / "knot-server", zones, patience=60_000)  # dnspython reads slowly
        port = int(self.powerdns.api_url.rpartition(":")[2])
        name, algorithm, _ = self.knot.tsig
        self.access: dict[str, Place] = {
            "powerdns": {
                "port": port,
                "dns_port": self.powerdns.dns_port,
                "key": self.powerdns.api_key.reveal(),
            },
            "knot": {
                "port": self.knot.port,
                "dns_port": self.knot.port,
                "key": KEY,
                "tsig": name,
                "algorithm": algorithm,
            },
        }
        api = Api(self.powerdns.api_url, headers={"X-API-Key": self.powerdns.api_key}, timeout=60)
        self._providers: dict[str, DnsProvider] = {
            "powerdns": PowerDns(api),
            "knot": Rfc2136(self.knot.address, self.knot.port, zones, self.knot.tsig, timeout=60),
        }
        self.template = folder / "template.db"
        schema.upgrade(f"sqlite:///{self.template}")

    def fill(self, zone: str, records: Records) -> None:
        """Put many records into one zone of both."""
        _fill(self._folder / "powerdns-server" / "pdns.sqlite3", records)
        changes = [Change(None, RRset(name, kind, TTL, (value,))) for name, kind, value in records]
        done = self._providers["knot"].apply(Zone(zone), changes)
        assert all(one.result is Result.APPLIED for one in done)

    def records(self, provider: str, zone: str) -> set[tuple[str, str, str]]:
        """Read what a zone holds."""
        found = self._providers[provider].records(Zone(zone))
        return {(one.name, one.type, value) for one in found for value in one.values}

    def stop(self) -> None:
        """End both."""
        self.powerdns.stop()
        self.knot.stop()


def _fill(database: Path, fill: Records) -> None:
    """Write records as PowerDNS keeps them: its API takes minutes for a hundred thousand."""
    rows = []
    for name, kind, text in fill:
        numbered = kind in {"MX", "SRV"}
        prio, _, rest = text.partition(" ") if numbered else ("0", "", text)
        content = rest if kind == "TXT" else rest.removesuffix(".")
        rows.append((name, kind, content, TTL, int(prio)))
    with sqlite3.connect(database, timeout=30) as plain:
        plain.executemany(
            "INSERT INTO records (domain_id, name, type, content, ttl, prio, disabled, auth)"
            " SELECT id, ?, ?, ?, ?, ?, 0, 1 FROM domains",
            rows,
        )
    plain.close()


def database(folder: Path, template: Path, place: Place, provider: str, count: int) -> None:
    """Make Nameplate's database: one organization, account and domain, and the records wanted."""
    shutil.copyfile(template, folder / "nameplate.db")
    settings = Settings(home=folder)
    sessions = bootstrap.sessions(settings)
    tools = bootstrap.tools(settings, bootstrap.keyring(settings))
    kind, config, credentials = _account(place, provider)
    place["plugin"] = kind
    with sessions.begin(PLATFORM) as session:
        owner = Organization(name="Bench", slug="bench")
        session.add(owner)
        account = accounts.add(
            session, PLATFORM, tools, kind="dns", provider=kind, name=kind,
            config=config, credentials=credentials,
        )  # fmt: skip
        session.flush()
        domain = Domain(
            organization_id=owner.id,
            domain_name=place["zone"],
            dns_account_id=account.id,
        )
        _prove(session, domain)
        same = {"organization_id": owner.id, "organization_domain_id": domain.id, "ttl": TTL}
        rows = [same | _columns(place["zone"], one) for one in wanted(place["zone"], count)]
        session.execute(sa.insert(Record), rows)
        _add_small_one(session, tools, owner.id)
    sessions.dispose()


def _prove(session: Session, domain: Domain) -> None:
    session.add(domain)
    session.flush()
    session.refresh(domain)
    prove(session, domain, datetime.now(UTC))
    domain.activate()


def _add_small_one(session: Session, tools: Tools, organization_id: int) -> None:
    """Add a domain of three records, kept in memory, for the work before the work that is timed."""
    account = accounts.add(
        session, PLATFORM, tools, kind="dns", provider="memory", name="memory",
        config={"zones": [SMALL]}, credentials={},
    )  # fmt: skip
    session.flush()
    domain = Domain(
        organization_id=organization_id,
        domain_name=SMALL,
        dns_account_id=account.id,
    )
    _prove(session, domain)
    same = {"organization_id": organization_id, "organization_domain_id": domain.id, "ttl": TTL}
    rows = [same | _columns(SMALL, (f"{n}.{SMALL}", "A", f"192.0.2.{n}")) for n in range(3)]
    session.execute(sa.insert(Record), rows)


def _account(place: Place, provider: str) -> tuple[str, dict[str, object], dict[str, str]]:
    if provider == "powerdns":
        return (
            "powerdns",
            {"api_url": f"http://127.0.0.1:{place['port']}"},
            {"api_key": place["key"]},
        )
    config = {
        "server": f"127.0.0.1:{place['port']}",
        "zones": [place["zone"]],
        "tsig_name": place["tsig"],
        "tsig_algorithm": place["algorithm"],
    }
    return "rfc2136", config, {"tsig_secret": place["key"]}


def _columns(zone: str, record: tuple[str, str, str]) -> dict[str, object]:
    name, kind, text = record
    words = text.split()
    numbers: list[int | None] = [None, None, None]
    value = text
    if kind in {"MX", "SRV"}:
        *given, value = words
        numbers[: len(given)] = [int(word) for word in given]
    return {
        "name": name.removesuffix(f".{zone}"),
        "record_type": kind,
        "value": value,
        "value_digest": digest(value),
        **dict(zip(("priority", "weight", "port"), numbers, strict=True)),
    }


def want(folder: Path, zone: str, count: int, work: str) -> None:
    """Make the one domain due, with other values of 1 % of its records when there is to be change."""
    sessions = bootstrap.sessions(Settings(home=folder))
    with sessions.begin(PLATFORM) as session:
        now = datetime.now(UTC)
        due = sa.case((Domain.domain_name == SMALL, now - timedelta(hours=1)), else_=now)
        session.execute(sa.update(Domain).values(next_action_at=due))
        if work == "change":
            pairs = zip(wanted(zone, count), wanted(zone, count, 1), strict=True)
            for old, new in pairs:
                if old != new:
                    columns = _columns(zone, new)
                    session.execute(
                        sa.update(Record)
                        .where(Record.name == columns["name"])
                        .values(status=RecordStatus.PENDING, propagated=False, **columns)
                    )
    sessions.dispose()
    with sqlite3.connect(folder / "nameplate.db") as plain:
        plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    plain.close()


def octodns_files(folder: Path, place: Place, provider: str, records: Records) -> Path:
    """Write octoDNS's configuration and its YAML of the wanted records."""
    zone = place["zone"]
    source = folder / "octodns"
    source.mkdir(exist_ok=True)
    lines = ["---", "'ns1':", f"  ttl: {TTL}", "  type: A", "  value: 127.0.0.1"]
    for name, kind, text in records:
        words = text.split()
        lines += [f"'{name.removesuffix(f'.{zone}')}':", f"  ttl: {TTL}", f"  type: {kind}"]
        if kind == "MX":
            lines += ["  value:", f"    preference: {words[0]}", f"    exchange: {words[1]}"]
        elif kind == "SRV":
            names = ("priority", "weight", "port", "target")
            lines += ["  value:", *(f"    {a}: {b}" for a, b in zip(names, words, strict=True))]
        else:
            lines.append(f"  value: '{text.strip(chr(34))}'")
    (source / f"{zone}.yaml").write_text("\n".join(lines) + "\n")
    if provider == "powerdns":
        target = {
            "class": "octodns_powerdns.PowerDnsProvider",
            "host": "127.0.0.1",
            "port": place["port"],
            "api_key": place["key"],
        }
    else:
        target = {
            "class": "octodns_bind.Rfc2136Provider",
            "host": "127.0.0.1",
            "port": place["port"],
            "key_name": place["tsig"],
            "key_secret": place["key"],
            "key_algorithm": place["algorithm"],
        }
    config = {
        "providers": {
            "config": {
                "class": "octodns.provider.yaml.YamlProvider",
                "directory": str(source),
                "default_ttl": TTL,
                "enforce_order": False,
            },
            "target": target,
        },
        "zones": {f"{zone}.": {"sources": ["config"], "targets": ["target"]}},
    }
    path = folder / "octodns.yaml"
    path.write_text(json.dumps(config))  # JSON is YAML
    return path
