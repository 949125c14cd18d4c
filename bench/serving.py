"""How long a change of one host among very many takes to reach a proxy, and what all of them cost.

    python bench/serving.py [--hosts N] [--rounds N] [--proxies nginx caddy traefik]

Each proxy runs twice: filled and changed by Nameplate's adapter, and by a bare script that writes the
same bytes without looking at anything and tells the proxy. A change is one host more, and is over when
a handshake gets its certificate. Times are medians of the rounds, in seconds; memory is the proportional set
size of all processes of the proxy.
"""

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.pop(0)  # this folder: its dns.py is not dnspython
sys.path.insert(0, str(Path(__file__).parents[1]))

from cryptography.hazmat.primitives.asymmetric import ec
from tests.servers.caddy import Caddy
from tests.servers.nginx import Nginx
from tests.servers.origin import Origin
from tests.servers.process import ServerMissing
from tests.servers.traefik import Traefik

from nameplate import bootstrap
from nameplate.adapters.proxy import caddy_certificates
from nameplate.adapters.proxy import traefik_documents as documents
from nameplate.core.errors import NameplateError
from nameplate.ports.proxy import Config, Route, Upstream
from nameplate.testing.proxy import self_signed

SECONDS, RATIO = 5.0, 1.5
"""The goals for one change: seconds until it is visible, and how much longer than the bare script."""
PATIENCE = 600
Server = Any


@dataclass(frozen=True)
class Host:
    """A route, and the serial number that its handshake shows."""

    route: Route
    serial: str

    @property
    def name(self) -> str:
        """Its host name."""
        return self.route.hostname


@dataclass(frozen=True)
class Cost:
    """What one side needs."""

    fill: float
    change: float
    memory: int
    """Megabytes."""


def hosts(count: int, upstream: Upstream) -> list[Host]:
    """Return hosts with a certificate each."""
    key = ec.generate_private_key(ec.SECP256R1())
    found = []
    for number in range(count):
        name = f"h{number}.bench.test"
        pair, serial = self_signed(name, key=key)
        found.append(Host(Route(f"bnd_{number}", name, "/", upstream, pair), serial))
    return found


def ours(server: Server, wanted: list[Host]) -> None:
    """Have the adapter do it, again while the proxy takes longer than it waits."""
    config = server.adapter.render([one.route for one in wanted])
    began = time.monotonic()
    while True:
        try:
            server.adapter.apply(config)
        except NameplateError as error:
            if time.monotonic() - began > PATIENCE:
                raise
            print(f"    {error.code}: {error.detail[:100]}", file=sys.stderr)
        else:
            return


def bare(tell: Callable[[Server, Mapping[str, bytes]], None]) -> Callable[..., None]:
    """Return what writes files that are not there as they should be, without any care."""
    written: dict[Path, bytes] = {}

    def done(server: Server, files: Mapping[Path, bytes], told: Mapping[str, bytes]) -> None:
        for path, content in files.items():
            if written.get(path) != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                written[path] = content
        tell(server, told)

    return done


def files_of(server: Server, config: Config) -> dict[Path, bytes]:
    """Return where each file lies, in the order in which the proxy may see them."""
    folder = server.adapter.folder
    secrets = {name: key.reveal().encode() for name, key in config.secrets.items()}
    asked: Mapping[str, str] = getattr(config, "asked", {})
    if asked:
        live = folder / "certs" / "live"
        return {
            live / f"{host}.pem": config.content(f"{stem}.crt") + secrets[f"{stem}.key"]
            for host, stem in asked.items()
        }
    placed = {folder / name: content for name, content in secrets.items()}
    placed |= {folder / name: config.content(name) for name in config.later}
    for name, content in config.files.items():
        if name.endswith(".conf"):
            placed[folder / "current" / name] = content
        elif name.startswith(documents.HOSTS):
            placed[server.adapter.dynamic / name] = content
    if documents.COMMON in config.files:
        placed[server.adapter.dynamic / documents.COMMON] = config.files[documents.COMMON]
    return placed


def reload_nginx(server: Server, _files: Mapping[str, bytes]) -> None:
    """Send the signal; workers, who are another user, read the keys."""
    (server.folder / "managed" / "certs").chmod(0o755)
    os.kill(int(server.pid_file.read_text()), signal.SIGHUP)


def load_caddy(server: Server, files: Mapping[str, bytes]) -> None:
    """Send the document."""
    headers = {"Content-Type": "application/json", "Connection": "close"}
    content = files[caddy_certificates.DOCUMENT]
    reply = server.api.request("POST", "/load", content=content, headers=headers)
    if reply.status != 200:
        raise SystemExit(reply.body)


