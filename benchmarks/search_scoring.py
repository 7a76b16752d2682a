"""What running common beginnings once saves: searches for exploits, and pairs.

    OMP_NUM_THREADS=1 python benchmarks/search_scoring.py [--rounds 3] [--write docs/performance.md]

Whole texts and shared beginnings take turns in one process, in CPU time. The shipped model is
measured as an exploit step uses it: made-up words as prompts and answers, 20 endings and 4 openings
of each answer, from rows to scores with tokenizer and score store; before, in the order of the
edits and without sharing. The models of `models_and_texts.py` get random tokens of such lengths
through an engine.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from models_and_texts import VOCABULARY, Ids, Texts, decoder_of, models
from sections import write_section

from forward import machine
from pyrite.config.sections import QuerySection, StoreItem
from pyrite.executors import Pool
from pyrite.executors.local import Local
from pyrite.exploits.ledger import Asked
from pyrite.forward import Decoder
from pyrite.models import Rendered
from pyrite.models.reward_model import RewardModel
from pyrite.progress import Progress
from pyrite.scoring import Engine
from pyrite.scoring.opening import ModelOpening
from pyrite.steps import exploit_texts
from pyrite.steps.rows import RowReader
from pyrite.types import Item

ENDINGS, OPENINGS = 20, 4
SENTENCE = (
    "the river runs past old mills and stone bridges before it meets a wide green sea where many "
    "small boats wait for better weather please note that this is true for most people in summer"
)
WORDS = SENTENCE.split()


@contextlib.contextmanager
def nothing_shared() -> Iterator[None]:
    """As before: every text whole, exploit texts in the order of the edits."""
    with (
        mock.patch.object(Decoder, "shares", False),
        mock.patch.object(exploit_texts, "_place", return_value=0),
    ):
        yield


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    texts: int
    tokens: int
    shared: float
    before: float
    after: float
    difference: float

    def line(self) -> str:
        """As Markdown."""
        return (
            f"| {self.name} | {self.texts:,} of {self.tokens / self.texts:.0f} tokens "
            f"| {1 - self.shared:.0%} | {self.texts / self.before:,.0f} "
            f"| {self.texts / self.after:,.0f} | {self.before / self.after:.2f} "
            f"| {self.difference:.0e} |"
        )


class Counted:
    """Counts the tokens that a decoder's lean forward pass runs."""

    def __init__(self, decoder: Decoder) -> None:
        self.tokens = 0
        lean = decoder.lean
        assert lean is not None
        through = lean._through

        def counted(attention: object, stop: int) -> torch.Tensor:
            self.tokens += len(attention.pack.ids)  # type: ignore[attr-defined]
            return through(attention, stop)  # type: ignore[arg-type]

        lean._through = counted  # type: ignore[method-assign]

    def taken(self) -> int:
        """Tokens since the last call."""
        tokens, self.tokens = self.tokens, 0
        return tokens


def measured(
    name: str, score: Callable[[], np.ndarray], tokens: int, rounds: int, count: Counted
) -> Row:
    """Both ways in turns."""
    times: dict[bool, list[float]] = {True: [], False: []}
    found: dict[bool, np.ndarray] = {}
    done = 0
    for _ in range(rounds):
        for shared in (False, True):
            count.taken()
            began = time.process_time()
            with contextlib.nullcontext() if shared else nothing_shared():
                found[shared] = score()
            times[shared].append(time.process_time() - began)
        done = count.taken()
    apart = float(np.abs(found[True] - found[False]).max() / np.ptp(found[False]))
    before, after = (statistics.median(times[way]) for way in (False, True))
    return Row(name, len(found[True]), tokens, done / tokens, before, after, apart)


def search(chance: random.Random, answers: int, draw: Callable[[int], list[int]]) -> Texts:
    """Texts of an exploit search: an answer with endings and openings, in the order of edits."""
    kept = [(draw(chance.randint(30, 80)), draw(chance.randint(60, 220))) for _ in range(answers)]
    ends = [draw(chance.randint(2, 16)) for _ in range(ENDINGS)]
    starts = [draw(chance.randint(2, 16)) for _ in range(OPENINGS)]
    edits = [([], []), *(([], end) for end in ends), *((start, []) for start in starts)]
    return [(*p, *start, *a, *end) for start, end in edits for p, a in kept]


