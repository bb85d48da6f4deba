"""Chartside beside a peer: CPU time of one hook call, measured in turns on the same bodies.

Chartside is the shipped server: a JWT on each call, strict JSON, the record's rules, features, SHAP, and a durable
ledger entry before the answer. The peer, healthchain, builds FHIR objects of the same prefetch and answers a constant
card. Every answer is checked. CPU time is that of the whole process tree of each server.
"""

from __future__ import annotations

import platform
import socket
import statistics
import tempfile
import tomllib
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import click

from bench import body, peer_side, report
from bench.calls import Call
from bench.chartside_side import PATH, Answers, Chartside
from bench.expected import Expected
from bench.load import steady
from bench.probe import append_ms
from bench.rounds import Figures, Variant, run_block, turn

ROOT = Path(__file__).resolve().parent.parent
PEER_PYTHON = ROOT / ".venv-healthchain" / "bin" / "python"
FRESH, AGAIN, PEER = "Chartside, new values each call", "Chartside, same chart opened again", "healthchain, objects"
# The cheaper of the two signatures to check, and the one that some EHRs use by default.
FRESH_RSA = "Chartside, new values, signed RS384"
PACKAGES = ("flask", "gunicorn", "joserfc", "fhir.resources", "scikit-learn", "shap", "numpy", "sqlalchemy")
RATE = 10.0
SEED_OF_AGAIN = 1_000_000
SEED_OF_LOAD = 2_000_000
SEED_OF_RSA = 3_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure."""

    rounds: int
    block: int
    seconds: float
    with_peer: bool


@click.command(help=__doc__)
@click.option("--rounds", default=9, show_default=True, type=click.IntRange(1, 200), help="Rounds; 7 at least to rank.")
@click.option("--block", default=60, show_default=True, type=click.IntRange(2, 1000), help="Calls in each block.")
@click.option("--seconds", default=60.0, show_default=True, type=click.FloatRange(0, 600), help="Load run; 0 for none.")
@click.option("--skip-peer", is_flag=True, help="Measure Chartside alone.")
def main(rounds: int, block: int, seconds: float, skip_peer: bool) -> None:
    """Measure and print."""
    plan = Plan(rounds, block, seconds, with_peer=not skip_peer)
    (ROOT / "var").mkdir(exist_ok=True)
    # Beside the code and not in /tmp, which may lie in memory: there, nothing is durable.
    with tempfile.TemporaryDirectory(dir=ROOT / "var", prefix="bench-") as folder:
        _measure(plan, Path(folder))


def _measure(plan: Plan, folder: Path) -> None:
    """Start both sides, measure in turns, print."""
    side, answers = Chartside(folder, free_port()), Answers()
    _say_versions(plan)
    with ExitStack() as stack:
        _progress("starting the servers")
        expected = stack.enter_context(closing(Expected(side, folder)))
        variants = stack.enter_context(_variants(plan, side, folder, answers))
        figures, probe = _rounds(plan, variants, folder, partial(_check_scores, expected, answers))
        memory = {name: variant.server.memory_mb() for name, variant in variants.items()}
        _print(figures, memory, probe, plan)
        if plan.seconds:
            _progress(f"load run of {plan.seconds:g} s")
            make = partial(_one_fresh, side)
            load = steady(side.port, PATH, make, answers.check, rate=RATE, seconds=plan.seconds)
            click.echo(report.load_line(load, RATE, plan.seconds))


@contextmanager
def _variants(plan: Plan, side: Chartside, folder: Path, answers: Answers) -> Iterator[Mapping[str, Variant]]:
    """The rows of the table, with their servers running."""
    with ExitStack() as stack:
        ours = stack.enter_context(side.serving(ROOT))
        signed = {FRESH: "ES384", FRESH_RSA: "RS384", AGAIN: "ES384"}
        found = {
            name: Variant(name, ours, PATH, partial(_signed, side, algorithm), answers.check)
            for name, algorithm in signed.items()
        }
        if plan.with_peer:
            peer = stack.enter_context(peer_side.serving(PEER_PYTHON, ROOT, folder, free_port()))
            check = peer_side.checker(body.OBSERVATIONS + 2)
            found[PEER] = Variant(PEER, peer, peer_side.PATH, _unsigned, check)
        yield found


def _rounds(
    plan: Plan, variants: Mapping[str, Variant], folder: Path, check_scores: Callable[[Sequence[bytes]], None]
) -> tuple[dict[str, Figures], list[float]]:
    """All rounds after a warm-up, with the probe in each; within a round both sides get the same fresh bodies."""
    opened = datetime.now(UTC)
    figures, probe = {name: Figures() for name in variants}, []
    for number in range(-1, plan.rounds):
        warm_up = number < 0
        _progress("warm-up" if warm_up else f"round {number + 1} of {plan.rounds}")
        seeds = range((number + 1) * plan.block, (number + 2) * plan.block)
        fresh = [_body(seed, datetime.now(UTC)) for seed in seeds]
        others = {
            AGAIN: [_body(SEED_OF_AGAIN, opened) for _ in seeds],
            FRESH_RSA: [_body(SEED_OF_RSA + seed, datetime.now(UTC)) for seed in seeds],
        }
        for name in turn(list(variants), number):
            bodies = others.get(name, fresh)
            run_block(variants[name], bodies, Figures() if warm_up else figures[name])
            if name != PEER:
                check_scores(bodies)
        probe.append(append_ms(folder))
    return figures, probe[1:]


def _check_scores(expected: Expected, answers: Answers, bodies: Sequence[bytes]) -> None:
    """Compare the first and the last answer of the block that has just run with the model itself."""
    for place in (0, -1):
        expected.require(bodies[place], *answers.said[-len(bodies) :][place])


def _body(seed: int, now: datetime) -> bytes:
    """One body with a hookInstance of its own, so that no call counts as a retry."""
    return body.call(seed, now, hook_instance=str(uuid.uuid4()))


def _signed(side: Chartside, algorithm: str, bodies: Sequence[bytes]) -> list[Call]:
    """Calls with a token each."""
    return [side.call(one, algorithm=algorithm) for one in bodies]


def _unsigned(bodies: Sequence[bytes]) -> list[Call]:
    """Calls for a service that asks for no token."""
    return [Call(one, {}) for one in bodies]


def _one_fresh(side: Chartside, number: int) -> Call:
    """A call of the load run."""
    return side.call(_body(SEED_OF_LOAD + number, datetime.now(UTC)))


def _say_versions(plan: Plan) -> None:
    """Everything that the figures depend on."""
    sent = _body(0, datetime.now(UTC))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ours = {"chartside": str(project["version"]), "Python": platform.python_version()}
    click.echo(f"One call: {len(sent) / 1000:.1f} KB, {body.resource_count(sent)} resources.")
    click.echo(_listed(ours | {name: version(name) for name in PACKAGES}))
    if plan.with_peer:
        click.echo(_listed(peer_side.versions(PEER_PYTHON)))


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())


def _print(figures: Mapping[str, Figures], memory: Mapping[str, float], probe: Sequence[float], plan: Plan) -> None:
    """Table, probe, ratio, doubts."""
    click.echo(f"\n{plan.rounds} rounds in turns, {plan.block} calls a block, one worker each, one call at a time.")
    click.echo(report.table(figures, memory))
    click.echo(f"{'probe: append + fdatasync, ms wall':42}{statistics.median(probe):10.3f}{min(probe):8.3f}")
    if PEER in figures:
        click.echo("\n" + report.ratio(figures[FRESH], figures[PEER]))
        click.echo("Signed with RS384: " + report.ratio(figures[FRESH_RSA], figures[PEER]))
    for doubt in report.doubts(probe, plan.rounds):
        click.echo(f"Doubt: {doubt}")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _progress(text: str) -> None:
    click.echo(f"… {text}", err=True)


if __name__ == "__main__":
    main()
