"""MariaDB in a temporary folder, with one account that may do everything in its own databases."""

import contextlib
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pymysql
from pymysql.cursors import Cursor

from tests.servers.process import Server, free_port, program
from tests.servers.shared import unprivileged

USER = PASSWORD = "nameplate"
PLAIN = "ssl_disabled=1"
"""What the driver reads to encrypt takes ten times as long as all the rest of a connection."""

SETTINGS = {
    "bind-address": "127.0.0.1",
    "skip-name-resolve": "ON",
    "skip-log-bin": "ON",
    "innodb-flush-log-at-trx-commit": "0",  # the data lives as long as the test run
    "innodb-flush-method": "nosync",
    "innodb-doublewrite": "OFF",
    "innodb-fast-shutdown": "2",
    "debug-no-sync": "ON",  # no more do definitions of tables and the log of their changes
    "innodb-buffer-pool-size": "256M",
    "max-connections": "300",
}


class MariaDB:
    """A server on loopback; `facts["port"]` says where. As root it runs as the user mysql."""

    def __init__(self, folder: Path) -> None:
        """Make the data folder, start the server and create the account."""
        install, mariadbd = program("mariadb-install-db"), program("mariadbd")
        user = unprivileged("mysql")
        if user:
            shutil.chown(folder, user)
        data, port = folder / "data", free_port()
        options = ["--skip-test-db", "--auth-root-authentication-method=normal"]
        made = subprocess.run(
            [install, "--no-defaults", f"--datadir={data}", *options],
            cwd=folder,
            user=user,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise RuntimeError(f"mariadb-install-db failed:\n{made.stdout}{made.stderr}")
        first = folder / "account.sql"
        first.write_text(
            f"CREATE USER '{USER}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON `nameplate\\_%`.* TO '{USER}'@'127.0.0.1';\n"
        )
        self.facts: dict[str, Any] = {"port": port}
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        places = [f"--socket={folder}/socket", f"--pid-file={folder}/pid", f"--init-file={first}"]
        self._server = Server(
            [mariadbd, "--no-defaults", f"--datadir={data}", f"--port={port}", *places, *settings],
            folder,
            ready=lambda: _answers(port),
            user=user,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()


@contextlib.contextmanager
def fresh_database(port: int) -> Iterator[str]:
    """Yield the URL of a new empty database; it is dropped afterwards."""
    name = f"nameplate_{uuid.uuid4().hex}"
    with connected(port) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    try:
        yield f"mariadb+pymysql://{USER}:{PASSWORD}@127.0.0.1:{port}/{name}?{PLAIN}"
    finally:
        with connected(port) as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name}")


def connected(port: int, database: str | None = None) -> "pymysql.Connection[Cursor]":
    """Connect as the account of the tests."""
    return pymysql.connect(
        host="127.0.0.1",
        port=port,
        user=USER,
        password=PASSWORD,
        database=database,
        ssl_disabled=True,
        connect_timeout=10,
    )


def _answers(port: int) -> bool:
    with contextlib.suppress(pymysql.err.OperationalError), connected(port):
        return True
    return False
