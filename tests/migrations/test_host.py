"""A host application keeps Nameplate's tables and revisions beside its own, in two ways."""

import textwrap

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from nameplate.db import engine
from nameplate.models import Organization, metadata
from nameplate.usecases.operations import schema

HOST_ENV = """
    from alembic import context
    import sqlalchemy as sa
    from nameplate.migrations.compare import include_object
    from nameplate.models import metadata

    host = sa.MetaData()
    sa.Table(
        "invoices",
        host,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "organization_id",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            sa.ForeignKey(metadata.tables["organizations"].c.id, name="invoices_owner"),
        ),
    )
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=[host, metadata],
        include_object=include_object,
    )
    with context.begin_transaction():
        context.run_migrations()
"""

HOST_REVISION = """
    import sqlalchemy as sa
    from alembic import op

    revision = "host1"
    down_revision = None
    branch_labels = ("host",)
    depends_on = "2026_11_23_1000"

    def upgrade():
        big = sa.BigInteger().with_variant(sa.Integer, "sqlite")
        op.create_table(
            "invoices",
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("organization_id", big),
            sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], "invoices_owner"),
        )

    def downgrade():
        op.drop_table("invoices")
"""


@pytest.fixture
def host(tmp_path):
    """Alembic folder of an application with one table of its own."""
    versions = tmp_path / "host" / "versions"
    versions.mkdir(parents=True)
    (versions.parent / "env.py").write_text(textwrap.dedent(HOST_ENV))
    (versions / "host1.py").write_text(textwrap.dedent(HOST_REVISION))
    config = Config()
    config.set_main_option("script_location", str(versions.parent))
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", f"{versions}:{schema.LOCATION / 'versions'}")
    return config


@pytest.fixture
def connection(database_url):
    made = engine(database_url)
    with made.connect() as connection:
        yield connection
    made.dispose()


def tables(connection):
    found = set(sa.inspect(connection).get_table_names())
    connection.commit()
    return found


def test_as_a_branch_of_the_hosts_own_revisions(host, connection):
    host.attributes["connection"] = connection
    command.upgrade(host, "heads")
    connection.commit()
    every = set(metadata.tables) | {"invoices", "alembic_version"}
    assert tables(connection) == every
    command.check(host)
    connection.commit()
    command.downgrade(host, "host@base")
    connection.commit()
    assert tables(connection) == every - {"invoices"}
    command.upgrade(host, "host@head")
    connection.commit()
    assert tables(connection) == every
    command.downgrade(host, "nameplate@base")
    connection.commit()
    assert tables(connection) == {"alembic_version"}


def test_beside_the_hosts_own_version_table(connection):
    connection.execute(sa.text("CREATE TABLE alembic_version (version_num varchar(32))"))
    connection.execute(sa.text("CREATE TABLE invoices (id integer)"))
    connection.execute(sa.text("INSERT INTO alembic_version VALUES ('theirs')"))
    connection.commit()
    config = Config()
    config.set_main_option("script_location", "nameplate:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()
    theirs = {"alembic_version", "invoices"}
    assert tables(connection) == set(metadata.tables) | theirs | {"nameplate_version"}
    command.downgrade(config, "base")
    connection.commit()
    assert tables(connection) == theirs
    found = connection.scalars(sa.text("SELECT version_num FROM alembic_version")).all()
    assert found == ["theirs"]


def test_a_comparison_sees_what_the_host_forgot(host, connection):
    host.attributes["connection"] = connection
    command.upgrade(host, "heads")
    connection.execute(sa.text("DROP TABLE invoices"))
    connection.commit()
    with pytest.raises(CommandError, match="invoices"):
        command.check(host)


def test_a_hosts_table_refers_to_ours(migrated_sqlite_url):
    host = sa.MetaData()
    owner: sa.Column[int] = sa.Column("organization_id", sa.ForeignKey(Organization.__table__.c.id))
    sa.Table("invoices", host, sa.Column("id", sa.Integer, primary_key=True), owner)
    made = engine(migrated_sqlite_url)
    host.create_all(made)
    (key,) = sa.inspect(made).get_foreign_keys("invoices")
    assert key["referred_table"] == "organizations"
    made.dispose()
