"""A token and the advice of its call are stored together or not at all; real servers, real files."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from datetime import timedelta

import pytest
from sqlalchemy import text

from clinical.errors import LedgerUnavailable, NotAuthenticated
from oversight.claiming_ledger import SingleUse
from oversight.database import Transaction, open_engine, writing
from oversight.ledger import SqlLedger
from oversight.pseudonyms import Pseudonyms
from oversight.schema import upgrade
from oversight.used_tokens import KEPT_AFTER_S, SqlUsedTokens
from oversight.verify import verify

KEY = b"a key for tests, 32 bytes or more"


@pytest.fixture
def open_use(clock):
    """Single use at a database, as a process of its own has it; its ledger and engine; all is closed at the end."""
    engines = []

    def open_it(url, **options):
        """One more process."""
        engines.append(open_engine(url, **{"patience": 60.0, **options}))
        ledger = SqlLedger(engines[-1], Pseudonyms(KEY), clock)
        return SingleUse(ledger, SqlUsedTokens(engines[-1], clock))

    yield open_it
    for engine in engines:
        engine.dispose()


@pytest.fixture
def use(url, open_use):
    """One process."""
    return open_use(url)


@pytest.fixture
def until(clock):
    """When the tokens expire."""
    return (clock.now() + timedelta(minutes=5)).timestamp()


def count(engine, table):
    """The rows of a table."""
    with engine.connect() as connection:
        return connection.scalar(text(f"SELECT count(*) FROM {table}"))


def test_both_are_stored(use, until, engine, make_advice):
    """With one append; from then on the token is used, and the keeper knows."""
    keeper, advice = use.keeper("a", "jti", until), make_advice()
    assert not keeper.has_claimed
    assert keeper.append(advice) is advice
    assert keeper.has_claimed
    assert use.was_used("a", "jti")
    assert not use.claim("a", "jti", until)
    assert (count(engine, "advice"), count(engine, "used_token")) == (1, 1)


def test_a_used_token_stores_nothing(use, until, engine, make_advice):
    """Neither used with another advice nor by itself; the chain goes on behind what was stored."""
    use.keeper("a", "advised", until).append(make_advice())
    assert use.claim("a", "alone", until)
    for token in ("advised", "alone"):
        keeper = use.keeper("a", token, until)
        with pytest.raises(NotAuthenticated):
            keeper.append(make_advice())
        assert not keeper.has_claimed
    assert count(engine, "advice") == 1
    use.keeper("b", "advised", until).append(make_advice())
    assert not any(check.fault for check in verify(engine))


def test_an_advice_that_is_not_stored_leaves_the_token(use, until, engine, make_advice):
    """An id that is there already, and what cannot be written down: the token is still to be used up."""
    advice = make_advice()
    use.keeper("a", "first", until).append(advice)
    for number, bad in enumerate((advice, make_advice(time=advice.time.replace(tzinfo=None)))):
        keeper = use.keeper("a", f"jti-{number}", until)
        with pytest.raises(LedgerUnavailable):
            keeper.append(bad)
        assert not keeper.has_claimed
        assert not use.was_used("a", f"jti-{number}")
        assert use.claim("a", f"jti-{number}", until)
    assert count(engine, "advice") == 1


def test_a_retry_uses_its_own_token_up(use, until, engine, make_advice):
    """The earlier card comes back, once: the same request with its first token gets nothing."""
    first, again = (make_advice(request_key="ab" * 32) for _ in range(2))
    use.keeper("a", "first", until).append(first)
    assert use.keeper("a", "second", until).append(again).id == first.id
    for token in ("first", "second"):
        with pytest.raises(NotAuthenticated):
            use.keeper("a", token, until).append(make_advice(request_key="ab" * 32))
    assert (count(engine, "advice"), count(engine, "used_token")) == (1, 2)


def test_restart_forgets_nothing(url, use, until, open_use, make_advice):
    """Neither does another process."""
    use.keeper("a", "jti", until).append(make_advice())
    other = open_use(url)
    assert other.was_used("a", "jti")
    with pytest.raises(NotAuthenticated):
        other.keeper("a", "jti", until).append(make_advice())


def test_of_many_at_once_one_is_stored(url, open_use, until, engine, make_advice):
    """Eight threads of two processes with ten tokens, some by themselves: one use each."""
    uses = [open_use(url) for _ in range(2)]
    start = threading.Barrier(8)

    def tries(worker):
        """Every token once; how many were its own, with an advice and without."""
        start.wait()
        stored = alone = 0
        for number in range(10):
            if worker == number % 8:
                alone += uses[worker % 2].claim("a", f"jti-{number}", until)
                continue
            try:
                uses[worker % 2].keeper("a", f"jti-{number}", until).append(make_advice())
                stored += 1
            except NotAuthenticated:
                pass
        return stored, alone

    with ThreadPoolExecutor(8) as pool:
        stored, alone = map(sum, zip(*pool.map(tries, range(8)), strict=True))
    assert stored + alone == 10
    assert (count(engine, "advice"), count(engine, "used_token")) == (stored, 10)
    assert not any(check.fault for check in verify(engine))


@pytest.mark.parametrize("commits", [True, False])
def test_a_claim_in_progress_is_waited_for(commits, use, until, engine, make_advice, clock):
    """Another process has claimed and not committed yet: what becomes of that decides."""
    holding, tokens = threading.Event(), SqlUsedTokens(engine, clock)

    def hold():
        """Claim, wait for a moment, then commit or not."""
        with suppress(RuntimeError), writing(engine) as connection:
            transaction = Transaction(engine.dialect, connection.connection.driver_connection)
            assert tokens.claim_within(transaction, "a", "jti", until)
            holding.set()
            threading.Event().wait(0.3)
            if not commits:
                raise RuntimeError

    with ThreadPoolExecutor(1) as pool:
        held, keeper = pool.submit(hold), use.keeper("a", "jti", until)
        assert holding.wait(30)
        with pytest.raises(NotAuthenticated) if commits else nullcontext():
            keeper.append(make_advice())
        held.result()
    assert keeper.has_claimed is not commits
    assert (count(engine, "advice"), count(engine, "used_token")) == (0 if commits else 1, 1)


def test_full_disk_stores_neither(tmp_path, open_ledger, open_use, until, make_advice):
    """And says so; what was acknowledged before is there, and nothing else."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    _, engine = open_ledger(url)
    upgrade(engine)
    use, kept = open_use(url, pool_size=1), []
    use.keeper("a", "before", until).append(make_advice())
    with use._ledger._engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    def fill():
        """Until one does not go in."""
        for number in range(2000):
            use.keeper("a", f"jti-{number}", until).append(make_advice(unit_name="x" * 2000))
            kept.append(number)

    with pytest.raises(LedgerUnavailable):
        fill()
    assert count(engine, "advice") == count(engine, "used_token") == len(kept) + 1
    assert not use.was_used("a", f"jti-{len(kept)}")


