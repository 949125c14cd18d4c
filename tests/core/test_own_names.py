"""The platform's names are nobody's, however they are spelled."""

import pytest

from nameplate.core import names, own_names
from nameplate.core.errors import Invalid

PROTECTED = own_names.read(
    [
        "api.Platform-Red.com.",
        "*.edge.platform-red.com",
        "xn--bcher-kva.com",
        "192.0.2.1",
        "localhost",
    ]
)


def test_what_the_operator_writes_is_read_in_any_spelling() -> None:
    assert PROTECTED == ("api.platform-red.com", "edge.platform-red.com", "xn--bcher-kva.com")


@pytest.mark.parametrize(
    "spelled",
    [
        "api.platform-red.com",
        "API.platform-RED.com.",
        "*.api.platform-red.com",
        "x.y.api.platform-red.com",
        "platform-red.com",
        "*.platform-red.com",
        "*.edge.platform-red.com",
        "a.edge.platform-red.com",
        "bücher.com",
        "BÜCHER.com",
        "shop.bücher.com",
        "xn--bcher-kva.com",
        "api。platform-red.com",
    ],
)
def test_names_of_the_platform_are_refused(spelled: str) -> None:
    host = names.parse(spelled, wildcard=True, private_suffix=True)
    with pytest.raises(Invalid) as refused:
        own_names.refuse(host, PROTECTED)
    assert refused.value.code == "name_platform"


@pytest.mark.parametrize(
    "spelled", ["www.platform-red.com", "notapi.platform-red.com", "red.com", "bucher.com"]
)
def test_others_are_free(spelled: str) -> None:
    own_names.refuse(names.parse(spelled), PROTECTED)
