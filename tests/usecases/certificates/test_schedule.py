"""The schedule of many first certificates is what the budgets then allow, neither more nor less."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.databases import sessions_over
from tests.models import world
from tests.usecases.offline import Offline

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Invalid, RateLimited
from nameplate.models import Budget
from nameplate.usecases.certificates import budgets, schedule
from nameplate.usecases.certificates.budgets import Ordering
from nameplate.usecases.tenants import ca_accounts

LIMITS = {"orders": "12/h", "certificates_per_domain": "3/d", "certificates_per_set": "2/7d"}
BASES = ("a.com", "b.com", "c.com")
SETS = st.tuples(
    st.sampled_from(BASES), st.sets(st.sampled_from("tuvwxyz"), min_size=1, max_size=3)
).map(lambda drawn: sorted(f"{host}.{drawn[0]}" for host in drawn[1]))


@pytest.fixture(scope="module")
def offline(templates, tmp_path_factory):
    with templates.sqlite(tmp_path_factory.mktemp("schedule") / "n.db") as url:
        sessions = sessions_over(url)
        made = Offline(sessions)
        made.organization("acme")
        with sessions.begin(PLATFORM) as session:
            world.account(session, None, kind="ca", config={"limits": LIMITS})
        yield made
        sessions.dispose()


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(SETS, min_size=1, max_size=30, unique_by=frozenset),
    st.lists(SETS, max_size=8),
)
def test_orders_at_the_scheduled_moments_are_possible_and_not_before(offline, certificates, made):
    sessions = offline.sessions
    _forget(offline)
    for hosts in made:
        _ordered(offline, hosts, offline.tools.clock())
    began = offline.tools.clock()
    planned = schedule.plan(sessions, offline.tools, PLATFORM, certificates, "acme")
    assert sorted(one.hosts for one in planned) == sorted(map(tuple, certificates))
    moments = [one.order_at for one in planned]
    assert moments == sorted(moments)
    for one in planned:
        if one.waits_for is not None:
            assert not _ordered(offline, one.hosts, one.order_at - timedelta(seconds=1))
        else:
            assert one.order_at - began < timedelta(seconds=1)
        assert _ordered(offline, one.hosts, one.order_at)


def _forget(offline):
    with offline.sessions.begin(PLATFORM) as session:
        session.query(Budget).delete()


def _ordered(offline, hosts, at):
    with offline.sessions.begin(PLATFORM) as session:
        account = ca_accounts.authority_account(session, 1)
        ordering = Ordering(1, [hosts[0].partition(".")[2]], hosts)
        try:
            budgets.take_order(session, account, ordering, at)
        except RateLimited:
            session.rollback()
            return False
    return True


def test_thousands_of_names_get_their_day(offline):
    _forget(offline)
    certificates = [[f"h{number}.d{number % 700}.com"] for number in range(4000)]
    began = datetime.now(UTC)
    planned = schedule.plan(offline.sessions, offline.tools, PLATFORM, certificates, "acme")
    days = (planned[-1].order_at - began) / timedelta(days=1)
    assert len(planned) == 4000
    assert 4000 / days == pytest.approx(24 * 6, rel=0.05)


def test_every_wrong_name_is_named(offline):
    with pytest.raises(Invalid) as caught:
        schedule.plan(
            offline.sessions, offline.tools, PLATFORM,
            [["good.com"], ["a..com"], [], ["ok.com", "b_d.com"], ["GOOD.com"]], "acme",
        )  # fmt: skip
    assert [one.pointer for one in caught.value.problems] == [
        "/certificates/1/names/0", "/certificates/2", "/certificates/3/names/1", "/certificates/4",
    ]  # fmt: skip
    with pytest.raises(Invalid, match="at most 20000"):
        schedule.plan(offline.sessions, offline.tools, PLATFORM, [["a.com"]] * 20_001, "acme")
