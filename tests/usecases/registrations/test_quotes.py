"""What is refused before a registrar is asked for a price."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.databases import Templates, sessions_over
from tests.registrations.shop import Shop

from nameplate.core.errors import Invalid, Unavailable

LOST = Unavailable("provider_unreachable", "No answer.")


@pytest.fixture
def shop(templates: Templates, tmp_path: Path) -> Iterator[Shop]:
    with templates.sqlite(tmp_path / "nameplate.db") as url:
        made = sessions_over(url)
        yield Shop(made)
        made.dispose()


@pytest.mark.parametrize("years", [0, 11, -1])
def test_impossible_years_are_refused_before_anybody_is_asked(shop: Shop, years: int) -> None:
    shop.registrar.quote = None  # type: ignore[assignment,method-assign]  # whoever asks, fails
    with pytest.raises(Invalid) as refused:
        shop.quote(shop.name(), years=years)
    assert refused.value.code == "years_invalid"


def test_what_cannot_be_registered_is_refused_before_anybody_is_asked(shop: Shop) -> None:
    shop.registrar.offers = None  # type: ignore[assignment,method-assign]  # whoever asks, fails
    for name in ("www.example.com", "co.uk", "com", "*.example.com"):
        with pytest.raises(Invalid):
            shop.quote(name)
