"""The fetcher passes the tour before a server that sends what the test says, byte for byte."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network

import pytest
from tests.servers.hostile import HostileServer, request_head
from tests.servers.process import free_port

from nameplate.adapters.http.fetch import SafeFetcher
from nameplate.core.egress import EgressPolicy
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
