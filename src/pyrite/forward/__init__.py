"""Fast forward passes of decoders, exact in float32: the contract on one page.

A `Decoder` is a transformers decoder and the head that turns its vector at a text's last token
into a score. It gives scores of ids::

    Decoder ── score(texts)                      whole texts
            ├─ score_forest(forest)              many texts, all that any of them begin with alike
            └─ token_gradients(ids, positions)   d score / d one-hot of each token

A `Forest` is the one way to say what texts share: ends on a common beginning, swapped tokens,
several texts at once are all trees. It is made by `pyrite.scoring`, which finds in the ids what is
worth sharing; searches and steps only send their texts together.

What is run of a text: tokens after the one it is read at never (cut them off before; causal
attention cannot see them), what texts begin with once, in the last layer only the tokens that
are read. A score never depends on the texts beside it: to 1e-5 of the spread of scores, and texts
that are the same within one call get the same score to the bit.

How it is run, from the fastest that is right:

1. *lean*: the texts end to end without padding (`packing`), attention within each (`attention`) or
   between what is shared and each one's own part (`forest`), through the blocks of a family of
   architectures (`gptj`, `llama`). A family is told by the names of the weights, never by the name
   of a model, and is used only after it gave what the plain module gives on some texts of this
   very model (`proof`). Where it does not, or the configuration has an option that it does not
   know, it steps aside; `Decoder.told` says so.
2. *cached* (`cached`): the plain module with its own key and value cache, seen by many rows
   without a copy each; for forests of any causal architecture whose cache keeps all tokens and
   gives what whole texts give, which is tried once, before the first forest. A sliding window, or
   a state instead of a cache, keeps less: there texts are run whole.
3. *plain*: the module on whole texts.

The plain module of a scorer may be compiled (`compiling`), where that is asked for.

Gradients are always the plain module's, with the keys and values of what comes before the first
position kept. On a GPU the same ways are taken by plain torch operations, which has not been tested
on one. In short floats (bfloat16, float16) another order of sums moves scores about as far as the
rounding does; there the proof is made on a copy in float32, and in the short floats a way may not
err more than twice what the plain module does. Without room for the copy the plain module runs,
but for models that padding moves as far.
"""

from __future__ import annotations

from pyrite.forward.compiling import Compiled, Forward, compiled
from pyrite.forward.decoder import Decoder
from pyrite.forward.forest import Forest, Node
from pyrite.forward.lean import Lean
from pyrite.forward.proof import Head

__all__ = [
    "Compiled",
    "Decoder",
    "Forest",
    "Forward",
    "Head",
    "Lean",
    "Node",
    "compiled",
]
