"""The recipes of docs/writes.md, as they stand there: nothing that a candidate writes stays, and what they do not roll
back is refused. Real SQLite, in files.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import types
from pathlib import Path

import pytest
import sqlalchemy
import trio
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from trioshadow import ShadowConfig, Shadower, Verdict
from trioshadow.isolation import SyncBackend

from tests.support.pages import blocks
from tests.support.portable import TOO_LONG

PAGE = Path(__file__).parents[2] / "docs" / "writes.md"
PATIENT = ShadowConfig(shadow_timeout=TOO_LONG, drain_timeout=TOO_LONG)
INSERT = "INSERT INTO orders (sku) VALUES ('shadow')"


def recipe_of(page):
    """Its blocks that define and do nothing: those that a reader copies."""
    module = types.ModuleType("recipe")
    for block in blocks(page):
        if "trio.run(" not in block.source:
            exec(compile("\n" * block.line + block.source, str(page), "exec", dont_inherit=True), module.__dict__)
    return module


recipe = recipe_of(PAGE)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "shop.db"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, sku TEXT UNIQUE)")
        connection.execute("INSERT INTO orders (sku) VALUES ('primary')")
    return path


def rows(path):
    """What there is: the names of the tables, and the rows."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return [*tables, *connection.execute("SELECT sku FROM orders")]


UNTOUCHED = [("orders",), ("primary",)]


def begins_by_itself(engine):
    """The way of SQLAlchemy's own documentation to let SQLite have savepoints."""
    event.listen(engine, "connect", lambda driver, record: setattr(driver, "isolation_level", None))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))


MODES = {
    "legacy": ({}, None),
    "begun": ({}, begins_by_itself),
    "autocommit": ({"isolation_level": "AUTOCOMMIT"}, None),
    "not reset": ({"pool_reset_on_return": None}, None),
}


@contextlib.contextmanager
def engines_of(path, options, listen):
    """The application's, and the shadow's."""
    engines = [sqlalchemy.create_engine(f"sqlite:///{path}", **options, pool_timeout=TOO_LONG) for _ in range(2)]
    for engine in engines:
        recipe.guard(engine)
        if listen is not None:
            listen(engine)
    yield engines
    for engine in engines:
        engine.dispose()


@pytest.fixture
def engines(path):
    with engines_of(path, {}, None) as engines:
        yield engines


# ── what a candidate may do ──────────────────────────────────────────────────────────────────────────────────────────


def commits(session):
    session.execute(text(INSERT))
    session.commit()
    assert session.scalar(text("SELECT count(*) FROM orders")) == 2


def commits_and_goes_on(session):
    commits(session)
    session.execute(text("DELETE FROM orders"))
    session.rollback()
    assert session.scalar(text("SELECT count(*) FROM orders")) == 2
    with session.begin_nested():
        session.execute(text("UPDATE orders SET sku = sku || '!'"))
    session.commit()


def makes_a_table(session):
    session.execute(text("CREATE TABLE more (id INTEGER)"))
    session.commit()


def only_flushes(session):
    session.execute(text(INSERT))


def raises(session):
    commits(session)
    raise OSError("no route")


def exits(session):
    commits(session)
    raise SystemExit


def closes_the_connection(session):
    commits(session)
    session.connection().close()


WRITERS = [commits, commits_and_goes_on, makes_a_table, only_flushes, raises, exits, closes_the_connection]


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_nothing_that_a_candidate_writes_by_its_session_stays(path, mode):
    """Whatever it does with it, and however it ends; and the connection is as it was."""
    with engines_of(path, *mode) as (_, engine):
        for candidate in WRITERS:
            with contextlib.suppress(OSError, SystemExit), recipe.rolled_back(engine) as session:
                candidate(session)
            assert rows(path) == UNTOUCHED, candidate
            assert engine.pool.checkedout() == 0
            with engine.connect() as connection:
                assert not connection.connection.driver_connection.in_transaction


# ── what is refused ──────────────────────────────────────────────────────────────────────────────────────────────────


def by_the_connection(session, engine, own):
    session.execute(text(INSERT))
    session.connection().commit()


def by_a_statement(session, engine, own):
    session.execute(text(INSERT))
    session.execute(text("/* now */ -- at once\n commit"))


def by_a_rollback(session, engine, own):
    session.execute(text("ROLLBACK"))


def by_a_conflict(session, engine, own):
    """SQLite ends the transaction itself, and the next savepoint would be one."""
    with contextlib.suppress(sqlalchemy.exc.IntegrityError):
        session.execute(text("INSERT OR ROLLBACK INTO orders (sku) VALUES ('primary')"))
    with contextlib.suppress(sqlalchemy.exc.SQLAlchemyError):
        session.rollback()
    session.execute(text(INSERT))
    session.commit()


def by_another_session(session, engine, own):
    with Session(engine) as another:
        another.execute(text(INSERT))
        another.commit()


def by_another_connection(session, engine, own):
    with engine.begin() as connection:
        connection.execute(text(INSERT))


