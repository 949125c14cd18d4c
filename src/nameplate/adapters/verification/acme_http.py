"""Proof in the form of http-01 (RFC 8555 section 8.3): control of exactly that host."""

from nameplate.adapters.verification import acme_key
from nameplate.adapters.verification.web_file import WebFile, WebFileMethod
from nameplate.core.egress import Network
from nameplate.ports.fetcher import Fetcher
from nameplate.ports.verification import ProofMethodPlugin

FOLDER = "/.well-known/acme-challenge"


class AcmeHttp(WebFileMethod):
    """The file is the key authorization of the claim's own key, at the path of its challenge."""

    def __init__(self, fetcher: Fetcher, edge: tuple[Network, ...] = ()) -> None:
        """Treat `edge` as the networks in which the platform's own proxies answer."""
        super().__init__(fetcher, edge, _file, ("http",))


def _file(token: str) -> WebFile:
    answer = acme_key.answer(token)
    return WebFile(f"{FOLDER}/{answer.token}", answer.key_authorization)


plugin = ProofMethodPlugin(
    title="Answer to an ACME challenge, by HTTP",
    connect=lambda _config, outside: AcmeHttp(outside.fetcher, outside.edge),
)
