"""Certificates that are to be replaced together, and those that nothing uses."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_12_01_0310"
down_revision = "2026_12_01_0300"
branch_labels = None
depends_on = None

_TABLE = "ssl_certificates"
_INDEX = f"{_TABLE}_campaign_index"


def upgrade() -> None:
    comment = "Since when no binding uses it and its key was not exported."
    op.add_column(_TABLE, c.moment("unused_since", comment))
    op.add_column(_TABLE, c.moment("unused_told_at", "When that was told."))
    comment = "Campaign in which it is replaced, or was last."
    op.add_column(_TABLE, c.ascii_text("campaign", comment, 64))
    op.add_column(_TABLE, c.prose("campaign_reason", "Why, in words for a person."))
    op.add_column(_TABLE, c.text("campaign_issuer", "Issuer of what is replaced."))
    op.add_column(_TABLE, c.moment("campaign_began_at", "When it became part of the campaign."))
    op.add_column(_TABLE, c.moment("campaign_due_at", "Until when it must be replaced."))
    op.add_column(_TABLE, c.number("campaign_generation", "The generation to replace."))
    comment = "When it was told that all certificates of the organization in it are replaced."
    op.add_column(_TABLE, c.moment("campaign_ended_at", comment))
    c.index(_TABLE, "campaign", "organization_id", name=_INDEX)


def downgrade() -> None:
    op.drop_index(_INDEX, _TABLE)
    for column in (
        "campaign_ended_at",
        "campaign_generation",
        "campaign_due_at",
        "campaign_began_at",
        "campaign_issuer",
        "campaign_reason",
        "campaign",
        "unused_told_at",
        "unused_since",
    ):
        op.drop_column(_TABLE, column)
