"""What `bench/dns.py` runs beside each other: the records, the floors, Nameplate, the memory of a zone.

Each side is a process of its own, which imports only what it needs, and is told by a small JSON file
where its server and its wanted records are.
"""

import gc
import json
import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nameplate.ports.dns import DnsProvider

TTL = 300
EVERY = 101
"""One record in so many differs between two variants: 100 of 10,000, of all types."""
PER_MESSAGE = 500
"""Record sets in one dynamic update of the floor."""

Key = tuple[str, str]
Wanted = dict[Key, list[str]]
Place = dict[str, Any]


def wanted(zone: str, count: int, variant: int = 0) -> Iterator[tuple[str, str, str]]:
    """Yield name, type and canonical value of `count` records, one for each record set."""
    for n in range(count):
        v = variant if n % EVERY == 0 else 0
        name = f"h{n}.{zone}"
        match n % 10:
            case 0 | 1 | 2:
                yield name, "A", f"10.{v}.{n // 250 % 250}.{n % 250 + 1}"
            case 3 | 4:
                yield name, "AAAA", f"2001:db8::{v + 1:x}:{n // 60000 + 1:x}:{n % 60000 + 1:x}"
            case 5 | 6:
                yield name, "CNAME", f"target-{n}-{v}.example.net."
            case 7:
                yield name, "TXT", f'"v=spf1 include:_spf{n}.example.net ip4:192.0.2.{v} -all"'
            case 8:
                yield name, "MX", f"10 mx-{n}-{v}.example.net."
            case _:
                yield f"_sip._tcp.{name}", "SRV", f"10 20 {5060 + v} sip-{n}.example.net."


def run(side: str, place: Path) -> None:
    """Do the work of one side."""
    told = json.loads(place.read_text())
    sides: dict[str, Callable[[Place], None]] = {
        "floor-powerdns": floor_powerdns,
        "floor-knot": floor_knot,
        "nameplate": nameplate,
        "adapter": adapter,
        "worker": worker,
        "memory": memory,
    }
    sides[side](told)


def started() -> None:
    """Tell when Python had started and imported and the work itself begins."""
    print(f"started {time.perf_counter()}", flush=True)


def ended() -> None:
    """Tell when the work was done, before Python takes down what it built."""
    print(f"ended {time.perf_counter()}", flush=True)


def desired(place: Place) -> Wanted:
    """Return what the floors want, read from a file, as octoDNS reads its own."""
    return {
        (name, kind): values for name, kind, values in json.loads(Path(place["wanted"]).read_text())
    }


def floor_powerdns(place: Place) -> None:
    """Read the zone once, compare, send one PATCH."""
    from http.client import HTTPConnection

    started()
    want = desired(place)
    connection = HTTPConnection("127.0.0.1", place["port"])
    headers = {"X-API-Key": place["key"], "Content-Type": "application/json"}
    path = f"/api/v1/servers/localhost/zones/{place['zone']}."
    connection.request("GET", path, headers=headers)
    live = {
        (entry["name"][:-1], entry["type"]): [record["content"] for record in entry["records"]]
        for entry in json.loads(connection.getresponse().read())["rrsets"]
    }
    rrsets = [
        {
            "name": f"{name}.",
            "type": kind,
            "ttl": TTL,
            "changetype": "REPLACE",
            "records": [{"content": value, "disabled": False} for value in values],
        }
        for (name, kind), values in want.items()
        if live.get((name, kind)) != values
    ]
    if rrsets:
        connection.request("PATCH", path, json.dumps({"rrsets": rrsets}), headers)
        reply = connection.getresponse()
        if reply.status >= 300:
            raise RuntimeError(reply.read()[:500])


def floor_knot(place: Place) -> None:
    """Transfer the zone, compare, send updates, all by dnspython."""
    import dns.query
    import dns.rcode
    import dns.rdatatype
    import dns.tsigkeyring
    import dns.update
    import dns.zone

    started()
    want = desired(place)
    ring = dns.tsigkeyring.from_text({place["tsig"]: (place["algorithm"], place["key"])})
    zone = dns.zone.Zone(place["zone"], relativize=False)
    query, _ = dns.xfr.make_query(zone, keyring=ring)
    dns.query.inbound_xfr("127.0.0.1", zone, query, place["port"])
    live = {
        (name.to_text(omit_final_dot=True), dns.rdatatype.to_text(one.rdtype)): one
        for name, one in zone.iterate_rdatasets()
    }
    changes = []
    for (name, kind), values in want.items():
        there = live.get((name, kind))
        if there is None or [rdata.to_text() for rdata in there] != values:
            changes.append((name, kind, values))
    for at in range(0, len(changes), PER_MESSAGE):
        update = dns.update.UpdateMessage(place["zone"], keyring=ring)
        for name, kind, values in changes[at : at + PER_MESSAGE]:
            update.replace(f"{name}.", TTL, kind, *values)
        answer = dns.query.tcp(update, "127.0.0.1", port=place["port"])
        if answer.rcode() != dns.rcode.NOERROR:
            raise RuntimeError(dns.rcode.to_text(answer.rcode()))


