"""The schema's documentation is what the models say."""

from scripts.schema_docs import FOLDER, families, page, picture

from nameplate.models import metadata

STALE = "the models have changed: run `make docs` and commit what it writes"


def test_the_page_is_not_stale() -> None:
    assert (FOLDER / "schema.md").read_text() == page(), STALE


def test_the_picture_is_not_stale() -> None:
    assert (FOLDER / "schema.svg").read_text() == picture(), STALE


def test_every_table_and_column_is_described() -> None:
    shown = {table.name for tables in families().values() for table in tables}
    assert shown == set(metadata.tables)
    for table in metadata.tables.values():
        assert table.comment, table.name
        assert [column.name for column in table.c if not column.comment] == [], table.name
        assert f">{table.name}</text>" in picture()