def nothing(_server: Server, _files: Mapping[str, bytes]) -> None:
    """Do nothing: Traefik watches its folder."""


def await_(server: Server, host: Host) -> None:
    """Return when a handshake shows the host's certificate."""
    began = time.monotonic()
    while not shows(server, host):
        if time.monotonic() - began > PATIENCE:
            raise SystemExit(f"{host.name} is not served after {PATIENCE} s")
        time.sleep(0.01)


def shows(server: Server, host: Host) -> bool:
    """Tell whether a handshake shows the host's certificate."""
    try:
        return bool(server.look("https", host.name).serial == host.serial)
    except OSError:  # it does not listen yet
        return False


def cost(server: Server, all_: list[Host], count: int, do: Callable[..., None]) -> Cost:
    """Fill a proxy, and add the hosts beyond `count` one by one."""
    began = time.monotonic()
    do(server, all_[:count])
    await_(server, all_[count - 1])
    fill = time.monotonic() - began
    changes = []
    for number in range(count + 1, len(all_) + 1):
        began = time.monotonic()
        do(server, all_[:number])
        await_(server, all_[number - 1])
        changes.append(time.monotonic() - began)
    return Cost(fill, statistics.median(changes), memory(server))


def bare_cost(server: Server, all_: list[Host], count: int, tell: Callable[..., None]) -> Cost:
    """Do the same by the bare script, which is handed its bytes before the clock runs."""
    writes = bare(tell)

    def prepared(number: int) -> tuple[dict[Path, bytes], Mapping[str, bytes]]:
        config = server.adapter.render([one.route for one in all_[:number]])
        return files_of(server, config), config.files

    numbers = [count, *range(count + 1, len(all_) + 1)]
    times = []
    for number in numbers:
        given = prepared(number)
        began = time.monotonic()
        writes(server, *given)
        await_(server, all_[number - 1])
        times.append(time.monotonic() - began)
    return Cost(times[0], statistics.median(times[1:]), memory(server))


def memory(server: Server) -> int:
    """Return the proportional set size of the proxy's processes, in megabytes."""
    total, waiting = 0, [server.server.pid]
    while waiting:
        pid = waiting.pop()
        waiting += [
            int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total // 1024


@contextmanager
def folder() -> Iterator[Path]:
    """Give a folder that the workers of nginx can enter."""
    with tempfile.TemporaryDirectory(prefix="nameplate-bench-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


PROXIES: dict[str, tuple[Callable[[Path], Server], Callable[..., None]]] = {
    "nginx": (lambda place: Nginx(place, many=2000), reload_nginx),
    "caddy": (lambda place: Caddy(place, many=1000), load_caddy),
    "traefik": (lambda place: Traefik(place, proxy={"patience": 60}), nothing),
}


def main() -> None:
    """Measure each proxy and print both sides with their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--proxies", nargs="+", choices=PROXIES, default=list(PROXIES))
    asked = parser.parse_args()
    bootstrap.collect_rarely()  # as a worker does
    with ExitStack() as stack:
        origin = stack.enter_context(Origin("bench"))
        all_ = hosts(asked.hosts + asked.rounds, origin.upstream)
        for name in asked.proxies:
            make, tell = PROXIES[name]
            found = []
            for measure, do in ((cost, ours), (bare_cost, tell)):
                try:
                    with folder() as place, make(place) as server:
                        found.append(measure(server, all_, asked.hosts, do))
                except ServerMissing as error:
                    print(f"{name}: {error}")
                    break
            else:
                show(name, asked.hosts, *found)


def show(name: str, count: int, nameplate: Cost, script: Cost) -> None:
    """Print one proxy."""
    ratio = nameplate.change / script.change
    reached = nameplate.change <= SECONDS and ratio <= RATIO
    print(f"{name}, {count} hosts")
    print(
        f"    full fill    {nameplate.fill:8.2f} s   bare script {script.fill:8.2f} s   ratio {nameplate.fill / script.fill:.2f}"
    )
    print(
        f"    one change   {nameplate.change:8.2f} s   bare script {script.change:8.2f} s   ratio {ratio:.2f}   "
        f"{'reached' if reached else 'not reached'} (goal: {SECONDS:.0f} s, {RATIO})"
    )
    print(f"    memory       {nameplate.memory:8} MB  bare script {script.memory:8} MB")


if __name__ == "__main__":
    main()