def test_who_hurries_does_not_wait_for_a_lock(url, kind, use, until, engine, make_advice):
    """A claim in a hurry gives up where one with patience would stand for a minute; later the patience is there again.

    On PostgreSQL only the table itself can be in the way.
    """
    use.claim("a", "before", until)
    with writing(engine, one_at_a_time=True) as holder:
        if kind == "postgresql":
            holder.execute(text("LOCK TABLE used_token IN EXCLUSIVE MODE"))
        with pytest.raises(LedgerUnavailable):
            use.claim("a", "jti", until, hurried=True)
    assert use.claim("a", "jti", until, hurried=True)
    assert not use.claim("a", "jti", until, hurried=True)


def test_patience_comes_back_after_a_hurry(url, open_use, until, engine):
    """On the same connection, after a claim that was stored and one that was not."""
    use, waiting = open_use(url, pool_size=1), threading.Event()
    assert use.claim("a", "hurried", until, hurried=True)

    def hold():
        """Another writer, for a moment longer than a hurry lasts."""
        with writing(engine, one_at_a_time=True) as holder:
            if engine.dialect.name == "postgresql":
                holder.execute(text("LOCK TABLE used_token IN EXCLUSIVE MODE"))
            waiting.set()
            threading.Event().wait(0.5)

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(hold)
        assert waiting.wait(30)
        with pytest.raises(LedgerUnavailable):
            use.claim("a", "patient", until, hurried=True)
        assert use.claim("a", "patient", until)
        held.result()


def test_appending_forgets_expired_tokens(use, until, engine, clock, make_advice):
    """Where every token goes with an advice, nobody else would."""
    use.keeper("a", "short", clock.now().timestamp()).append(make_advice())
    clock.time += timedelta(seconds=KEPT_AFTER_S + 61)
    use.keeper("a", "long", until).append(make_advice())
    assert count(engine, "used_token") == 1


def test_the_past_is_asked_as_from_the_ledger(use, until, ledger, make_advice, clock):
    """The other two questions of the port."""
    shown, keeper = make_advice(), use.keeper("a", "jti", until)
    ledger.append(shown)
    later, since = make_advice(), clock.now() - timedelta(days=1)
    assert keeper.history(later, since) == ledger.history(later, since)
    assert keeper.put_off(later, since) is ledger.put_off(later, since) is False


def test_a_fault_tells_nothing_of_the_token(empty_url, open_use, until, make_advice):
    """A database without tables."""
    keeper = open_use(empty_url).keeper("a", "secret-jti", until)
    with pytest.raises(LedgerUnavailable) as fault:
        keeper.append(make_advice())
    assert "secret" not in str(fault.value)
    assert "INSERT" not in str(fault.value)
