"""The catalogue of PostgreSQL shows that no tenant's table was forgotten."""

import pytest
import sqlalchemy as sa

from nameplate.models import Model

OPTIONAL = {"servers", "server_groups", "accounts", "api_tokens", "events"}
"""Tables with rows of the platform: there organization_id may be NULL."""
FREE = {
    *("name_locks", "budgets", "idempotency_keys", "step_counts"),
    *("sealing_keys", "live_processes", "event_counters", "certificate_watches"),
    *("registration_watches", "edge_asks"),
    *("users", "user_sessions", "recovery_codes", "known_devices", "embed_origins"),
}
"""Tables that belong to no organization."""
SIMPLE = {
    ("embed_tokens", "api_tokens"),  # may be the platform's: the use case takes the caller's own
    ("api_tokens", "servers"),  # may be shared: the use case compares
    ("application_domain_bindings", "servers"),  # may be shared: the session guard compares
    ("servers", "server_groups"),  # may be shared: the use case compares
    ("application_domain_bindings", "server_groups"),  # may be shared: the session guard compares
    ("binding_placements", "servers"),  # may be shared: the group's servers
    ("dns_ledger", "accounts"),  # may be the platform's: the session guard compares
    ("organization_domains", "accounts"),  # may be the platform's: the session guard compares
    ("hosted_zones", "accounts"),  # always the platform's: the same
    ("registrations", "accounts"),  # may be the platform's: the use case chooses
    ("purchases", "accounts"),  # the same
    ("ssl_certificates", "accounts"),  # may be the platform's: who issued it
}

pytestmark = pytest.mark.parametrize("session", ["postgresql"], indirect=True)

CONDITION = (
    "(organization_id = (NULLIF(current_setting('nameplate.organization_id'::text, true), "
    "''::text))::bigint)"
)


def catalogue(session, query):
    return session.connection().execute(sa.text(query)).all()


def tenant_tables(session):
    found = catalogue(
        session,
        "SELECT table_name, is_nullable FROM information_schema.columns "
        "WHERE table_schema = 'public' AND column_name = 'organization_id'",
    )
    return {name: nullable == "YES" for name, nullable in found}


def test_every_table_is_either_a_tenants_or_known_not_to_be(session):
    every = set(Model.metadata.tables)
    assert set(tenant_tables(session)) == every - FREE - {"organizations"}


def test_organization_id_is_not_null(session):
    assert {name for name, nullable in tenant_tables(session).items() if nullable} == OPTIONAL


def test_row_level_security_is_enabled_and_forced(session):
    found = catalogue(
        session,
        "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'",
    )
    secured = {name for name, enabled, forced in found if enabled and forced}
    assert secured == {"organizations", *tenant_tables(session), *FREE}


def test_every_policy_reads_and_checks_the_organization(session):
    found = catalogue(
        session, "SELECT tablename, policyname, cmd, qual, with_check FROM pg_policies"
    )
    policies = {(table, name): rest for table, name, *rest in found}
    assert policies.pop(("events", "events_seen")) == ["SELECT", CONDITION, None]
    assert policies.pop(("events", "events_told")) == ["INSERT", None, CONDITION]
    for table in {"organizations", *tenant_tables(session)} - {"events"}:
        condition = CONDITION
        if table == "organizations":
            condition = CONDITION.replace("(organization_id", "(id", 1)
        assert policies.pop((table, f"{table}_tenant")) == ["ALL", condition, condition]
    for table in ("servers", "server_groups"):
        shared = policies.pop((table, f"{table}_shared"))
        assert shared == ["SELECT", "(organization_id IS NULL)", None]
    assert set(policies) == {
        ("idempotency_keys", "idempotency_keys_tenant"),
        ("name_grants", "name_grants_received"),
        ("name_locks", "name_locks_named"),
        ("name_transfers", "name_transfers_received"),
        ("sealing_keys", "sealing_keys_seen"),
        ("sealing_keys", "sealing_keys_held"),
        ("sealing_keys", "sealing_keys_noted"),
    }


def test_keys_between_tenant_tables_are_composite(session):
    tenants = tenant_tables(session)
    found = catalogue(
        session,
        "SELECT conrelid::regclass::text, confrelid::regclass::text, cardinality(conkey), "
        "confdeltype FROM pg_constraint WHERE contype = 'f'",
    )
    between = {(a, b): (n, rule) for a, b, n, rule in found if a in tenants and b in tenants}
    assert {pair for pair, (n, _) in between.items() if n == 1} == SIMPLE
    assert between["application_domain_bindings", "ssl_certificates"] == (2, "n")
    assert len(between) > len(SIMPLE) + 6


def test_no_role_of_the_tests_is_more_than_it_says(session):
    found = catalogue(
        session,
        "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname LIKE 'nameplate%'",
    )
    assert {tuple(row) for row in found} == {
        ("nameplate_owner", False, False),
        ("nameplate_app", False, False),
        ("nameplate_system", False, True),
    }