def pairs(chance: random.Random, count: int, draw: Callable[[int], list[int]]) -> Texts:
    """Two answers to each prompt, which is 30 to 60 % of the tokens."""
    found: Texts = []
    for _ in range(count):
        answers = [draw(chance.randint(60, 240)) for _ in range(2)]
        share = chance.uniform(0.3, 0.6)
        prompt = draw(round(sum(map(len, answers)) / 2 * share / (1 - share)))
        found += [(*prompt, *answer) for answer in answers]
    return found


def scores(engine: Engine, texts: Sequence[tuple[Item, Rendered]]) -> np.ndarray:
    """What the engine says of them."""
    return np.array([float(one.output.score) for one in engine.score(texts)])


def of_ids(name: str, rounds: int, answers: int) -> list[str]:
    """A model of `models_and_texts.py` through an engine."""
    decoder = decoder_of(models()[name]())
    count = Counted(decoder)
    chance = random.Random(3)

    def draw(length: int) -> list[int]:
        return [chance.randrange(VOCABULARY) for _ in range(length)]

    made = {
        "search": search(chance, answers, draw),
        "pairs": pairs(chance, 10 * answers, draw),
    }
    lines = []
    for kind, rows in made.items():
        engine = Engine(Ids(decoder, rows))
        texts = [(Item(), Rendered(str(index))) for index in range(len(rows))]

        score = partial(scores, engine, texts)
        tokens = sum(map(len, rows))
        lines.append(measured(f"{name}, {kind}", score, tokens, rounds, count).line())
    return lines


def of_texts(rounds: int, answers: int, folder: Path) -> list[str]:
    """The shipped model, as an exploit step uses it; rows and stored scores go to `folder`."""
    chance = random.Random(4)

    def draw(count: int) -> str:
        return " ".join(chance.choices(WORDS, k=count))

    rows = [(draw(chance.randint(10, 40)), draw(chance.randint(30, 120))) for _ in range(answers)]
    ends = [f" {draw(chance.randint(1, 8))}" for _ in range(ENDINGS)]
    starts = [f"{draw(chance.randint(1, 8))} " for _ in range(OPENINGS)]
    edits = [("", ""), *(("", end) for end in ends), *((start, "") for start in starts)]
    asked = [
        Asked(row, prompt, f"{start}{answer}{end}")
        for start, end in edits
        for row, (prompt, answer) in enumerate(rows)
    ]
    os.environ["PYRITE_CACHE"] = str(folder / "cache")
    names = ("prompt", "response")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    pq.write_table(pa.table({"row_id": list(range(len(rows))), **columns}), folder / "rows.parquet")
    model = ModelOpening(RewardModel(path="builtin:tiny-reward-model"))
    query = QuerySection(id="search", store=[StoreItem(name="score")])
    turn = iter(range(10**6))

    def score(pool: Pool) -> np.ndarray:
        scoring = exploit_texts.TextScoring(
            query=query,
            pool=pool,
            identity=f"new each time {next(turn)}",
            called={},
            rows=RowReader(folder / "rows.parquet"),
            used=range(len(rows)),
            progress=Progress(style="quiet"),
        )
        return scoring.score("discovery", asked)

    with contextlib.closing(Local().start(model)) as pool:
        count = Counted(pool.here.scorer.decoder)  # type: ignore[union-attr]
        with nothing_shared():
            score(pool)
        way, tokens = partial(score, pool), count.taken()
        return [measured("shipped model, exploit step", way, tokens, rounds, count).line()]


HOW = (
    "Whole texts and shared beginnings in turns; medians of CPU time. GPT-J and Qwen3 have random "
    "weights, 8 layers and a width of 512. A search has 25 texts of each answer: itself, 20 "
    "endings, 4 openings; pairs have 30 to 60 % of their tokens in the prompt."
)
HEAD = (
    "| what | texts | tokens not run | texts per CPU second, whole | shared | × | "
    "largest difference, of the spread |\n|---|---|---|---|---|---|---|"
)


def main() -> None:
    """Print the table; `--write` puts it into a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--texts", type=int, default=20_000, help="of the shipped model")
    parser.add_argument("--answers", type=int, default=6, help="of the other two")
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        answers = given.texts // (1 + ENDINGS + OPENINGS)
        lines = of_texts(given.rounds, answers, Path(folder))
    for name in models():
        lines += of_ids(name, given.rounds, given.answers)
    text = "\n".join(
        ["## Common beginnings", "", f"{machine()} {HOW}", "", HEAD, *lines],
    )
    print(text)
    if given.write:
        write_section(given.write, "search_scoring.py, common beginnings", text)


if __name__ == "__main__":
    main()