def nameplate(place: Place) -> None:
    """Open the database, take the one domain that is due, bring it to its provider with ledger.

    A small one comes first, at another provider: a worker has long compiled its statements, and
    imported the adapter, when a large zone is due.
    """
    gc.disable()  # as every process of Nameplate's own, until all is imported
    from nameplate import bootstrap, leases
    from nameplate.core.actor import PLATFORM
    from nameplate.models import Domain
    from nameplate.settings import Settings
    from nameplate.usecases.dns import zones

    settings = Settings(home=Path(place["home"]))
    bootstrap.collect_rarely()
    sessions = bootstrap.sessions(settings)
    tools = bootstrap.tools(settings, bootstrap.keyring(settings))

    def bring() -> None:
        (lease,) = sessions.run(PLATFORM, lambda s: leases.lease(s, Domain, limit=1, seconds=90))
        zones.reconcile(sessions, tools, lease)

    bring()
    tools.dns_providers.get(place["plugin"])
    started()
    bring()
    ended()
    sessions.dispose()


def worker(place: Place) -> None:
    """Be `nameplate worker`, with all its threads and sweeps, until the domains are at rest."""
    servers = {place["zone"]: [f"127.0.0.1:{place['dns_port']}"]}
    os.environ["NAMEPLATE_HOME"] = place["home"]
    os.environ["NAMEPLATE_DNS_SERVERS"] = json.dumps(servers)
    os.environ["NAMEPLATE_EGRESS_ALLOW"] = '["127.0.0.0/8"]'
    sys.argv = ["nameplate", "worker"]
    threading.Thread(target=_stop_at_rest, args=(place["home"],), daemon=True).start()

    from nameplate.__main__ import main

    main()


def _stop_at_rest(home: str) -> None:
    """End this process as an operator would, once no domain is leased or due."""
    database = sqlite3.connect(f"{home}/nameplate.db", timeout=30)
    busy = """
        SELECT count(*) FROM organization_domains
        WHERE lease_until IS NOT NULL OR next_action_at <= strftime('%Y-%m-%d %H:%M:%f', 'now')
    """
    while database.execute(busy).fetchone()[0]:
        time.sleep(0.1)
    database.close()
    os.kill(os.getpid(), signal.SIGTERM)


def provider(place: Place) -> "DnsProvider":
    """Return the adapter of a place."""
    from nameplate.core.secret import Secret

    secret = Secret(place["key"])
    if "tsig" in place:
        from nameplate.adapters.dns.rfc2136 import Rfc2136

        tsig = (place["tsig"], place["algorithm"], secret)
        return Rfc2136("127.0.0.1", place["port"], [place["zone"]], tsig, timeout=60)
    from nameplate.adapters.dns.powerdns import PowerDns
    from nameplate.adapters.http.client import Api

    return PowerDns(Api(f"http://127.0.0.1:{place['port']}", headers={"X-API-Key": secret}))


def adapter(place: Place) -> None:
    """Bring the same zone to the provider without a database: what adapters and plan cost alone."""
    from nameplate.core.plan import plan
    from nameplate.core.records import RRset
    from nameplate.ports.dns import Result, Zone

    made = provider(place)
    started()
    want = desired(place)
    live = made.records(Zone(place["zone"]))
    owned = frozenset((one.name, one.type, value) for one in live for value in one.values)
    ours = [RRset(name, kind, TTL, tuple(values)) for (name, kind), values in want.items()]
    kept = [one for one in live if one.type in {"SOA", "NS"} or one.key not in want]
    todo = plan(live, [*ours, *kept], owned, apex=place["zone"])
    done = made.apply(Zone(place["zone"]), todo.changes)
    if any(one.result is not Result.APPLIED for one in done):
        raise RuntimeError(str(done)[:500])


def memory(place: Place) -> None:
    """Read a zone through an adapter and plan 1 % changes of it, everything in it being ours."""
    from nameplate.core.plan import plan
    from nameplate.core.records import RRset
    from nameplate.ports.dns import Zone

    made = provider(place)
    started()
    zone = place["zone"]
    live = made.records(Zone(zone))
    owned = frozenset(wanted(zone, place["count"]))
    want = [RRset(n, kind, TTL, (v,)) for n, kind, v in wanted(zone, place["count"], 1)]
    todo = plan(live, want, owned, apex=zone)
    print(f"{len(live)} record sets, {len(todo.changes)} changes", file=sys.stderr)
