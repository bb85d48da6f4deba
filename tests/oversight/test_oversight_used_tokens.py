"""A token opens the door once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from clinical.errors import LedgerUnavailable
from oversight.database import open_engine, reading_directly
from oversight.schema import upgrade
from oversight.used_tokens import KEPT_AFTER_S, SqlUsedTokens


@pytest.fixture(params=["for people", "for calls"])
def tokens(request, engine, clock):
    """The memory of one process, for what has to be on the disk at once and for what may go there with the advice."""
    memory = SqlUsedTokens(engine, clock)
    return memory.for_calls() if request.param == "for calls" else memory


def in_minutes(clock, minutes):
    """A time of expiry."""
    return (clock.now() + timedelta(minutes=minutes)).timestamp()


def test_second_use_is_refused(tokens, clock):
    """Whatever expiry it names."""
    assert tokens.claim("a", "jti", in_minutes(clock, 5))
    assert not tokens.claim("a", "jti", in_minutes(clock, 5))
    assert not tokens.claim("a", "jti", in_minutes(clock, 50))


def test_asking_uses_nothing_up(tokens, clock):
    """Whether an id was used can be asked as often as one likes, by client and id."""
    assert not tokens.was_used("a", "jti")
    assert not tokens.was_used("a", "jti")
    assert tokens.claim("a", "jti", in_minutes(clock, 5))
    assert tokens.was_used("a", "jti")
    assert not tokens.was_used("b", "jti")
    assert not tokens.was_used("a", "\ud800")


def test_ids_belong_to_their_client(tokens, clock):
    """Two clients may use one id, and no two pairs run into one another."""
    pairs = [("a", "jti"), ("b", "jti"), ("a", "JTI"), ("aj", "ti"), ("", "ajti"), ("a", "jti "), ("a", "")]
    assert all(tokens.claim(*pair, in_minutes(clock, 5)) for pair in pairs)
    assert not any(tokens.claim(*pair, in_minutes(clock, 5)) for pair in pairs)


@pytest.mark.parametrize("token_id", ["", "\0", "\ud800", "é😀", "x" * 100_000, "'; DROP TABLE used_token; --", "%s ?"])
def test_any_text_is_an_id(tokens, clock, token_id):
    """Of any length, with any letter."""
    assert tokens.claim("a\0", token_id, in_minutes(clock, 5))
    assert not tokens.claim("a\0", token_id, in_minutes(clock, 5))


def test_restart_forgets_nothing(url, clock, tokens):
    """Neither does another process."""
    assert tokens.claim("a", "jti", in_minutes(clock, 5))
    other = open_engine(url)
    assert not SqlUsedTokens(other, clock).claim("a", "jti", in_minutes(clock, 5))
    other.dispose()


def test_of_many_at_once_one_passes(url, engine, clock):
    """Eight threads on two engines with ten tokens each way round."""
    other = open_engine(url)
    memories = [SqlUsedTokens(each, clock) for each in (engine, other)]
    tries = [(memories[n % 2], f"jti-{n % 10}") for n in range(80)]
    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(lambda each: each[0].claim("a", each[1], in_minutes(clock, 5)), tries))
    other.dispose()
    assert sum(claimed) == 10


def test_token_itself_is_not_stored(tokens, engine, clock):
    """Only its hash, which is not that of the id alone."""
    tokens.claim("a", "secret-jti", in_minutes(clock, 5))
    with engine.connect() as connection:
        (row,) = connection.execute(text("SELECT * FROM used_token")).all()
    assert "secret" not in str(row)
    assert len(row.token_hash) == 64


def test_expired_tokens_are_forgotten_once_a_minute(tokens, engine, clock):
    """Some minutes after they have expired, because clocks differ; others stay."""
    tokens.claim("a", "short", in_minutes(clock, 1))
    tokens.claim("a", "long", in_minutes(clock, 60))

    def known():
        """How many are remembered."""
        with engine.connect() as connection:
            return connection.scalar(text("SELECT count(*) FROM used_token"))

    clock.time += timedelta(minutes=1, seconds=KEPT_AFTER_S - 1)
    assert not tokens.claim("a", "short", 0)
    assert known() == 2
    clock.time += timedelta(seconds=30)
    tokens.claim("a", "other", in_minutes(clock, 1))
    assert known() == 3
    clock.time += timedelta(seconds=31)
    assert not tokens.claim("a", "long", 0)
    assert known() == 2


@pytest.mark.parametrize("expires", [float("nan"), float("inf")])
def test_expiry_that_is_no_time_lets_nobody_in(tokens, expires):
    """The memory does not guess how long it has to remember."""
    with pytest.raises(LedgerUnavailable):
        tokens.claim("a", "jti", expires)


def test_database_that_is_gone_lets_nobody_in(empty_url, open_ledger, clock):
    """A fault is no yes and no no, and tells nothing."""
    tokens = SqlUsedTokens(open_ledger(empty_url)[1], clock)
    with pytest.raises(LedgerUnavailable) as fault:
        tokens.claim("a", "secret-jti", 1.0)
    assert "secret" not in str(fault.value)
    assert "INSERT" not in str(fault.value)


def test_full_disk_lets_nobody_in(tmp_path, open_ledger, clock):
    """What cannot be remembered is not accepted."""
    _, engine = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", pool_size=1)
    upgrade(engine)
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    tokens = SqlUsedTokens(engine, clock)
    with pytest.raises(LedgerUnavailable):
        [tokens.claim("a", str(number), in_minutes(clock, 5)) for number in range(2000)]


def test_only_the_tokens_of_calls_leave_the_sync_to_the_advice(tmp_path, open_ledger, clock):
    """A visit that somebody has ended stays ended, whatever happens to the power."""
    _, engine = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    upgrade(engine)
    memory, told = SqlUsedTokens(engine, clock), []
    memory.claim("a", "first", in_minutes(clock, 5))
    with reading_directly(engine) as its:
        its.driver.set_trace_callback(told.append)
    assert memory.claim("a", "second", in_minutes(clock, 5))
    assert not any("synchronous" in line for line in told)
    assert memory.for_calls().claim("a", "third", in_minutes(clock, 5))
    assert [line.rpartition(" ")[2] for line in told if "synchronous" in line] == ["NORMAL", "FULL"]
    assert not memory.claim("a", "third", in_minutes(clock, 5))
