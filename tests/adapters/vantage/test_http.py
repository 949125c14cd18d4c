"""Asking a real vantage, and one that is away."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from tests.servers.scripted_dns import replies
from tests.vantage.vantage_rig import VantageServer, asking

from nameplate.adapters.vantage.http import HttpVantages
from nameplate.testing.vantages import VantagesConformance

NAME, TEXT = "proof.example.com", "published"


class TestHttpVantages(VantagesConformance):
    @pytest.fixture
    def vantages(self) -> Iterator[HttpVantages]:
        with ExitStack() as stack:
            server = VantageServer(stack, replies({(NAME, "TXT"): [f'"{TEXT}"']}))
            yield asking([server], dead=1)

    @pytest.fixture
    def published(self) -> tuple[str, str]:
        return NAME, TEXT
