"""Answers kept for repeated requests: whose, how long, and for which body."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from nameplate.core.errors import Invalid
from nameplate.db import database_now
from nameplate.usecases import idempotency
from nameplate.usecases.idempotency import ABANDONED_AFTER, KEPT_FOR, Request

FIRST = Request("token:1", "POST /v1/domains", "key-1", b'{"name": "a.com"}')


def test_the_first_is_new_and_the_second_finds_it(session: Session) -> None:
    now = database_now(session)
    row, is_new = idempotency.claim(session, FIRST, now)
    assert is_new
    again, is_new = idempotency.claim(session, FIRST, now)
    assert (again, is_new) == (row, False)


@pytest.mark.parametrize(
    "other", [{"principal": "token:2"}, {"route": "POST /v1/records"}, {"key": "key-2"}]
)
def test_a_key_is_of_one_caller_and_one_route(session: Session, other: dict[str, Any]) -> None:
    now = database_now(session)
    row, _ = idempotency.claim(session, FIRST, now)
    another, is_new = idempotency.claim(session, replace(FIRST, **other), now)
    assert is_new
    assert another is not row


def test_another_body_is_refused(session: Session) -> None:
    now = database_now(session)
    idempotency.claim(session, FIRST, now)
    with pytest.raises(Invalid) as caught:
        idempotency.claim(session, replace(FIRST, body=b"{}"), now)
    assert caught.value.code == "idempotency_key_reused"


def test_a_request_that_died_is_begun_anew(session: Session) -> None:
    now = database_now(session)
    idempotency.claim(session, FIRST, now)
    soon = now + ABANDONED_AFTER - timedelta(seconds=5)
    assert not idempotency.claim(session, FIRST, soon)[1]
    late = now + ABANDONED_AFTER + timedelta(seconds=5)
    assert idempotency.claim(session, FIRST, late)[1]


def test_an_answer_is_kept_for_a_day(session: Session) -> None:
    now = database_now(session)
    row, _ = idempotency.claim(session, FIRST, now)
    row.response_status = 201
    session.flush()
    assert not idempotency.claim(session, FIRST, now + KEPT_FOR - timedelta(minutes=1))[1]
    assert idempotency.claim(session, FIRST, now + KEPT_FOR + timedelta(minutes=1))[1]


def test_old_answers_are_purged(session: Session) -> None:
    now = database_now(session)
    idempotency.claim(session, FIRST, now)
    assert idempotency.purge(session, now) == 0
    assert idempotency.purge(session, now + KEPT_FOR + timedelta(minutes=1)) == 1
    assert idempotency.claim(session, FIRST, now)[1]


def test_what_is_kept_of_a_password_takes_long_to_guess() -> None:
    """SHA-256 of a body that is known but for a password would be guessed at once."""
    body = b'{"password": "correct horse"}'
    one = replace(FIRST, body=body)
    assert one.digest == replace(FIRST, body=body).digest
    assert one.digest != replace(FIRST, body=body.replace(b"horse", b"house")).digest
    assert one.digest not in {hashlib.sha256(body).hexdigest(), replace(one, key="other").digest}
