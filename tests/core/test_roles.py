"""The table of roles: each covers those below it, and what no table knows is an owner's."""

from nameplate.core import roles
from nameplate.core.roles import Role


def test_each_role_covers_those_after_it() -> None:
    order = list(Role)
    for at, role in enumerate(order):
        assert [role.covers(other) for other in order] == [one >= at for one in range(len(order))]


def test_reading_changing_and_exceptions() -> None:
    assert roles.needed("list_tokens", "tokens", "GET") is Role.ADMIN
    assert roles.needed("add_token", "tokens", "POST") is Role.OWNER
    assert roles.needed("remove_domain", "domains", "DELETE") is Role.ADMIN
    assert roles.needed("show_registrant_contact", "registrations", "GET") is Role.ADMIN
    assert roles.needed("preflight_host", "certificates", "POST") is Role.VIEWER
    assert roles.needed("of_tomorrow", "of_tomorrow", "GET") is Role.OWNER
    assert roles.allows(["domains:read"], "show_domain")
    assert not roles.allows(["domains:read", "made:up"], "remove_domain")