def by_autocommit(session, engine, own):
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(INSERT))


def by_a_raw_connection(session, engine, own):
    raw = engine.raw_connection()
    raw.cursor().execute(INSERT)
    raw.commit()


def by_a_second_one_of_its_own(session, engine, own):
    by_another_session(session, own, own)


def by_a_raw_one_of_its_own(session, engine, own):
    by_a_raw_connection(session, own, own)


REFUSED = [
    by_the_connection,
    by_a_statement,
    by_a_rollback,
    by_a_conflict,
    by_another_session,
    by_another_connection,
    by_autocommit,
    by_a_raw_connection,
    by_a_second_one_of_its_own,
    by_a_raw_one_of_its_own,
]


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_what_is_not_rolled_back_is_refused_within_the_block(path, mode):
    with engines_of(path, *mode) as (engine, own):
        for candidate in REFUSED:
            with pytest.raises(RuntimeError, match="a shadow "), recipe.rolled_back(own) as session:
                candidate(session, engine, own)
            assert rows(path) == UNTOUCHED, candidate
            assert own.pool.checkedout() == 0
            assert engine.pool.checkedout() == 0
            with own.connect() as connection:
                assert not connection.connection.driver_connection.in_transaction
        with engine.begin() as connection:  # the application goes on
            connection.execute(text("UPDATE orders SET sku = 'done'"))
    assert rows(path) == [("orders",), ("done",)]


async def old(request):
    await trio.lowlevel.checkpoint()
    return request


async def settled(shadow, request=None, config=PATIENT):
    async with Shadower(old, shadow, config) as shadower:
        return await (await shadower.call(request)).wait_settled()


@pytest.mark.parametrize("candidate", [by_another_session, by_another_connection, by_autocommit, by_a_raw_connection])
@pytest.mark.parametrize("threads", [True, False])
async def test_in_a_shadow_without_the_recipe_the_leg_fails_and_says_why(path, engines, candidate, threads):
    async def shadow(request):
        candidate(None, *engines)

    outcome = await settled(SyncBackend(lambda request: candidate(None, *engines)) if threads else shadow)
    assert outcome.verdict is Verdict.FAILED
    assert "a shadow used a connection that is not rolled back" in outcome.shadow_failed.message
    assert rows(path) == UNTOUCHED
    assert engines[0].pool.checkedout() == 0


async def test_a_session_of_the_callers_refuses_the_shadow_and_serves_the_caller(path, engines):
    with Session(engines[0]) as session:
        session.execute(text("UPDATE orders SET sku = 'callers'"))

        async def shadow(request):
            session.execute(text(INSERT))

        assert (await settled(shadow)).verdict is Verdict.FAILED
        session.commit()
    assert rows(path) == [("orders",), ("callers",)]


async def test_a_shadow_does_not_commit_for_the_caller(path, engines):
    with engines[0].connect() as connection:
        connection.execute(text("UPDATE orders SET sku = 'callers'"))

        async def shadow(request):
            connection.commit()

        assert (await settled(shadow)).verdict is Verdict.FAILED
        assert rows(path) == UNTOUCHED


async def test_outside_of_shadows_the_guarded_engine_serves(path, engines):
    """The primary too, while the shadow is mirrored to."""

    def primary(request):
        with engines[0].begin() as connection:
            connection.execute(text("UPDATE orders SET sku = 'done'"))

    async with Shadower(SyncBackend(primary), old, PATIENT) as shadower:
        assert (await (await shadower.call(None)).wait_settled()).verdict is Verdict.MATCHED
    assert rows(path) == [("orders",), ("done",)]


async def test_a_candidate_that_is_cancelled_leaves_nothing(path, engines, autojump_clock):
    async def shadow(request):
        with recipe.rolled_back(engines[1]) as session:
            commits(session)
            await trio.sleep_forever()

    assert (await settled(shadow, config=ShadowConfig())).verdict is Verdict.TIMED_OUT
    assert rows(path) == UNTOUCHED
    assert engines[1].pool.checkedout() == 0


@pytest.mark.parametrize("within", [True, False], ids=["session", "another"])
async def test_a_thread_that_is_left_behind_leaves_nothing(path, engines, within):
    """It works on when its time is over, and `in_shadow()` is False; what it does then is rolled back, or refused."""
    entered, gone_on, done = threading.Event(), threading.Event(), threading.Event()
    raised = []

    def shadow(request):
        try:
            with recipe.rolled_back(engines[1]) as session:
                entered.set()
                assert gone_on.wait(TOO_LONG)
                commits(session) if within else by_another_session(None, engines[0], None)
        except RuntimeError as error:
            raised.append(error)
        finally:
            done.set()

    async with Shadower(old, SyncBackend(shadow), ShadowConfig(shadow_timeout=0.02)) as shadower:
        outcome = await shadower.call(None)
        assert (await outcome.wait_settled()).verdict is Verdict.TIMED_OUT
        assert engines[1].pool.checkedout() == entered.is_set()
        gone_on.set()
        assert await trio.to_thread.run_sync(done.wait, TOO_LONG)
    assert len(raised) == (not within)
    assert rows(path) == UNTOUCHED
    assert engines[1].pool.checkedout() == 0


