"""Messages with a code for the owner of a name."""

from alembic import op

from nameplate.migrations import columns as c

revision = "2026_11_29_0010"
down_revision = "2026_11_29_0000"
branch_labels = None
depends_on = None

_TABLE = "proof_mails"
STATES = (
    "intended",
    "accepted",
    "refused",
    "failed",
    "unknown",
)


def upgrade() -> None:
    c.create(
        _TABLE,
        "Messages with a code for the owner of a name.",
        *c.identity(),
        c.owner(),
        c.big("domain_verification_id", "The verification that the code confirms."),
        c.ascii_text(
            "home", "The name whose owner was asked; mail is limited for it.", nullable=False
        ),
        c.ascii_text(
            "limited_as",
            "The same, or the contact's address; mail is limited for it too.",
            320,
            nullable=False,
        ),
        c.ascii_text(
            "code_digest",
            "SHA-256 of the code, in hexadecimal; the code is kept nowhere.",
            64,
            nullable=False,
        ),
        c.choice("state", "What became of the message."),
        c.prose("explanation", "What the mail server refused, in words for a person."),
        c.number("wrong_codes", "How often a wrong code was entered.", "0"),
        c.moment("confirmed_at", "When the code was entered."),
        c.primary(_TABLE),
        c.refers(_TABLE, "organization_id", "organizations"),
        c.belongs(_TABLE, "domain_verification_id", "domain_verifications"),
        c.allowed(_TABLE, "state", STATES),
    )
    c.index(
        _TABLE,
        "organization_id",
        "domain_verification_id",
        name="proof_mails_verification_index",
    )
    c.index(_TABLE, "home", "created_at", name="proof_mails_home_index")
    c.index(_TABLE, "limited_as", "created_at", name="proof_mails_limited_index")
    c.isolate(_TABLE)


def downgrade() -> None:
    op.drop_table(_TABLE)
