"""Which features are worth computing: those that differ between the texts at hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

__all__ = ["CANDIDATES", "features_for"]

CANDIDATES = (
    "num_words", "num_sentences", "num_list_items", "num_bold", "num_headings", "num_code_blocks",
    "opens_with_flattery", "opens_with_filler", "closes_with_offer", "num_exclamation_marks",
    "hedges", "num_refusals", "num_digits", "avg_word_length", "type_token_ratio",
)  # fmt: skip
"""Known ways of pleasing a reward model first, what any text has last."""

_MOST = 10
_LEAST_SHARE = 0.02


def features_for(texts: Sequence[str]) -> list[str]:
    """Names of features that vary over the texts; `num_chars` where none of the candidates does."""
    from pyrite.features import FEATURES, Feature

    kept = []
    for name in CANDIDATES:
        feature = FEATURES.get(name)()
        assert isinstance(feature, Feature)
        if _varies(feature.compute(texts).tolist()):
            kept.append(name)
    return kept[:_MOST] or ["num_chars"]


def _varies(values: Sequence[float]) -> bool:
    """Whether at least two texts, and one in fifty, differ from the most common value."""
    finite = [value for value in values if value == value]
    if not finite:
        return False
    common = Counter(finite).most_common(1)[0][1]
    return len(finite) - common >= max(2, _LEAST_SHARE * len(finite))
