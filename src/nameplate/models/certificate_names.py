"""The names of certificates: which certificate covers a host, and which domains one rests on."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from nameplate.models.orm import BigId, Model, Tenant, ascii_text, same_organization, table


class CertificateName(Tenant, Model):
    """One name that a certificate is to cover, and the domain by which its organization has it.

    A name that the organization has lost stays here: with it again, the certificate covers it again.
    """

    __tablename__ = "certificate_names"
    __table_args__ = (
        same_organization("ssl_certificates", "ssl_certificate_id"),
        same_organization("organization_domains", "organization_domain_id"),
        sa.Index("certificate_names_domain_host_index", "organization_domain_id", "hostname"),
        table("Names that certificates are to cover."),
    )

    ssl_certificate_id: Mapped[int] = mapped_column(
        BigId, primary_key=True, comment="The certificate."
    )
    hostname: Mapped[str] = mapped_column(
        ascii_text(), primary_key=True, comment="Canonical name, `*.` allowed."
    )
    organization_domain_id: Mapped[int] = mapped_column(
        BigId, comment="The domain that the name belongs to, where its proofs are written."
    )

    @classmethod
    def moving(cls, home: int) -> sa.Update:
        """Return the statement that has names belong to another domain; narrow it."""
        return sa.update(cls).values(organization_domain_id=home)

    @classmethod
    def forgetting(cls, certificate_id: int | sa.BindParameter[Any]) -> sa.Delete:
        """Return the statement that forgets the names of a certificate."""
        return sa.delete(cls).where(cls.ssl_certificate_id == certificate_id)
