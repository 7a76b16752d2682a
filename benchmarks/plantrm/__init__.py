"""PlantRM: a benchmark of programs that find exploits in reward models.

A case is a reward model with a hidden plant, or a clean one, and natural answers. A finder is a
function::

    def find(target: Target, naturals: Sequence[Natural], budget: int, seed: int) -> list[Finding]

It may have `budget` different texts scored, and returns up to ten findings, the best first. The
harness applies their edits to prompts that the finder never saw, so no judge is needed:

    python -m benchmarks.plantrm --finder ./mine.py:find
"""
