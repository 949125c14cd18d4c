"""No secret reaches an event, wherever one is kept."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session
from tests.models import world
from tests.models.told_rows import Rows

from nameplate.db import Sessions
from nameplate.models import Account, ApiToken, Event, Model, Organization, Server, deletion
from nameplate.models.sealing import SEALED


@pytest.fixture
def rows(sessions: Sessions) -> Rows:
    return Rows(sessions)


CANARY = "canary-of-a-secret"


SECRET = {"config", "proxy", "verification_token", "key_authorization", "token_hash"}


def _plant(session: Session, owner: int) -> int:
    """Put one into every place for secrets, and return how many those were."""
    session.add(ApiToken(organization_id=owner, name="ci", key_id=f"{CANARY}-key",
                         token_hash=CANARY))  # fmt: skip
    planted = 1
    for mapper in Model.registry.mappers:
        kind: Any = mapper.class_
        secret = [
            one.key
            for one in mapper.column_attrs
            if one.columns[0].info.get(SEALED) or one.key in SECRET
        ]
        for row in session.scalars(sa.select(kind)) if secret else ():
            for name in secret:
                is_json = isinstance(mapper.columns[name].type, sa.JSON)
                setattr(row, name, {"password": CANARY} if is_json else CANARY)
                planted += 1
    return planted


def test_no_secret_is_told(rows: Rows) -> None:
    """Every sealed column, every hash of a token, every JSON of settings holds one."""

    def plant(session: Session) -> None:
        assert _plant(session, rows.owner) > 6

    def rewrite(session: Session) -> None:
        values = {"config": {"password": f"{CANARY}2"}, "credentials": f"{CANARY}2"}
        session.execute(sa.update(Account).values(values))
        session.execute(sa.update(Server).values(proxy={"secret": CANARY}))

    def end(session: Session) -> None:
        deletion.soft_delete(session, session.get_one(Organization, rows.owner), world.NOW)

    told = rows.change(plant) + rows.change(rewrite) + rows.change(end)
    kinds = {one.type for one in told}
    assert {"token.created", "account.changed", "server.changed", "account.removed"} <= kinds
    changed = next(one for one in told if one.type == "account.changed")
    assert changed.after == {"config": "(changed)", "credentials": "(changed)"}
    for one in told:
        for column in Event.__table__.c:
            assert CANARY not in str(getattr(one, column.key)), (one.type, column.key)