def test_an_engine_that_is_not_guarded_is_refused(path):
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    with pytest.raises(RuntimeError, match="guard"), recipe.rolled_back(engine):
        pass
    engine.dispose()


# ── DB-API ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def plainly(connection):
    connection.execute(INSERT)
    connection.commit()
    connection.execute("DELETE FROM orders")
    connection.rollback()
    assert connection.execute("SELECT count(*) FROM orders").fetchone() == (2,)


def in_blocks(connection):
    with connection:
        connection.executemany("INSERT INTO orders (sku) VALUES (?)", [["shadow"], ["again"]])
    with contextlib.suppress(KeyError), connection:
        connection.execute("DELETE FROM orders")
        raise KeyError
    assert connection.execute("SELECT count(*) FROM orders").fetchone() == (3,)


def by_a_cursor(connection):
    cursor = connection.cursor()
    cursor.execute(INSERT)
    cursor.connection.commit()


def with_ddl(connection):
    connection.execute("CREATE TABLE more (id INTEGER)")
    connection.commit()


def and_raises(connection):
    plainly(connection)
    raise OSError


def scripted(connection):
    connection.executescript(f"{INSERT}; COMMIT")


def spelled(connection):
    connection.execute(INSERT)
    connection.execute("/* now */ COMMIT")


def past_the_class(connection):
    connection.execute(INSERT)
    sqlite3.Connection.commit(connection)


def manually(connection):
    connection.execute(INSERT)
    connection.isolation_level = "DEFERRED"
    connection.isolation_level = None


def after_a_conflict(connection):
    """SQLite ends the transaction itself; what it has compiled before would be committed at once."""
    for sku in ("shadow", "primary", "shadow"):
        with contextlib.suppress(sqlite3.IntegrityError):
            connection.execute("INSERT OR ROLLBACK INTO orders (sku) VALUES (?)", [sku])


def with_ddl_after_a_conflict(connection):
    with contextlib.suppress(sqlite3.IntegrityError):
        connection.execute("INSERT OR ROLLBACK INTO orders (sku) VALUES ('primary')")
    connection.execute("CREATE TABLE more (id INTEGER)")


@pytest.mark.parametrize("candidate", [plainly, in_blocks, by_a_cursor, with_ddl, and_raises])
def test_nothing_that_is_written_by_a_rolled_back_connection_stays(path, candidate):
    with contextlib.suppress(OSError), recipe.rolled_back_connection(path) as connection:
        candidate(connection)
    assert rows(path) == UNTOUCHED


@pytest.mark.parametrize(
    "candidate", [scripted, spelled, past_the_class, manually, after_a_conflict, with_ddl_after_a_conflict]
)
@pytest.mark.parametrize("isolation_level", ["", None])
def test_sqlite_itself_refuses_what_would_commit(path, candidate, isolation_level):
    connection = sqlite3.connect(path, factory=recipe.RolledBack, isolation_level=isolation_level)
    with contextlib.closing(connection), pytest.raises(sqlite3.DatabaseError, match="not authorized"):
        candidate(connection)
    assert rows(path) == UNTOUCHED


def test_a_connection_that_is_only_closed_leaves_nothing(path):
    with contextlib.closing(sqlite3.connect(path, factory=recipe.RolledBack)) as connection:
        plainly(connection)
    assert rows(path) == UNTOUCHED


USES = {
    "execute": lambda connection, cursor: connection.execute(INSERT),
    "executemany": lambda connection, cursor: connection.executemany(INSERT, [()]),
    "executescript": lambda connection, cursor: connection.executescript(INSERT),
    "cursor": lambda connection, cursor: connection.cursor().execute(INSERT),
    "the caller's cursor": lambda connection, cursor: cursor.execute(INSERT),
    "commit": lambda connection, cursor: connection.commit(),
    "rollback": lambda connection, cursor: connection.rollback(),
    "with": lambda connection, cursor: connection.__exit__(None, None, None),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
async def test_a_guarded_connection_refuses_a_shadow_and_serves_the_caller(path, use):
    with contextlib.closing(sqlite3.connect(path, factory=recipe.Guarded, check_same_thread=False)) as connection:
        cursor = connection.cursor()
        cursor.execute("UPDATE orders SET sku = 'callers'")
        outcome = await settled(SyncBackend(lambda request: use(connection, cursor)))
        assert outcome.verdict is Verdict.FAILED
        assert "a shadow used a connection that is not rolled back" in outcome.shadow_failed.message
        with pytest.raises(RuntimeError), recipe.rolled_back_connection(path):
            use(connection, cursor)
        assert rows(path) == UNTOUCHED
        connection.commit()
    assert rows(path) == [("orders",), ("callers",)]
