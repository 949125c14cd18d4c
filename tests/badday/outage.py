"""How long an outage has lasted, as the rows see it."""

import sqlalchemy as sa

_WORK = (
    "organization_domains",
    "domain_verifications",
    "dns_records",
    "ssl_certificates",
    "servers",
    "application_domain_bindings",
)
_FAILING = "deleted_at IS NULL AND (attempts > 0 OR trouble_code IS NOT NULL)"
_IN_TROUBLE = tuple(
    f"SELECT 1 FROM {table} WHERE deleted_at IS NULL AND trouble_code IS NOT NULL LIMIT 1"
    for table in _WORK
)
_BUSY = tuple(
    f"SELECT 1 FROM {table} WHERE next_action_at <= now() OR lease_until > now() LIMIT 1"
    for table in _WORK
)
_AGED = (
    *(
        f"UPDATE {table} SET attempts = 12, next_action_at = now() WHERE lease_until IS NULL "
        f"AND {_FAILING}"
        for table in _WORK
    ),
    (
        "UPDATE ssl_certificates SET renewal_attempts = 12, next_action_at = now(), "
        "next_renewal_attempt_at = now() WHERE lease_until IS NULL AND renewal_attempts > 0"
    ),
)


class Outage:
    """Looks at the rows of the work, and makes what fails look as if it had failed for hours."""

    def __init__(self, url: str) -> None:
        """Connect beside Nameplate."""
        self._engine = sa.create_engine(url)

    def is_over(self) -> bool:
        """Whether no step is in trouble."""
        with self._engine.connect() as connection:
            return not any(connection.scalar(sa.text(query)) for query in _IN_TROUBLE)

    def is_quiet(self) -> bool:
        """Whether nothing is due and nobody works on anything."""
        with self._engine.connect() as connection:
            return not any(connection.scalar(sa.text(query)) for query in _BUSY)

    def age(self) -> None:
        """Have everything that fails try at once, and look for the back-off that comes after hours."""
        with self._engine.begin() as connection:
            for statement in _AGED:
                connection.execute(sa.text(statement))

    def close(self) -> None:
        """Disconnect."""
        self._engine.dispose()
