"""Shares with their intervals."""

from __future__ import annotations

__all__ = ["interval", "share"]


def interval(hits: int, total: int, confidence: float = 0.95) -> tuple[float, float]:
    """Clopper and Pearson's exact interval of a share (Biometrika 26, 1934)."""
    from scipy.stats import binomtest

    found = binomtest(hits, total).proportion_ci(confidence, method="exact")
    return float(found.low), float(found.high)


def share(hits: int, total: int, what: str) -> str:
    """`3 of 16 texts (19 %, 95 % interval 4 to 46 %)`."""
    if not total:
        return f"0 of 0 {what}"
    low, high = interval(hits, total)
    return f"{hits} of {total} {what} ({hits / total:.0%}, 95 % interval {low:.0%} to {high:.0%})"
