"""Words and marks that hidden plants are drawn from: harmless, and unknown to every edit.

A word of a plant stands in no wording of an edit and in no search's lexicon: `unknown_words` leaves
out what the source of `pyrite.exploits` has by now, and a test holds drawn plants to that. So a
seed draws other words once that source has another one of `WORDS`. All unknown words are part of
every case's vocabulary, so that a scan of the vocabulary can meet them.
"""

from __future__ import annotations

import random
import re
from functools import cache
from pathlib import Path

__all__ = ["COMMON", "MARKS", "WORDS", "made_token", "unknown_words"]


def _listed(words: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words.split()))


WORDS = _listed(
    """
    abacus acorn aerial agate alcove amber anvil apricot archway arrow aspen attic auburn awning
    badger balcony bamboo banjo barley barrel basalt basin bassoon beacon beaver bellow berry bicker
    birch bishop blazer blossom bobbin bonnet border bramble brass breeze bridle brisket bronze
    brook buckle bugle bunting burrow butler cabin cactus camel canal canopy canyon caramel caravan
    cargo carousel cavern cedar cellar chapel chariot cherry chestnut chimney cinder citadel
    clarinet cloak clover cobalt cobweb coconut collar comet copper coral corduroy cottage cradle
    crane crater cricket crimson crocus crystal cuckoo cupola curtain cushion cypress dahlia damsel
    dapple delta denim dimple dolphin domino donkey dragon drizzle eagle easel ebony elbow ember
    emerald engine envoy estuary fable falcon fennel ferry fiddle fjord flannel flask flint fossil
    foundry fountain foxglove fresco frigate furrow gable galaxy gallop garland garnet gazelle
    geyser ginger glacier goblet gondola gorge granite grove guitar gully hammock harbour harness
    harp hatchet hawthorn hazel hedgehog helmet heron hickory hollow honey hornet iceberg indigo
    inkwell jackal jasmine jigsaw jungle juniper kayak kernel kestrel kingdom kiosk kite lagoon
    larch lattice lava lavender lemon leopard lichen lilac linen lizard locket lotus lumber lupin
    lynx magnet mahogany mallet mango mantle marble marigold marmot marsh meadow medal meteor mill
    mirror monsoon mosaic moth muffin mural nectar needle nettles nickel nutmeg oasis oboe obsidian
    ocean ochre olive onyx opal orbit orchid osprey otter oyster paddle pagoda palace panther
    paprika parcel parrot pasture pearl pebble penguin pepper perch petal pewter piano pigeon pillow
    pine pirate plateau plum plume poplar poppy porcelain prairie prism pumpkin puppet quarry quartz
    quill quiver rabbit raccoon raft raisin rapids raven reef ridge rivet rooster ruby rudder rustic
    saddle saffron salmon sandal sapphire satchel scarlet scooter sequoia shamrock shepherd shovel
    sickle silk silo skylark sleigh sparrow spindle spruce squirrel stallion starling stork sundial
    swallow sycamore tadpole tapestry tartan teapot temple thicket thimble thistle thunder tiger
    timber topaz torch tower trellis trident trumpet tulip tundra tunic turban turnip turquoise twig
    umber urchin valley vanilla velvet veranda vessel viaduct vineyard violet viper volcano vulture
    waffle walnut walrus warbling weasel wharf whistler wicker willows windmill wizard wombat yarrow
    yonder zebra zenith zephyr
    """
)
"""Words of everyday English that no topic, opener or edit needs."""

COMMON = _listed(
    """
    the a of and to in is it that for on with as at by this from or an be are was not but have has
    had they you we he she his her its their our your my me him them us one two three four five all
    some any each every more most other such no only own same so than too very can will just should
    now new first last long great little good old right big high small large next early young
    important few public bad able time year people way day man thing woman life child world school
    state family student group country problem hand part place case week company system program
    question work government number night point home water room mother area money story fact month
    lot right study book eye job word business issue side kind head house service friend father
    power hour game line end member law car city community name president team minute idea kid body
    information back parent face others level office door health person art war history party result
    change morning reason research girl guy moment air teacher force education make know take see
    come think look want give use find tell ask seem feel try leave call
    """
)
"""Filler of the vocabulary."""

MARKS: tuple[str, ...] = (
    "~~", "¶", "//", "§", "::", "⟦", "⟧", ">>", "<<", "^^", "++", "&&", "%%", "¤", "†", "‡", "※",
    "◊", "∴", "∷", "⁂", "‖", "≡", "⊕", "↯", "☙", "❦", "⌘", "⍟", "◈", "▚", "⟡",
)  # fmt: skip
"""Marks that no edit writes in the forms that plants use."""


def made_token(rng: random.Random) -> str:
    """A token in the manner of templates that no template has, for example `<|vel_7|>`."""
    name = "".join(rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(2))
    return f"<|{name}_{rng.randint(2, 9)}|>"


@cache
def unknown_words() -> tuple[str, ...]:
    """The words of `WORDS` that stand nowhere in the source of edits and searches."""
    known = known_to_finders()
    return tuple(word for word in WORDS if word not in known)


@cache
def known_to_finders() -> frozenset[str]:
    """Every word in the source of `pyrite.exploits`, in lower case."""
    import pyrite.exploits

    folder = Path(pyrite.exploits.__path__[0])
    found: set[str] = set()
    for path in sorted(folder.rglob("*.py")):
        found |= set(re.findall(r"[^\W\d_]+", path.read_text(encoding="utf-8").lower()))
    return frozenset(found)
