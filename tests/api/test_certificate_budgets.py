"""`GET /v1/certificate-budgets`: what is taken of the limits, to the operator and to a tenant."""

from typing import Any

from tests.api.client import Api
from tests.api.conftest import World
from tests.models import world as rows
from tests.proof import prove

from nameplate.core import ids
from nameplate.core.actor import PLATFORM
from nameplate.core.ids import Prefix
from nameplate.db import database_now
from nameplate.usecases import lookup
from nameplate.usecases.certificates import budgets
from nameplate.usecases.certificates.budgets import Ordering

PATH = "/v1/certificate-budgets"


def _ordered(api: Api, *bases: str) -> str:
    """Let the platform's account have ordered for each of these; return its id."""
    with api.sessions.begin(PLATFORM) as session:
        account = rows.account(session, None, kind="ca", provider="letsencrypt", name="main")
        for base in bases:
            ordering = Ordering(1, [base], [f"www.{base}"])
            budgets.take_order(session, account, ordering, database_now(session))
        return ids.show(Prefix.ACCOUNT, account.id)


def _prove(api: Api, domain: str) -> None:
    with api.sessions.begin(PLATFORM) as session:
        claim = lookup.domain(session, PLATFORM, domain)
        prove(session, claim, database_now(session))


def _told(answer: dict[str, Any]) -> dict[tuple[str, str | None], int]:
    return {(one["limit"], one["subject"]): one["used"] for one in answer["data"]}


def test_each_sees_what_concerns_it(api: Api, world: World) -> None:
    account = _ordered(api, "example.com", "rival.net")
    _prove(api, world.ids["domains"])
    world.as_acme.post("/v1/domains", {"name": "shop.rival.net"})  # as anybody may
    acme, domain = world.ids["organizations"], "certificates_per_domain"
    operator = api.get(PATH)
    assert _told(operator) == {
        ("orders", None): 2,
        ("orders_per_organization", acme): 2,
        (domain, "example.com"): 1,
        (domain, "rival.net"): 1,
    }
    one = next(each for each in operator["data"] if each["subject"] == "example.com")
    assert (one["account"], one["account_name"]) == (account, "main")
    assert (one["authority"], one["count"], one["period_seconds"]) == (
        "Let's Encrypt", 50, 7 * 86_400,
    )  # fmt: skip
    mine = {("orders_per_organization", acme): 2, (domain, "example.com"): 1}
    assert _told(world.as_acme.get(PATH)) == mine
    assert _told(api.get(f"{PATH}?organization=acme")) == mine
    strangers = _told(world.as_globex.get(PATH))
    assert list(strangers.values()) == [0]
    assert world.as_globex.send("GET", f"{PATH}?organization=acme").code == "organization_not_found"
