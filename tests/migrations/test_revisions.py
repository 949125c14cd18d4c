"""Up, down and up again; models and migrations agree; two migrations never race."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from nameplate.core.errors import Conflict, NotFound
from nameplate.db import engine
from nameplate.models import Model
from nameplate.usecases.operations import schema

HEAD = schema.history()[0].id


def tables(url):
    made = engine(url)
    with made.connect() as connection:
        names = set(sa.inspect(connection).get_table_names())
    made.dispose()
    return names


def leftovers(url):
    """Return everything of ours that the database still knows, not only tables."""
    made = engine(url)
    queries = {
        "sqlite": "SELECT name FROM sqlite_master",
        "postgresql": "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "UNION ALL SELECT polname FROM pg_policy",
        "mariadb": "SELECT table_name FROM information_schema.tables "
        "WHERE table_schema = database()",
    }
    with made.connect() as connection:
        found = connection.scalars(sa.text(queries[connection.dialect.name])).all()
    made.dispose()
    return found


def test_up_down_up(database_url):
    assert schema.current(database_url) is None
    assert schema.upgrade(database_url) == HEAD
    assert schema.upgrade(database_url) == HEAD
    assert tables(database_url) == set(Model.metadata.tables) | {"nameplate_version"}
    assert schema.downgrade(database_url, revision="base") is None
    assert leftovers(database_url) == []
    assert schema.upgrade(database_url) == HEAD


def test_every_step_alone_goes_down_and_up(database_url):
    steps = [step.id for step in reversed(schema.history())]
    for step in steps:
        assert schema.upgrade(database_url, "+1") == step
    for below in [*reversed(steps[:-1]), None]:
        assert schema.downgrade(database_url, revision="-1") == below
    assert leftovers(database_url) == []


def test_models_and_migrations_agree(migrated_url):
    config = Config()
    config.set_main_option("script_location", str(schema.LOCATION))
    config.attributes["url"] = migrated_url
    command.check(config)


def test_a_schema_made_from_the_models_is_the_same(database_url):
    """Compare more than `alembic check` does: CHECKs, defaults, generated columns, comments."""
    made = engine(database_url)
    Model.metadata.create_all(made)
    by_models = _reflected(made)
    Model.metadata.drop_all(made)
    schema.upgrade(database_url)
    by_migrations = _reflected(made)
    made.dispose()
    assert by_migrations == by_models


def _reflected(made):
    with made.connect() as connection:
        look = sa.inspect(connection)
        return {table: _table(look, table) for table in Model.metadata.tables}


def _table(look, table):
    def column(found):
        return found | {"type": str(found["type"])}

    return {
        "columns": {c["name"]: column(c) for c in look.get_columns(table)},
        "checks": sorted(
            (c["name"] or "", c["sqltext"]) for c in look.get_check_constraints(table)
        ),
        "keys": sorted(str(k) for k in look.get_foreign_keys(table)),
        "primary": look.get_pk_constraint(table),
        "unique": sorted(str(u) for u in look.get_unique_constraints(table)),
        "indexes": sorted(str(i) for i in look.get_indexes(table)),
        "comment": look.get_table_comment(table) if look.dialect.supports_comments else None,
    }


def test_revisions_import_no_live_code():
    allowed = "from nameplate.migrations import columns as c"
    for path in [*(schema.LOCATION / "versions").glob("*.py"), schema.LOCATION / "columns.py"]:
        for line in path.read_text().splitlines():
            if line.startswith(("import ", "from ")) and "nameplate" in line:
                assert line == allowed, path.name


def test_files_are_dated_and_in_order():
    names = sorted(path.stem for path in (schema.LOCATION / "versions").glob("*.py"))
    steps = [step.id for step in reversed(schema.history())]
    assert [name[: len(step)] for name, step in zip(names, steps, strict=True)] == steps


def test_every_column_says_what_it_means():
    for table in Model.metadata.tables.values():
        assert table.comment, table.name
        for column in table.c:
            assert column.comment, f"{table.name}.{column.name}"
            assert column.comment.endswith((".", "...")), f"{table.name}.{column.name}"


def _upgrade(url):
    return schema.upgrade(url)


def test_two_migrations_wait_for_each_other(database_url):
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        runs = [pool.submit(_upgrade, database_url) for _ in range(2)]
        assert [run.result(60) for run in runs] == [HEAD, HEAD]
    assert "nameplate_version" in tables(database_url)


def test_an_unknown_revision_is_named(database_url):
    for revision in ("nonsense", "2026_11_23_9999", "heads@nothing"):
        with pytest.raises(NotFound) as caught:
            schema.upgrade(database_url, revision)
        assert caught.value.code == "revision_unknown"
    assert leftovers(database_url) == []


def test_a_database_newer_than_the_program_is_left_alone(migrated_url):
    made = engine(migrated_url)

    def stand_at(revision):
        with made.begin() as connection:
            table = sa.table("nameplate_version", sa.column("version_num"))
            connection.execute(sa.update(table).values(version_num=revision))

    stand_at("2031_01_01_0000")
    try:
        acts = (
            lambda: schema.upgrade(migrated_url),
            lambda: schema.downgrade(migrated_url, revision="base"),
            lambda: schema.current(migrated_url),
        )
        for act in acts:
            with pytest.raises(Conflict, match="2031_01_01_0000") as caught:
                act()
            assert caught.value.code == "schema_newer"
        assert tables(migrated_url) == set(Model.metadata.tables) | {"nameplate_version"}
    finally:
        stand_at(HEAD)
        made.dispose()


def test_the_printed_statements_make_the_same_schema(database_url):
    script = schema.sql(database_url)
    assert "nameplate_version" in script
    made = engine(database_url)
    with made.connect() as connection:
        for statement in script.split(";\n"):
            lines = [line for line in statement.splitlines() if not line.startswith("--")]
            words = "\n".join(lines).strip()
            if words and words not in {"BEGIN", "COMMIT"}:
                connection.exec_driver_sql(words.replace("%", "%%"))
        connection.commit()
    made.dispose()
    assert schema.current(database_url) == HEAD
    test_models_and_migrations_agree(database_url)


def test_a_failing_step_leaves_nothing_half_done(database_url):
    if database_url.startswith("mariadb"):
        pytest.skip("MariaDB commits at every CREATE TABLE: the steps before stay")
    made = engine(database_url)
    with made.begin() as connection:
        connection.execute(sa.text("CREATE TABLE api_tokens (id integer)"))
    with pytest.raises(Exception, match="The database failed"):
        schema.upgrade(database_url)
    assert tables(database_url) == {"api_tokens"}
    made.dispose()
