"""Tokens: made once, kept as a hash, refused when they must be."""

import secrets
from datetime import timedelta

import pytest

from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Invalid, NotFound
from nameplate.core.ids import Prefix, show
from nameplate.core.secret import Secret
from nameplate.db import Sessions, database_now
from nameplate.models import ApiToken
from nameplate.usecases.tenants import organizations, tokens


def made(sessions: Sessions, actor: Actor, **fields: object) -> tuple[ApiToken, Secret]:
    with sessions.begin(actor) as session:
        now = database_now(session)
        return tokens.add(
            session,
            actor,
            now=now,
            random=secrets.token_bytes,
            name="t",
            **fields,  # type: ignore[arg-type]  # by name
        )


def accepted(sessions: Sessions, bearer: str, *, later: timedelta = timedelta(0)) -> Actor | None:
    with sessions.begin(PLATFORM, read_only=True) as session:
        now = database_now(session)
    found = tokens.accepted(sessions, bearer, now + later)
    return None if found is None else found.actor


def test_a_tokens_life(sessions: Sessions) -> None:
    with sessions.begin(PLATFORM) as session:
        acme = organizations.add(session, PLATFORM, name="Acme")
        expires = database_now(session) + timedelta(hours=1)
    actor = Actor(acme.id)
    row, secret = made(sessions, actor, expires_at=expires)
    assert secret.reveal() not in repr(row.__dict__)
    assert accepted(sessions, secret.reveal()) == Actor(acme.id, "t")
    assert accepted(sessions, secret.reveal(), later=timedelta(hours=2)) is None
    _, platform = made(sessions, PLATFORM, platform=True)
    assert accepted(sessions, platform.reveal()) == Actor(None, "t")
    with sessions.begin(actor) as session:
        assert [one.id for one in tokens.page(session, actor, limit=9)] == [row.id]
        now = database_now(session)
        tokens.revoke(session, actor, show(Prefix.TOKEN, row.id), now)
        again = tokens.revoke(session, actor, show(Prefix.TOKEN, row.id), now + timedelta(days=1))
        assert again.revoked_at == now
    assert accepted(sessions, secret.reveal()) is None


def test_a_known_key_id_is_not_enough(sessions: Sessions) -> None:
    row, secret = made(sessions, PLATFORM, platform=True)
    from nameplate.core.tokens import api_token

    forged = api_token(row.key_id, bytes(24)).secret
    assert accepted(sessions, secret.reveal()) is not None
    assert accepted(sessions, forged.reveal()) is None
    assert accepted(sessions, "np_") is None


def test_tokens_of_others_and_of_the_past(sessions: Sessions) -> None:
    with sessions.begin(PLATFORM) as session:
        acme = organizations.add(session, PLATFORM, name="Acme")
        organizations.add(session, PLATFORM, name="Globex")
        now = database_now(session)
    with pytest.raises(NotFound):
        made(sessions, Actor(acme.id), organization="globex")
    with pytest.raises(Invalid):
        made(sessions, PLATFORM, expires_at=now)
    row, _ = made(sessions, PLATFORM, platform=True)
    with pytest.raises(NotFound), sessions.begin(Actor(acme.id)) as session:
        tokens.get(session, Actor(acme.id), show(Prefix.TOKEN, row.id))
