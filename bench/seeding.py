"""How long `nameplate db seed` takes beside plain COPY of the same rows into the same tables.

    python -m bench.seeding [--organizations 1000] [--domains 100000] [--records-per-domain 10]

Both fill a freshly migrated PostgreSQL database with all its indexes, checks, foreign keys and
policies, each in one transaction as the system role, one after the other on the same server. The
plain COPY reads files that PostgreSQL itself wrote from the seeded tables: nothing is made, only
loaded. Goal: at most 3 times as long.
"""

import argparse
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.pop(0)  # this folder: its dns.py is not dnspython
sys.path.insert(0, str(Path(__file__).parents[1]))

import psycopg
import sqlalchemy as sa
from tests.servers import postgresql

from nameplate.db import Sessions, engine
from nameplate.models import metadata
from nameplate.seeding import load
from nameplate.seeding.rows import Size
from nameplate.usecases.operations import schema

GOAL = 3.0
CHUNK = 1 << 18
AT = datetime(2026, 11, 1, tzinfo=UTC)


def main() -> None:
    options = _options()
    size = Size(options.organizations, options.domains, options.records_per_domain)
    with (
        tempfile.TemporaryDirectory(prefix="nameplate-bench-") as name,
        postgresql.PostgreSQL(_open(Path(name) / "server")) as server,
        postgresql.fresh_database(server.facts["port"]) as first,
        postgresql.fresh_database(server.facts["port"]) as second,
    ):
        for url in (first, second):
            schema.upgrade(url)
        seeded, counts = seed(first, size)
        copies = write(first, Path(name))
        plain = copy(second, copies)
    rows = sum(counts.values())
    for table, count in counts.items():
        print(f"  {table:<30}{count:>10,} rows")
    print(f"  seeder      {seeded:8.1f} s  {rows / seeded:10,.0f} rows/s")
    print(f"  plain COPY  {plain:8.1f} s  {rows / plain:10,.0f} rows/s")
    ratio = seeded / plain
    print(f"  ratio       {ratio:8.2f}    goal <= {GOAL}: {'met' if ratio <= GOAL else 'MISSED'}")
    sys.exit(ratio > GOAL)


def seed(url: str, size: Size) -> tuple[float, dict[str, int]]:
    """Return the seconds of the seeder, and the rows of each table."""
    sessions = Sessions(engine(postgresql.role_url(url, postgresql.SYSTEM)))
    started = time.perf_counter()
    counts = load.load(sessions, size, seed=1, at=AT, progress=lambda *_: None)
    seconds = time.perf_counter() - started
    sessions.dispose()
    return seconds, counts


def write(url: str, folder: Path) -> list[tuple[str, Path]]:
    """Write every table to a file in COPY's format and return the statements that load them."""
    copies = []
    with _connected(url) as connection, connection.cursor() as cursor:
        for name in load.TABLES:
            columns = ", ".join(c.name for c in metadata.tables[name].c if c.computed is None)
            path = folder / f"{name}.copy"
            with path.open("wb") as file, cursor.copy(f"COPY {name} ({columns}) TO STDOUT") as out:
                for block in out:
                    file.write(block)
            copies.append((f"COPY {name} ({columns}) FROM STDIN", path))
    return copies


def copy(url: str, copies: list[tuple[str, Path]]) -> float:
    """Return the seconds that COPY of the files takes, in one transaction."""
    with _connected(url) as connection, connection.cursor() as cursor:
        started = time.perf_counter()
        for statement, path in copies:
            with path.open("rb") as file, cursor.copy(statement) as target:
                while block := file.read(CHUNK):
                    target.write(block)
        connection.commit()
        return time.perf_counter() - started


def _connected(url: str) -> psycopg.Connection:
    system = sa.make_url(postgresql.role_url(url, postgresql.SYSTEM)).set(drivername="postgresql")
    return psycopg.connect(system.render_as_string(hide_password=False))


def _open(folder: Path) -> Path:
    folder.mkdir()
    folder.parent.chmod(0o711)
    return folder


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--organizations", type=int, default=1_000)
    parser.add_argument("--domains", type=int, default=100_000)
    parser.add_argument("--records-per-domain", type=int, default=10)
    return parser.parse_args()


if __name__ == "__main__":
    main()
