"""The contract of a proof method, against a site in memory."""

from typing import Literal

import pytest
from meta_tag import MetaTag, MetaTagConfiguration

from nameplate.core.instructions import Instruction
from nameplate.ports.fetcher import Fetched, Hop, HttpOutcome
from nameplate.ports.resolver import Resolver
from nameplate.ports.verification import Outside, VerificationMethod
from nameplate.testing.verification import Publish, VerificationMethodConformance


class Site:
    """A web server whose first page the test writes."""

    head = ""

    def fetch(
        self,
        host: str,
        path: str,
        *,
        scheme: Literal["http", "https"] = "http",
        max_body: int = 1024,
        redirects: bool = True,
        truncate: bool = False,
        any_status: bool = False,
    ) -> Fetched:
        """Return the page."""
        page = f"<html><head>{self.head}</head><body>Hello</body></html>"
        hop = Hop(f"{scheme}://{host}{path}", "192.0.2.1", 200)
        return Fetched(HttpOutcome.ANSWERED, (hop,), page.encode()[:max_body])


class TestMetaTag(VerificationMethodConformance):
    """Every rule of the contract."""

    @pytest.fixture
    def site(self) -> Site:
        """Return the owner's site."""
        return Site()

    @pytest.fixture
    def method(self, site: Site, resolver: Resolver) -> VerificationMethod:
        """Return the method to test."""
        return MetaTag(MetaTagConfiguration(), Outside(resolver, site))

    @pytest.fixture
    def resolver(self) -> Resolver | None:
        """Return none: this method asks no DNS."""
        return None

    @pytest.fixture
    def publish(self, site: Site) -> Publish:
        """Return what the owner does with an instruction."""

        def put(told: Instruction) -> None:
            site.head = told.expected

        return put

    @pytest.fixture
    def name(self) -> str:
        """Return the host to prove."""
        return "shop.example.com"
