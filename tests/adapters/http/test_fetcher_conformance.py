"""The fetcher passes the tour before a server that sends what the test says, byte for byte."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network

import pytest
from tests.servers.hostile import HostileServer, request_head
from tests.servers.process import free_port

from nameplate.adapters.http.fetch import SafeFetcher
from nameplate.core.egress import Detour, EgressPolicy
from nameplate.ports.fetcher import HttpOutcome
from nameplate.testing.fetcher import (
    AddressFetcherConformance,
    FetcherConformance,
    RawAnswers,
)

ADDRESSES = {
    "shop.example.org": ("127.0.0.1",),
    "elsewhere.example.net": ("127.0.0.1",),
    "inside.example.org": ("10.0.0.1",),
}


class TestSafeFetcher(FetcherConformance):
    @pytest.fixture
    def raw_answers(self) -> RawAnswers:
        return {}

    @pytest.fixture
    def fetcher(self, raw_answers: RawAnswers) -> Iterator[SafeFetcher]:
        def serve(connection: socket.socket) -> None:
            connection.sendall(raw_answers.get(request_head(connection).split()[1], b""))

        with HostileServer(serve) as server:
            yield SafeFetcher(
                EgressPolicy(allow=(ip_network("127.0.0.1/32"),)),
                lambda name: ADDRESSES.get(name, ()),
                ports={"http": server.port, "https": 1},
                deadline=timedelta(seconds=5),
            )

    @pytest.fixture
    def host(self) -> str:
        return "shop.example.org"

    @pytest.fixture
    def nowhere(self) -> str:
        return "nowhere.example.org"

    @pytest.fixture
    def inside(self) -> str:
        return "inside.example.org"


class TestOneAddress(AddressFetcherConformance):
    @pytest.fixture
    def raw_answers(self) -> RawAnswers:
        return {}

    @pytest.fixture
    def answering(self, raw_answers: RawAnswers) -> Iterator[tuple[str, int]]:
        def serve(connection: socket.socket) -> None:
            connection.sendall(raw_answers.get(request_head(connection).split()[1], b""))

        with HostileServer(serve) as server:
            yield "127.0.0.1", server.port

    @pytest.fixture
    def refusing(self) -> tuple[str, int]:
        return "127.0.0.1", free_port()

    @pytest.fixture
    def fetcher(self) -> SafeFetcher:
        return SafeFetcher(
            EgressPolicy(allow=(ip_network("127.0.0.1/32"),)),
            lambda _name: (),
            deadline=timedelta(seconds=5),
        )

    @pytest.fixture
    def inside(self) -> str:
        return "10.0.0.1"


def test_a_detour_leads_to_the_address_that_the_operator_named() -> None:
    """It is for that network alone, and its address is not the tenant's choice, so it is not vetted."""
    heads = []

    def serve(connection: socket.socket) -> None:
        heads.append(request_head(connection))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nus")

    with HostileServer(serve) as server:
        detour = Detour(ip_network("203.0.113.0/24"), "127.0.0.1", server.port)
        fetcher = SafeFetcher(EgressPolicy(), lambda _name: (), detours=[detour])
        got = fetcher.fetch_at("203.0.113.9", "shop.example.org", "/x", port=1)
        assert (got.category, got.body, got.address) == (HttpOutcome.ANSWERED, b"us", "127.0.0.1")
        assert "Host: shop.example.org" in heads[0]
        for other in ("127.0.0.1", "10.0.0.1"):
            refused = fetcher.fetch_at(other, "shop.example.org", "/x", port=server.port)
            assert refused.category is HttpOutcome.ADDRESS_REFUSED
    assert len(heads) == 1
