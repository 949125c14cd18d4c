"""Embed tokens on every database: what one is for, until when, and with whom it ends."""

import secrets

from tests.models import world

from nameplate.core.actor import PLATFORM, Actor
from nameplate.db import Sessions, database_now
from nameplate.usecases.tenants import embed_tokens
from nameplate.usecases.tenants.embed_tokens import Maker

PAGE = "https://shop.example.com"


def test_what_a_token_is_for(sessions: Sessions) -> None:
    with sessions.begin(PLATFORM) as session:
        owner = world.organization(session)
    actor = Actor(owner.id)
    with sessions.begin(actor) as session:
        now = database_now(session)
        given = {"actions": ["domains:read"], "origins": [PAGE], "random": secrets.token_bytes}
        row, secret = embed_tokens.add(session, actor, Maker(), now=now, **given)  # type: ignore[arg-type]  # by name
    assert row.expires_at == now + embed_tokens.LIFETIME
    found = embed_tokens.accepted(sessions, secret.reveal())
    assert found is not None
    assert (found.actor, found.origins) == (Actor(owner.id, "embed"), (PAGE,))
    assert embed_tokens.live(sessions, [row.id]) == {row.id}
    embed_tokens.note_origins(sessions, [PAGE], row.expires_at)
    embed_tokens.note_origins(sessions, [PAGE], row.expires_at)
    assert embed_tokens.is_noted(sessions, PAGE)
    assert not embed_tokens.is_noted(sessions, "https://evil.example.com")
    with sessions.begin(PLATFORM) as session:
        embed_tokens.forget_old(session, now + 2 * embed_tokens.LIFETIME)
    assert embed_tokens.accepted(sessions, secret.reveal()) is None
