"""What the log says of a failed step: which object, of which domain, why, whose turn, since when."""

from datetime import timedelta

from sqlalchemy.orm import Session
from tests.models import world

from nameplate.core import ids
from nameplate.db import database_now
from nameplate.models import Certificate, Domain, Server
from nameplate.usecases.operations import outcomes


def test_a_failure_is_told_with_its_domain_and_age(lite: Session) -> None:
    domain = world.domain(lite, world.organization(lite))
    row = world.certificate(lite, domain, private_key="sealed")
    since = database_now(lite) - timedelta(minutes=5)
    row.meet("authority_unreachable", "The authority does not answer.", "account:1", since)
    lite.flush()
    found = outcomes.described(lite, Certificate, row.id, "authority_unreachable")
    assert found["domain"] == "acme.com"
    assert found["object"] == ids.show("crt", row.id)
    assert (found["code"], found["cause"]) == (
        "authority_unreachable",
        "The authority does not answer.",
    )
    assert found["since"] == since
    assert 299 <= found["failing_for"] <= 330
    assert "sealed" not in str(found)


def test_a_server_has_no_domain_and_a_row_may_be_gone(lite: Session) -> None:
    row = world.server(lite, None)
    row.fail("disk_full", "The disk is full.", [], database_now(lite))
    found = outcomes.described(lite, Server, row.id, "disk_full")
    assert "domain" not in found
    assert found["cause"] == "The disk is full."
    assert outcomes.described(lite, Domain, 99, "x")["turn"] is None


def test_whose_turn_it_is_stands_in_the_catalogue() -> None:
    assert outcomes.turn("ca_account_missing") == "operator"
    assert outcomes.turn("no_such_code_at_all") is None
