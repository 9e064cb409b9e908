"""An index of every three signs of accessions and notes, so that a search among a million cases reads a few."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError

revision = "0029"
down_revision = "0028"

# SQLite numbers the rows of `case` anew when the file is vacuumed, so that the index has numbers of its own.
# A later migration that writes `case` anew takes the triggers along: it has to make them again.
TRIGGERS = {
    "case_search_insert": """AFTER INSERT ON "case" BEGIN
        INSERT INTO case_search (case_id) VALUES (new.id);
        INSERT INTO case_trigrams (rowid, search_text)
            SELECT row, new.search_text FROM case_search WHERE case_id = new.id; END""",
    "case_search_update": """AFTER UPDATE OF search_text ON "case" BEGIN
        UPDATE case_trigrams SET search_text = new.search_text
            WHERE rowid = (SELECT row FROM case_search WHERE case_id = new.id); END""",
    "case_search_delete": """AFTER DELETE ON "case" BEGIN
        DELETE FROM case_trigrams WHERE rowid = (SELECT row FROM case_search WHERE case_id = old.id);
        DELETE FROM case_search WHERE case_id = old.id; END""",
}


def upgrade() -> None:
    """Go to this revision. Where the database knows no trigrams, a search goes on reading all cases."""
    if op.get_bind().dialect.name == "sqlite":
        if possible("CREATE VIRTUAL TABLE case_trigrams USING fts5 (search_text, tokenize = 'trigram')"):
            op.create_table(
                "case_search",
                sa.Column("row", sa.Integer(), nullable=False),
                sa.Column("case_id", sa.String(32), nullable=False),
                sa.PrimaryKeyConstraint("row", name="pk_case_search"),
                sa.UniqueConstraint("case_id", name="uq_case_search_case"),
            )
            op.execute('INSERT INTO case_search (case_id) SELECT id FROM "case"')
            op.execute(
                "INSERT INTO case_trigrams (rowid, search_text) SELECT row, search_text"
                ' FROM case_search JOIN "case" ON "case".id = case_id'
            )
            for name, body in TRIGGERS.items():
                op.execute(f"CREATE TRIGGER {name} {body}")
    elif possible("CREATE EXTENSION IF NOT EXISTS pg_trgm"):
        op.execute('CREATE INDEX ix_case_trigrams ON "case" USING gin (search_text gin_trgm_ops)')


def possible(statement: str) -> bool:
    """Execute a statement; say whether the database could: an old SQLite has no trigrams, a bare PostgreSQL no such
    extension, or a person may not make it."""
    try:
        with op.get_bind().begin_nested():
            op.execute(statement)
    except DBAPIError:
        return False
    return True


def downgrade() -> None:
    """Go back to the one before."""
    if op.get_bind().dialect.name == "sqlite":
        for name in TRIGGERS:
            op.execute(f"DROP TRIGGER IF EXISTS {name}")
        op.execute("DROP TABLE IF EXISTS case_trigrams")
        op.execute("DROP TABLE IF EXISTS case_search")
    else:
        op.execute("DROP INDEX IF EXISTS ix_case_trigrams")
