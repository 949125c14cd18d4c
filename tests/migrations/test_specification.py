"""The two test files of the specification, restated: every name, key, index and cascade."""

import pytest
import sqlalchemy as sa
from tests.models import world

from nameplate.models import Model

COLUMNS = {
    "organization_domains": """id organization_id domain_name subdomain full_domain status
        domain_type registrar registrar_domain_id managed_externally dns_provider dns_zone_id
        dns_config ssl_enabled ssl_provider auto_renew_ssl verification_method verification_token
        verified_at verification_expires_at registered_at expires_at auto_renew cdn_enabled
        cdn_provider force_https hsts_enabled notes metadata last_checked_at error_message
        created_at updated_at deleted_at""",
    "dns_records": """id organization_id organization_domain_id recordable_type recordable_id
        record_type name value ttl priority weight port status external_record_id last_synced_at
        propagation_checked_at propagated managed_by_system proxy_enabled notes metadata
        error_message created_at updated_at deleted_at""",
    "ssl_certificates": """id organization_id organization_domain_id certificate_name
        certificate_type certificate private_key certificate_chain certificate_bundle issuer
        common_name subject_alternative_names serial_number fingerprint issued_at expires_at
        last_renewed_at next_renewal_attempt_at auto_renew renewal_days_before_expiry
        renewal_attempts last_renewal_error_at renewal_error_message status acme_order_url
        acme_challenge_data acme_challenge_type metadata notes created_at updated_at deleted_at""",
    "domain_verifications": """id organization_id organization_domain_id verification_method
        verification_token verification_record_name verification_record_value
        verification_file_path verification_file_content verification_meta_tag status
        verification_attempts last_verification_attempt_at verified_at expires_at error_message
        verification_logs challenge_data verification_ip verification_user_agent metadata
        created_at updated_at deleted_at""",
    "application_domain_bindings": """id organization_id application_id organization_domain_id
        server_id subdomain path port proxy_type proxy_config ssl_enabled ssl_certificate_id
        force_https hsts_enabled health_check_path health_check_interval health_check_timeout
        last_health_check_at health_status status is_primary traffic_weight activated_at
        error_message metadata created_at updated_at deleted_at""",
}

REFERENCES = {
    "organization_domains": {"organizations": "CASCADE", "accounts": "SET NULL"},
    "dns_records": {"organizations": "CASCADE", "organization_domains": "CASCADE"},
    "ssl_certificates": {"organizations": "CASCADE", "organization_domains": "CASCADE"},
    "domain_verifications": {"organizations": "CASCADE", "organization_domains": "CASCADE"},
    "application_domain_bindings": {
        "organizations": "CASCADE",
        "applications": "CASCADE",
        "organization_domains": "CASCADE",
        "server_groups": "SET NULL",  # ours: a binding on many servers
        "servers": "SET NULL",
        "ssl_certificates": "SET NULL",
    },
}

OUR_KEYS = {
    "application_domain_bindings_served_server_foreign",
    "ssl_certificates_accounts_foreign",
}
"""References beyond the specification: which server serves a binding by its last configuration,
which account issued a certificate."""

INDEXES = {
    "organization_domains": "unique_org_domain domain_name_index subdomain_index full_domain_index "
    "status_index expires_at_index status_expiration_index org_type_index",
    "dns_records": "unique_dns_record record_type_index name_index status_index domain_type_index "
    "org_status_index recordable_index",
    "ssl_certificates": "common_name_index expires_at_index status_index org_status_index "
    "renewal_check_index domain_status_index",
    "domain_verifications": "verification_method_index verification_token_unique status_index "
    "expires_at_index org_status_index domain_method_index status_expiry_index",
    "application_domain_bindings": "unique_app_domain_binding status_index org_status_index "
    "app_primary_index health_check_index hostname_index",
}

DEFAULTS = {
    "organization_domains": {
        "status": "pending_verification",
        "domain_type": "application",
        "managed_externally": False,
        "ssl_enabled": True,
        "ssl_provider": "letsencrypt",
        "auto_renew_ssl": True,
        "auto_renew": True,
        "cdn_enabled": False,
        "force_https": True,
        "hsts_enabled": True,
    },
    "dns_records": {
        "ttl": 3600,
        "status": "pending",
        "propagated": False,
        "managed_by_system": True,
        "proxy_enabled": False,
    },
    "ssl_certificates": {
        "certificate_type": "letsencrypt",
        "auto_renew": True,
        "renewal_days_before_expiry": 30,
        "renewal_attempts": 0,
        "status": "pending",
    },
    "domain_verifications": {"status": "pending", "verification_attempts": 0},
    "application_domain_bindings": {
        "path": "/",
        "proxy_type": "nginx",
        "ssl_enabled": True,
        "force_https": True,
        "hsts_enabled": True,
        "health_check_path": "/",
        "health_check_interval": 30,
        "health_check_timeout": 5,
        "health_status": "unknown",
        "status": "pending",
        "is_primary": False,
        "traffic_weight": 100,
    },
}

