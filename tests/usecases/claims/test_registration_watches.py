"""What registries say of held names: asked once a day at most, and what follows for proofs."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from tests.usecases.claims.life_rig import DAY, HOUR, NAME, Life

from nameplate.adapters.rdap.memory import MemoryRegistrationData
from nameplate.core.actor import PLATFORM
from nameplate.core.conditions import Condition
from nameplate.core.registered import RegistryEntry, RegistryStatus
from nameplate.db import Sessions
from nameplate.models import Domain, LossReason, RegistrationWatch, Verification
from nameplate.ports.registration_data import RegistrationLook, RegistryAnswer
from nameplate.ports.resolver import Delegation, LookupResult
from nameplate.usecases.claims import conditions, domains, registration_watches
from nameplate.usecases.claims.diagnosis import diagnose
from nameplate.worker.registration_looks import RegistrationLooks

BASE = "example.com"


class Watched(Life):
    """A proved name whose registry says what the test says."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.registry = MemoryRegistrationData()
        self.tools = replace(self.tools, registrations=self.registry)
        self.worker = RegistrationLooks(self.sessions, self.tools, threading.Event())
        self.now = datetime.now(UTC)
        self.first = RegistryEntry(
            "Example, Inc.", "292", self.now - 900 * DAY, self.now + 400 * DAY
        )
        self.prove()
        self.plan()

    def plan(self) -> None:
        """Do what the worker does every ten minutes."""
        with self.sessions.begin(PLATFORM) as session:
            registration_watches.plan_ahead(session, datetime.now(UTC))

    def says(self, told: RegistryEntry | RegistrationLook | None) -> None:
        """Let the registry say this, and ask it now."""
        if told is None:
            self.registry.names.pop(BASE, None)
        else:
            self.registry.names[BASE] = told
        self.due()
        assert self.worker.look(self.registry) == 1

    def due(self) -> None:
        """Have the next look be due now."""
        with self.sessions.begin(PLATFORM) as session:
            past = datetime(2026, 1, 1, tzinfo=UTC)
            session.execute(sa.update(RegistrationWatch).values(next_look_at=past))

    def watch(self) -> RegistrationWatch:
        """Return the row of the watched name."""
        with self.sessions.begin(PLATFORM) as session:
            return session.get_one(RegistrationWatch, BASE)

    def conditions(self) -> dict[str, Condition]:
        """Return the conditions of the name by their type."""
        with self.sessions.begin(PLATFORM) as session:
            found: Sequence[Condition] = conditions.of(
                session, self.tools, session.get_one(Domain, self.domain_id)
            )
        return {one.type: one for one in found}


class NoZone:
    """The DNS of a name that is not in it."""

    def delegation(self, _name: str) -> Delegation:
        """Find no zone."""
        return Delegation("", (), ())

    def authoritative(self, *_: object, **__: object) -> LookupResult:
        """Find no server."""
        return LookupResult("", ())

    def addresses(self, _name: str) -> tuple[str, ...]:
        """Find no server by name."""
        return ()


@pytest.fixture
def life(sessions: Sessions) -> Watched:
    return Watched(sessions)


def test_a_look_fills_what_the_domain_tells_and_the_next_one_is_far(life: Watched) -> None:
    life.says(life.first)
    domain = life.domain()
    assert (domain.registrar, domain.registered_at, domain.expires_at) == (
        life.first.registrar, life.first.registered_at, life.first.expires_at,
    )  # fmt: skip
    wait = life.watch().next_look_at - life.now
    assert timedelta(days=7) <= wait <= timedelta(days=8), "the end is far"
    assert life.worker.look(life.registry) == 0
    assert life.registry.asked == [BASE]
    life.look(DAY)
    around = life.row(life.proof_id).surroundings
    assert around is not None
    assert (around.registrar, around.registered_at) == ("Example, Inc.", life.first.registered_at)


def test_many_names_and_organizations_cost_one_query_and_all_learn(life: Watched) -> None:
    child, _ = life.claim(life.acme, f"api.{NAME}")
    life.says(life.first)
    blue = life.offline.organization("blue")
    other, proof = life.claim(blue, "www.example.com")
    life.publish(proof, "www.example.com")
    life.look(timedelta(0), proof)
    assert life.domain(other).registrar is None
    life.plan()
    assert life.registry.asked == [BASE]
    for one in (child, other):
        assert life.domain(one).registrar == "Example, Inc."


