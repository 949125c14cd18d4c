"""Which accounts at registrars give a right to what they show."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.databases import Templates, sessions_over
from tests.registrations.shop import Shop

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Invalid, Refused
from nameplate.models import Account
from nameplate.usecases.registrations import registrars

TRIAL = {
    "api_user": "acme",
    "client_ip": "192.0.2.1",
    "api_url": "https://api.sandbox.namecheap.com",
}


@pytest.fixture
def shop(templates: Templates, tmp_path: Path) -> Iterator[Shop]:
    with templates.sqlite(tmp_path / "nameplate.db") as url:
        made = sessions_over(url)
        yield Shop(made)
        made.dispose()


def test_only_live_accounts_at_public_registries_give_a_right(shop: Shop) -> None:
    with shop.sessions.begin(PLATFORM, read_only=True) as session:
        row = session.get_one(Account, shop.account_id)
    assert registrars.shows_names(shop.tools, row)
    for provider, config, proves in (
        ("manual", {}, False),
        ("namecheap", TRIAL, False),
        ("namecheap", {**TRIAL, "api_url": "https://api.namecheap.com"}, True),
    ):
        row.provider, row.config = provider, config
        assert registrars.shows_names(shop.tools, row) is proves
    row.deleted_at = shop.now
    assert not registrars.shows_names(shop.tools, row)
    assert not registrars.shows_names(shop.tools, None)
    with pytest.raises(Refused) as refused:
        registrars.connect(shop.tools, row)
    assert refused.value.code == "account_missing"


@pytest.mark.parametrize("name", ["www.shop.com", "com", "co.uk", "*.shop.com"])
def test_what_cannot_be_registered(shop: Shop, name: str) -> None:
    with pytest.raises(Invalid) as refused:
        registrars.registrable(shop.tools, name, "/names/3")
    assert [one.pointer for one in refused.value.problems] == ["/names/3"]
