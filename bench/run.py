"""`manage.py bench`: rounds, noise, the table and the document. Exit 0 done, 1 results differ or a guard broke, 2 refused."""

import importlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import check, cluster, machine, report
from bench.data import generate
from bench.report import Row
from bench.workers import CallError

SUITES = ("metrics", "pages", "survey", "results", "mail", "health", "evidence")  # those built
NAMED = ("metrics", "intake", "pages", "survey", "results", "mail", "health", "evidence", "all")
QUICK = ("1k", "10k")
DONE, DIFFERENT, REFUSED = 0, 1, 2
Say = Callable[[str], None]


@dataclass
class Noise:
    """Rounds asked for, rounds thrown away; `anyway` keeps noisy rounds, which then prove nothing."""

    rounds: int
    say: Say
    anyway: bool = False
    measured: int = 0
    discarded: int = 0
    noisy: int = 0
    seen: list[tuple[float, float]] = field(default_factory=list)

    def quiet_rounds(self) -> Iterator[int]:
        """Numbers of rounds; one is discarded when two processes do less than 1.3 times the work of one, or one starves."""
        for number in range(self.rounds):
            ratio, share = machine.two_for_one(), machine.own_share()
            self.seen.append((round(ratio, 2), round(share, 2)))
            is_noisy = ratio < machine.QUIET or share < machine.ALONE
            if is_noisy and not self.anyway:
                self.discarded += 1
                self.say(
                    f"  round {number + 1} discarded: two do {ratio:.2f} x one, one gets {share:.0%} of a core"
                )
                continue
            self.noisy += is_noisy
            self.measured += 1
            yield number

    @property
    def too_noisy(self) -> bool:
        return 2 * (self.discarded + self.noisy) > self.measured + self.discarded


def main(
    *, suite: str, scales: Sequence[str], rounds: int, gate: bool, target: Path | None, anyway: bool, say: Say
) -> int:  # fmt: skip
    """Run the suites, print the table, write the document."""
    refusal = refused(suite, scales, rounds)
    if refusal:
        say(refusal)
        return REFUSED
    chosen = SUITES if suite == "all" else (suite,)
    if suite == "all":
        say(f"Suites not built yet: {', '.join(n for n in NAMED[:-1] if n not in SUITES)}")
    noise = Noise(rounds, say, anyway)
    rows: list[Row] = []
    try:
        with cluster.running() as server:
            before = machine.described()
            for name in chosen:
                module = importlib.import_module(f"bench.suites.{name}")
                for scale in scales:
                    say(f"{name} at {scale} ...")
                    rows += module.run(server, scale, noise.quiet_rounds)
                rows += module.slopes(rows)
            head = {
                "machine": before
                | {"load_after": machine.described()["load"], "two_for_one_and_share": noise.seen},
                "versions": machine.versions(server),
                "settings": machine.settings(server),
            }
    except (check.DifferError, CallError) as error:
        say(f"No times: {error}")
        return DIFFERENT
    head |= {
        "when": datetime.now(UTC).isoformat(timespec="minutes"),
        "scale": list(scales),
        "rounds": noise.measured,
        "discarded": noise.discarded,
        "noisy": noise.noisy,
    }
    return finished(rows, head, noise, gate=gate, target=target, say=say)


def finished(
    rows: Sequence[Row], head: dict[str, Any], noise: Noise, *, gate: bool, target: Path | None, say: Say
) -> int:  # fmt: skip
    """Print and write; the exit code."""
    say(report.table(rows))
    if target is not None:
        text = json.dumps(report.document(rows, **head), indent=1, ensure_ascii=False)
        target.write_text(text + "\n", encoding="utf-8")
    if noise.too_noisy:
        say(
            f"machine too noisy: {noise.discarded} rounds discarded, {noise.noisy} kept by --anyway; no figure is a claim"
        )
        return REFUSED
    broken = [
        text
        for name in SUITES
        for text in importlib.import_module(f"bench.suites.{name}").broken_guards(rows)
    ]
    if gate and broken:
        say("\n".join(broken))
        return DIFFERENT
    return DONE


def refused(suite: str, scales: Sequence[str], rounds: int) -> str:
    """Why this cannot be run; empty when it can."""
    if suite not in NAMED:
        return f"There is no suite {suite}. There are: {', '.join(NAMED)}."
    if suite not in (*SUITES, "all"):
        return f"The suite {suite} is not built yet. Built are: {', '.join(SUITES)}."
    unknown = [scale for scale in scales if scale not in generate.SCALES]
    if unknown:
        return f"There is no scale {', '.join(unknown)}. There are: {', '.join(generate.SCALES)}."
    if rounds < 1:
        return "At least one round is needed: --rounds 3."
    return ""