def test_one_query_a_day_whatever_happens(life: Watched) -> None:
    for end in (RegistryAnswer.MALFORMED, RegistryAnswer.UNREACHABLE, RegistryAnswer.LIMITED):
        life.says(RegistrationLook(end, retry_after=timedelta(seconds=5)))
        assert life.watch().next_look_at >= life.now + DAY
    life.due()  # and the worker dies after it was planned
    with life.sessions.begin(PLATFORM) as session:
        (found,) = registration_watches.due(session, 10)
    assert found.name == BASE
    assert life.watch().next_look_at >= life.now + DAY
    with life.sessions.begin(life.acme) as session:  # released and claimed again
        domains.remove(session, life.tools, life.acme, NAME, datetime.now(UTC))
    life.plan()
    with life.sessions.begin(PLATFORM) as session:
        registration_watches.forget_old(session, datetime.now(UTC) + 20 * DAY)
        assert session.get(RegistrationWatch, BASE) is not None
        registration_watches.forget_old(session, datetime.now(UTC) + 90 * DAY)
        assert session.get(RegistrationWatch, BASE) is None


def test_a_look_that_was_not_made_is_made_soon(life: Watched) -> None:
    wait = timedelta(minutes=7)
    life.says(RegistrationLook(RegistryAnswer.LIMITED, retry_after=wait, was_asked=False))
    assert timedelta(0) < life.watch().next_look_at - life.now - wait < HOUR


@pytest.mark.parametrize(
    "end",
    [RegistryAnswer.MALFORMED, RegistryAnswer.UNREACHABLE, RegistryAnswer.LIMITED, RegistryAnswer.UNSUPPORTED],
)  # fmt: skip
def test_no_answer_is_never_a_lapse(life: Watched, end: RegistryAnswer) -> None:
    life.says(life.first)
    before = life.domain().registration
    for _ in range(5):
        life.says(RegistrationLook(end))
    assert life.domain().registration == before
    row = life.look(2 * DAY)
    assert (row.lost_at, life.is_served()) == (None, True)
    assert "registration" not in life.conditions()


def test_a_name_that_was_never_known_is_not_gone(life: Watched) -> None:
    for _ in range(5):
        life.says(None)
    assert life.domain().registration is None
    assert life.look(DAY).lost_at is None


def test_a_name_the_registry_has_forgotten_three_times_is_gone(life: Watched) -> None:
    life.says(life.first)
    for _ in range(2):
        life.says(None)
        assert life.look(2 * DAY).lost_at is None
    life.says(life.first)
    for _ in range(2):
        life.says(None)
    assert life.look(3 * DAY).lost_at is None, "three in a row"
    life.says(None)
    assert life.look(4 * DAY).lost_reason is LossReason.REGISTRATION_ENDED
    found = life.conditions()["registration"]
    assert (found.status, found.reason) == (False, "registration_gone")


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"registrar": "Other Registrar LLC", "registrar_id": "1068"}, LossReason.REGISTRAR_CHANGED),
        ({"states": frozenset({RegistryStatus.REDEMPTION_PERIOD})}, LossReason.REGISTRATION_ENDED),
        ({"states": frozenset({RegistryStatus.PENDING_DELETE})}, LossReason.REGISTRATION_ENDED),
    ],
)  # fmt: skip
def test_what_has_changed_needs_a_new_token(
    life: Watched, told: dict[str, object], reason: LossReason
) -> None:
    life.says(life.first)
    life.look(timedelta(0))
    life.says(replace(life.first, **told))  # type: ignore[arg-type]  # fields of it
    assert life.row(life.proof_id).next_action_at <= datetime.now(UTC), "looked at at once"  # type: ignore[operator]  # it is there
    row = life.look(HOUR)
    assert row.lost_reason is reason
    fresh = life.fresh()
    assert fresh != life.proof_id
    assert life.conditions()["ownership"].reason == "new_token_needed"
    life.publish(fresh)
    life.look(2 * HOUR, fresh)
    assert life.is_served()
    life.says(replace(life.first, **told))  # type: ignore[arg-type]  # fields of it
    assert life.look(3 * HOUR, fresh).lost_at is None, "asked once"


