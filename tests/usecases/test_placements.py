"""Which servers bindings are at, and which they move away from."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session
from tests.models import world

from nameplate.usecases import placements

NOW = datetime(2026, 12, 8, tzinfo=UTC)


def test_dns_leads_to_the_server_before_until_it_was_led_over(lite: Session) -> None:
    owner = world.organization(lite)
    app, domain = world.application(lite, owner), world.domain(lite, owner)
    old, new = world.server(lite, None), world.server(lite, None, name="new")
    row = world.binding(lite, app, domain, server_id=new.id)
    at = world.placement(lite, row, old, served_digest="x")
    assert placements.leading(lite, [row.id]) == {}
    assert placements.of_moving(lite, [row.id]) == {}
    at.leave(NOW)
    lite.flush()
    assert placements.leading(lite, [row.id]) == {row.id: [old]}
    assert [one.server for one in placements.of_moving(lite, [row.id])[row.id]] == [old]
    at.lead_over(NOW)
    lite.flush()
    assert placements.leading(lite, [row.id]) == {}
    assert placements.of_moving(lite, [row.id])[row.id][0].is_led_over
    old.deleted_at = NOW
    lite.flush()
    assert placements.of_moving(lite, [row.id]) == {}


def test_a_server_is_told_alone_or_in_a_group(lite: Session) -> None:
    owner = world.organization(lite)
    app, domain = world.application(lite, owner), world.domain(lite, owner)
    one, other = world.server(lite, None), world.server(lite, None, name="other")
    row = world.binding(lite, app, domain, served_server_id=one.id)
    assert placements.is_told(lite, row, one.id)
    assert not placements.is_told(lite, row, other.id)
    world.placement(lite, row, other, served_digest="x")
    assert placements.is_told(lite, row, other.id)