REQUIRED = {
    "organization_domains": {"organization_id", "domain_name"},
    "dns_records": {"organization_id", "organization_domain_id", "record_type", "name", "value"},
    "ssl_certificates": {"organization_id", "organization_domain_id", "common_name"},
    "domain_verifications": {
        "organization_id",
        "organization_domain_id",
        "verification_method",
        "verification_token",
    },
    "application_domain_bindings": {
        "organization_id",
        "application_id",
        "organization_domain_id",
    },
}
OURS = {
    "organization_domains": {"drift_policy"},
    "dns_records": {"value_digest"},
    "application_domain_bindings": {"hostname", "is_failing", "redirect", "redirect_status"},
    "ssl_certificates": {"generation", "is_automatic", "is_profile_gone"},
    "domain_verifications": {"notices"},
}
"""NOT NULL columns beyond the specification: by S4, S9, what drift leads to, the count of renewals,
whether a certificate was made for a binding, or lost its profile,
how many notices of a lost proof were given, whether a binding has failed since it was healthy,
and where it redirects to."""


@pytest.fixture
def look(session):
    return sa.inspect(session.connection())


def test_every_column_of_the_specification_is_there(look):
    for table, names in COLUMNS.items():
        found = {column["name"]: column for column in look.get_columns(table)}
        assert set(names.split()) <= set(found), table
        every = {"id", "fence", "attempts", "urgency", "created_at", "updated_at"}
        required = {
            name for name, column in found.items() if not column["nullable"] and name not in every
        }
        assert required == REQUIRED[table] | set(DEFAULTS[table]) | OURS.get(table, set()), table


def test_every_foreign_key_has_its_rule(look):
    for table, parents in REFERENCES.items():
        keys = [key for key in look.get_foreign_keys(table) if key["name"] not in OUR_KEYS]
        rules = {
            key["referred_table"]: key["options"]["ondelete"].partition(" (")[0] for key in keys
        }
        assert rules == parents
        assert len(keys) == len(parents)
        names = {key["name"] for key in keys}
        assert names == {f"{table}_{parent}_foreign" for parent in parents}


def test_every_index_can_be_found_by_its_name(look):
    for table, names in INDEXES.items():
        found = {index["name"] for index in look.get_indexes(table)}
        found |= {key["name"] for key in look.get_unique_constraints(table)}
        for name in names.split():
            known = name if name.startswith("unique_") else f"{table}_{name}"
            assert known in found, known


def test_unique_names_are_unique(look):
    for table, name in (
        ("organization_domains", "unique_org_domain"),
        ("dns_records", "unique_dns_record"),
        ("application_domain_bindings", "unique_app_domain_binding"),
    ):
        (index,) = (one for one in look.get_indexes(table) if one["name"] == name)
        assert index["unique"]
    keys = look.get_unique_constraints("domain_verifications")
    assert ["verification_token"] in [key["column_names"] for key in keys]


def test_organization_id_leads_an_index_of_every_table(look):
    for table in COLUMNS:
        columns = [index["column_names"] for index in look.get_indexes(table)]
        columns += [key["column_names"] for key in look.get_unique_constraints(table)]
        assert any(names[0] == "organization_id" for names in columns), table


def test_no_name_is_longer_than_postgresql_takes():
    for table in Model.metadata.tables.values():
        names = [table.name, *(c.name for c in table.constraints), *(i.name for i in table.indexes)]
        assert all(len(str(name)) <= 63 for name in names), table.name


def test_full_domain_is_generated_and_indexed(look, session):
    (column,) = (
        one for one in look.get_columns("organization_domains") if one["name"] == "full_domain"
    )
    stored = session.connection().dialect.name == "postgresql"
    assert bool(column["computed"]["persisted"]) is stored


def test_the_database_itself_sets_the_defaults(session):
    rows = world.everything(session, world.organization(session))
    domain, app = rows["organization_domains"], rows["applications"]
    needed = {
        "organization_domains": {"domain_name": "acme.net"},
        "dns_records": {"record_type": "A", "name": "@", "value": "192.0.2.9", "value_digest": "d"},
        "ssl_certificates": {"common_name": "acme.com"},
        "domain_verifications": {"verification_method": "dns_txt", "verification_token": "t"},
        "application_domain_bindings": {
            "application_id": app.id,
            "hostname": "x.acme.com",
            "subdomain": "x",
        },
    }
    for table, own in needed.items():
        values = {"organization_id": domain.organization_id} | own
        if table != "organization_domains":
            values["organization_domain_id"] = domain.id
        names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
        insert = sa.text(f"INSERT INTO {table} ({names}) VALUES ({marks})")
        session.connection().execute(insert, values)
        newest = sa.text(f"SELECT * FROM {table} ORDER BY id DESC LIMIT 1")
        row = session.connection().execute(newest).mappings().one()
        assert {name: row[name] for name in DEFAULTS[table]} == DEFAULTS[table]
        assert row["created_at"] is not None
        assert row["deleted_at"] is None
        assert row.get("server_id") is None


def test_deleting_a_domain_removes_its_records(session):
    rows = world.everything(session, world.organization(session))
    session.delete(rows["organization_domains"])
    session.flush()
    for table in ("dns_records", "ssl_certificates", "domain_verifications"):
        found = session.connection().scalar(sa.text(f"SELECT count(*) FROM {table}"))
        assert found == 0