def test_a_name_registered_anew_after_the_proof_goes_out_of_service_at_once(life: Watched) -> None:
    anew = replace(life.first, registered_at=life.now + 2 * HOUR)
    life.says(anew)  # the first that was ever told of it
    row = life.look(3 * HOUR)
    assert row.lost_reason is LossReason.REGISTERED_ANEW
    assert not life.is_served()


def test_other_spellings_are_the_same_registrar(life: Watched) -> None:
    life.says(life.first)
    life.look(timedelta(0))
    for registrar, number in (
        ("EXAMPLE INC", "292"), ("Example, Inc", None), ("Example Holding", "292"), (None, None),
    ):  # fmt: skip
        moved = (life.first.registered_at or life.now) + 5 * HOUR
        life.says(
            replace(life.first, registrar=registrar, registrar_id=number, registered_at=moved)
        )
        assert life.domain().registrar == "Example, Inc."
        assert life.look(DAY).lost_at is None


def test_the_end_counts_once_the_registry_was_asked_after_it(life: Watched) -> None:
    ends = life.now + 5 * DAY
    life.says(replace(life.first, expires_at=ends))
    life.look(timedelta(0))
    assert life.watch().next_look_at < life.now + 2 * DAY, "daily near the end"
    assert life.look(6 * DAY).lost_at is None, "it may have been renewed at the last moment"
    with life.sessions.begin(PLATFORM) as session:
        domain = session.get_one(Domain, life.domain_id)
        assert domain.registration is not None
        domain.registration = replace(domain.registration, at=ends + HOUR)
    assert life.look(7 * DAY).lost_reason is LossReason.REGISTRATION_ENDED


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (RegistryStatus.CLIENT_HOLD, "registrar_hold"),
        (RegistryStatus.SERVER_HOLD, "registry_hold"),
        (RegistryStatus.REDEMPTION_PERIOD, "registration_redemption"),
        (RegistryStatus.PENDING_RESTORE, "registration_redemption"),
        (RegistryStatus.PENDING_DELETE, "registration_pending_delete"),
    ],
)
def test_what_keeps_the_name_from_being_used_is_said_and_diagnosed(
    life: Watched, state: RegistryStatus, reason: str
) -> None:
    life.says(replace(life.first, states=frozenset({state})))
    told = life.conditions()["registration"]
    assert (told.status, told.reason, told.turn) == (False, reason, "you")
    assert BASE in told.message
    assert life.watch().next_look_at < life.now + 2 * DAY, "asked daily"
    tools = replace(life.tools, resolver=NoZone())  # type: ignore[arg-type]  # as far as it is asked
    diagnosed = diagnose(life.sessions, tools, life.acme, NAME)
    assert diagnosed.findings[0].check == reason
    assert diagnosed.findings[0].fix == told.fix
    life.says(life.first)
    assert "registration" not in life.conditions()


def test_what_an_account_of_ours_says_is_not_overwritten(life: Watched) -> None:
    with life.sessions.begin(PLATFORM) as session:
        domain = session.get_one(Domain, life.domain_id)
        domain.registrar_domain_id, domain.registrar = "d-1", "namecheap"
        domain.expires_at = life.now + 10 * DAY
    life.says(life.first)
    domain = life.domain()
    assert (domain.registrar, domain.expires_at) == ("namecheap", life.now + 10 * DAY)
    assert domain.registration is not None
    assert domain.registration.registrar == "Example, Inc."


def test_proofs_of_others_are_left_alone(life: Watched) -> None:
    blue = life.offline.organization("blue")
    _, proof = life.claim(blue, "shop.example.org")
    life.publish(proof, "shop.example.org")
    life.look(timedelta(0), proof)
    planned = life.row(proof).next_action_at
    life.says(replace(life.first, states=frozenset({RegistryStatus.REDEMPTION_PERIOD})))
    with life.sessions.begin(PLATFORM) as session:
        assert session.get_one(Verification, proof).next_action_at == planned
