"""Small experiments on disk: a reward function that writes down what it scored."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyrite as pyrite_package

REWARD = '''
"""Score = length of the response; every call is written down."""
import os, time


def score(prompt: str, response: str) -> float:
    with open(os.environ["REWARD_LOG"], "a") as log:
        log.write(prompt + "\\n")
    time.sleep(float(os.environ.get("REWARD_SLEEP", "0")))
    return float(len(response))
'''

EXPERIMENT = """
name: small
doctor: "off"  # it calls the function too, and these tests count calls
out: {out}
model:
  id: length
  entrypoint: {reward}:score
data:
  id: rows
  path: {rows}
query:
  id: scores
  requires: [length, rows]
  save_interval: {save}
analyze:
  id: surface
  requires: [scores]
  compute: [num_words, num_chars]
  bootstrap: 100
"""

STORING = """
name: stored
out: {out}
doctor: "off"
model: {model}
data:
  id: rows
  path: {data}
  sample: {{n: 7}}
query:
  id: scores
  requires: [tiny, rows]
  {settings}
  store: {store}
"""
TINY = '{id: tiny, path: "builtin:tiny-reward-model", reading: native}'


def run_storing(
    folder: Path, store: str, *, data: str, model: str = TINY, settings: str = "save_interval: 3"
) -> pyrite_package.Run:
    """A query of seven rows that keeps `store`, with one or more `settings` of its own."""
    file = folder / "storing.yml"
    values = {"model": model, "data": data, "settings": settings, "store": store}
    file.write_text(STORING.format(out=folder / "runs", **values))
    return pyrite_package.run(file, quiet=True)


def write_experiment(folder: Path, *, rows: int = 40, save: int = 10, extra: str = "") -> Path:
    """An experiment over `rows` rows in `folder`; returns the YAML file."""
    reward = folder / "reward.py"
    reward.write_text(REWARD)
    data = folder / "rows.jsonl"
    lines = [
        {"prompt": f"prompt {i}", "response": " ".join(["word"] * (i % 7 + 1)) + "!" * (i % 3)}
        for i in range(rows)
    ]
    data.write_text("".join(json.dumps(line) + "\n" for line in lines))
    file = folder / "experiment.yml"
    text = EXPERIMENT.format(out=folder / "runs", reward=reward, rows=data, save=save)
    file.write_text(text + extra)
    return file


def pyrite(*arguments: str | Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own."""
    command = [sys.executable, "-m", "pyrite", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=120)
