"""A proxy for Nameplate: the table of all sites in one file that a program of yours reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from nameplate.adapters.proxy.memory import MemoryProxy, Served
from nameplate.core.configuration import Form, setting
from nameplate.core.errors import Unavailable
from nameplate.ports.proxy import Config, ProxyConfiguration, ProxyPlace, ProxyPlugin, Route

FileName = Annotated[
    str, Form("file name", "letters, digits and underscores", lambda text: text.isidentifier())
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableConfiguration(ProxyConfiguration):
    """The keys of a server's `proxy` beside those that every proxy has."""

    table: FileName = setting("Name of the file in `folder`.")


class TableProxy:
    """Writes the table; a proxy in memory stands for the program that reads it."""

    def __init__(self, path: Path) -> None:
        """Take where the table is."""
        self.path = path
        self._program = MemoryProxy()

    def render(self, routes: Sequence[Route]) -> Config:
        """Return one document for all hosts, and the key pairs."""
        return self._program.render(routes)

    def apply(self, config: Config) -> None:
        """Have the program serve the configuration, and write its table."""
        self._program.apply(config)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_bytes(config.files["sites.json"])
        except OSError as error:
            raise Unavailable("table_unwritable", f"The table: {error.strerror}") from None

    def visit(self, scheme: str, hostname: str, path: str, sni: str | None) -> Served:
        """Return what a visitor gets."""
        return self._program.visit(scheme, hostname, path, sni)

    @property
    def loads(self) -> int:
        """How often another configuration was taken over."""
        return self._program.loads


def connect(config: TableConfiguration, place: ProxyPlace) -> TableProxy:
    """Return the adapter for one server."""
    return TableProxy(Path(place.folder) / config.table)


plugin = ProxyPlugin(title="Table in a file", configuration=TableConfiguration, connect=connect)
