"""Proof by a file on the web server of the name: control of exactly that host."""

from nameplate.adapters.verification.web_file import WebFile, WebFileMethod
from nameplate.core.egress import Network
from nameplate.ports.fetcher import Fetcher
from nameplate.ports.verification import ProofMethodPlugin

PATH = "/.well-known/nameplate-verification.txt"
"""The same for everybody: a request that carries the token could be echoed back by the site."""


class FileUpload(WebFileMethod):
    """The file holds the token. It is looked for by http, and by https when that gives nothing."""

    def __init__(self, fetcher: Fetcher, edge: tuple[Network, ...] = ()) -> None:
        """Treat `edge` as the networks in which the platform's own proxies answer."""
        super().__init__(fetcher, edge, lambda token: WebFile(PATH, token), ("http", "https"))


plugin = ProofMethodPlugin(
    title="File on the web server",
    connect=lambda _config, outside: FileUpload(outside.fetcher, outside.edge),
)
