"""What is seen of certificates at proxies, and the former generation until the new one is everywhere."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_12_01_0300"
down_revision = "2026_12_01_0200"
branch_labels = None
depends_on = None

_CERTIFICATES, _BINDINGS = "ssl_certificates", "application_domain_bindings"


def upgrade() -> None:
    comment = "Serial number of the certificate that a probe saw last."
    op.add_column(_BINDINGS, c.prose("seen_serial", comment))
    comment = "Since when probes see it."
    op.add_column(_BINDINGS, c.moment("seen_serial_at", comment))
    comment = "Serial number of the certificate that the proxy refused; the former one is served."
    op.add_column(_BINDINGS, c.prose("refused_serial", comment))
    op.add_column(_BINDINGS, c.moment("refused_since", "When it refused that first."))
    op.add_column(_BINDINGS, c.moment("refused_at", "When it refused that last."))
    op.add_column(_BINDINGS, c.prose("refusal", "Why, in words for a person."))
    comment = "The generation before, PEM, until the new one is seen everywhere."
    op.add_column(_CERTIFICATES, c.long_text("former_bundle", comment))
    comment = "Its key, sealed like `private_key`."
    op.add_column(_CERTIFICATES, c.long_text("former_private_key", comment))
    op.add_column(_CERTIFICATES, c.text("former_serial", "Its serial number."))
    op.add_column(_CERTIFICATES, c.number("former_generation", "Which generation it is."))
    op.add_column(_CERTIFICATES, c.moment("former_expires_at", "Its notAfter."))
    comment = "When every binding was first seen to serve this generation."
    op.add_column(_CERTIFICATES, c.moment("deployed_at", comment))
    comment = "Which server did not serve it when that was told, and why."
    op.add_column(_CERTIFICATES, c.prose("deployment_trouble", comment))
    op.execute(
        "UPDATE application_domain_bindings SET seen_serial = served_serial, "
        "updated_at = updated_at WHERE status = 'active'"
    )
    op.execute(
        "UPDATE ssl_certificates SET deployed_at = last_renewed_at, updated_at = updated_at "
        "WHERE certificate IS NOT NULL"
    )


def downgrade() -> None:
    for column in (
        "deployment_trouble",
        "deployed_at",
        "former_expires_at",
        "former_generation",
        "former_serial",
        "former_private_key",
        "former_bundle",
    ):
        op.drop_column(_CERTIFICATES, column)
    for column in (
        "refusal",
        "refused_at",
        "refused_since",
        "refused_serial",
        "seen_serial_at",
        "seen_serial",
    ):
        op.drop_column(_BINDINGS, column)
