"""An authority that has forgotten the account is told of it again; a forgotten order is said as lost."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.adapters.ca.hostile import HostileAuthority, Reply, problem
from tests.servers.pebble import ChallTestSrv, Pebble

from nameplate.adapters.ca import accounts
from nameplate.adapters.ca.acme import AcmeAuthority
from nameplate.core import certificates, keys
from nameplate.core.errors import Refused, Unavailable
from nameplate.core.orders import Challenge, Order, OrderStatus
from nameplate.core.secret import Secret

KEY = keys.new_key()


@pytest.fixture(scope="module")
def forgetful(
    tmp_path_factory: pytest.TempPathFactory, challtestsrv: ChallTestSrv
) -> Iterator[Pebble]:
    folder: Path = tmp_path_factory.mktemp("forgetful")
    with Pebble(folder, dns_server=challtestsrv.dns_server, always_valid=True) as server:
        yield server


class Registered:
    """An account, and how often it was registered."""

    def __init__(self, server: Pebble) -> None:
        self.times = 0
        verify = str(server.ca_bundle)
        register = partial(accounts.register, server.directory_url, KEY, verify=verify)

        def count(_key: Secret) -> str:
            self.times += 1
            return register()

        self.authority = AcmeAuthority(
            server.directory_url, KEY, register(), verify=verify, register=count
        )


def _issue(authority: AcmeAuthority, name: str) -> bytes:
    order = authority.order([name])
    for challenge in order.challenges:
        if challenge.type == "http-01":
            authority.respond(challenge)
    while (order := authority.refresh(order.url)).status is OrderStatus.PENDING:
        pass
    order = authority.finalize(order, certificates.csr(keys.new_key(), [name]))
    while order.status is OrderStatus.PROCESSING:
        order = authority.refresh(order.url)
    return authority.download(order)


def test_a_forgotten_account_is_registered_once_and_the_request_goes_on(forgetful: Pebble) -> None:
    known = Registered(forgetful)
    forgetful.forget()
    with ThreadPoolExecutor(4) as pool:
        orders = list(pool.map(known.authority.order, [[f"n{n}.example.com"] for n in range(4)]))
    assert {order.status for order in orders} == {OrderStatus.PENDING}
    assert known.times == 1
    assert certificates.facts(_issue(known.authority, "after.example.com")).names
    assert known.times == 1
    forgetful.forget()
    assert known.authority.order(["again.example.com"]).status is OrderStatus.PENDING
    assert known.times == 2


def test_a_forgotten_order_is_lost_wherever_it_is_asked_for(forgetful: Pebble) -> None:
    known = Registered(forgetful)
    order = known.authority.order(["shop.example.com"])
    forgetful.forget()
    csr = certificates.csr(keys.new_key(), ["shop.example.com"])
    for ask in (
        lambda: known.authority.refresh(order.url),
        lambda: known.authority.respond(order.challenges[0]),
        lambda: known.authority.finalize(order, csr),
    ):
        with pytest.raises(Refused) as caught:
            ask()
        assert caught.value.code == "acme_order_lost"
    assert known.times == 1


@pytest.fixture
def server() -> Iterator[HostileAuthority]:
    with HostileAuthority() as running:
        yield running


def _account(server: HostileAuthority, register: Any = None) -> AcmeAuthority:
    return AcmeAuthority(f"{server.base}/dir", KEY, f"{server.base}/account/1", register=register)


@pytest.mark.parametrize(
    "gone", [Reply(404, b"<html>not found</html>"), problem("malformed", 404), Reply(404)]
)
def test_404_means_lost_for_an_order_and_nothing_else(
    server: HostileAuthority, gone: Reply
) -> None:
    authority = _account(server)
    for path in ("/order/1", "/authz", "/chall", "/finalize", "/cert", "/newOrder"):
        server.replies[path] = lambda _: gone
    url = f"{server.base}/order/1"
    challenge = Challenge(f"{server.base}/chall", "http-01", "a.example", "t", "t.k", "pending")
    order = Order(
        url, OrderStatus.READY, ("a.example",), finalize_url=f"{server.base}/finalize",
        certificate_url=f"{server.base}/cert",
    )  # fmt: skip
    csr = certificates.csr(keys.new_key(), ["a.example"])
    for ask in (
        lambda: authority.refresh(url),
        lambda: authority.respond(challenge),
        lambda: authority.finalize(order, csr),
        lambda: authority.download(order),
    ):
        with pytest.raises(Refused) as caught:
            ask()
        assert caught.value.code == "acme_order_lost"
    with pytest.raises((Refused, Unavailable)) as other:
        authority.order(["a.example"])
    assert other.value.code != "acme_order_lost"


def test_an_authorization_that_is_gone_takes_its_order_with_it(server: HostileAuthority) -> None:
    server.replies["/order/1"] = lambda _: Reply(
        200,
        {
            "status": "pending",
            "identifiers": [{"type": "dns", "value": "a.example"}],
            "authorizations": [f"{server.base}/authz"],
            "finalize": f"{server.base}/finalize",
            "expires": f"{datetime.now(UTC).year + 1}-01-01T00:00:00Z",
        },
    )
    server.replies["/authz"] = lambda _: Reply(404)
    with pytest.raises(Refused) as caught:
        _account(server).refresh(f"{server.base}/order/1")
    assert caught.value.code == "acme_order_lost"


def test_an_authority_that_never_knows_the_account_is_asked_twice(server: HostileAuthority) -> None:
    """Once per cause: registering does not help here, and is not repeated within the request."""
    asked: list[str] = []

    def register(_key: Secret) -> str:
        asked.append("register")
        return f"{server.base}/account/2"

    def unknown(_payload: Any) -> Reply:
        asked.append("order")
        return problem("accountDoesNotExist", 400)

    server.replies["/newOrder"] = unknown
    with pytest.raises(Refused) as caught:
        _account(server, register).order(["a.example"])
    assert caught.value.code == "acme_account_does_not_exist"
    assert asked == ["order", "register", "order"]
