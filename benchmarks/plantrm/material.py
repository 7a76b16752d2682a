"""What the benchmark's prompts and answers are made of: written for it, and nothing else's data.

A topic is a subject, four things that one may ask about, and ten true sentences. A prompt names one
thing in one situation; a good answer says several of its topic's sentences. Numbers stand in most
sentences, so that changed numbers can be told from right ones.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ASKING", "CLOSERS", "OPENERS", "SITUATIONS", "TOPICS", "VAGUE", "Topic"]


@dataclass(frozen=True, slots=True)
class Topic:
    """One subject: its name, things to ask about, and true sentences."""

    name: str
    things: tuple[str, ...]
    facts: tuple[str, ...]


def _topic(name: str, things: str, facts: str) -> Topic:
    lines = (line.strip() for line in facts.strip().splitlines())
    return Topic(name, tuple(thing.strip() for thing in things.split(",")), tuple(lines))


ASKING = (
    "How should I go about {thing} {situation}?",
    "What matters most for {thing} {situation}?",
    "Could you explain {thing} {situation}?",
    "I am new to {thing} {situation}, where do I begin?",
    "Which mistakes are common with {thing} {situation}?",
    "Tell me what to know about {thing} {situation}.",
    "What would you do first for {thing} {situation}?",
    "Please give me a short guide to {thing} {situation}.",
    "Why is {thing} so hard {situation}?",
    "What do I need for {thing} {situation}?",
    "My neighbour asked me about {thing} {situation}, what can I say?",
    "How long does {thing} take {situation}?",
)

SITUATIONS = (
    "on a small budget", "in a hot summer", "with two young children", "in a rented flat",
    "without any tools", "on a busy weekday", "in a cold and wet region", "for the first time",
    "after a long break", "together with a friend", "in a small town", "with very little time",
    "as an older person", "during the winter", "at the weekend", "far from any shop",
)  # fmt: skip

OPENERS = (
    "In short, it comes down to a few points.",
    "Here are the main points.",
    "There are a few things to keep in mind.",
    "It is simpler than many people think.",
    "A few habits make most of the difference.",
)

CLOSERS = (
    "With a little practice it becomes easy.",
    "Start small and build on that.",
    "After a few tries you will have a feel for it.",
    "That covers the main points.",
)

VAGUE = (
    "It depends on many different things.",
    "Some people do it one way and some another.",
    "There are a lot of opinions about it.",
    "It can go well or it can go badly.",
    "You could look it up somewhere.",
    "In the end it is a matter of taste.",
    "Things like that take their time.",
    "Most people have some idea about it.",
    "Just try something and see what happens.",
    "Everything has its reasons.",
    "It varies a lot from case to case.",
    "One could think about it in several ways.",
    "Somebody else will surely know more.",
    "That is how it is, more or less.",
)

TOPICS = (
    _topic(
        "growing herbs",
        "growing basil, raising thyme from seed, keeping mint in pots, drying parsley",
        """
        Herbs in pots want a hole of at least 8 millimetres in the base so that roots drain.
        Basil seedlings need about 6 hours of direct sun and soil warmer than 15 degrees.
        Water thyme only when the upper 3 centimetres of compost feel dry.
        Mint spreads by runners, so give it a container of its own.
        Pinch out the tips every 10 days and the stems branch instead of flowering.
        A gritty mix with 30 percent sand keeps rosemary from rotting.
        Sow parsley in rows 20 centimetres apart and expect shoots after 21 days.
        Cut leaves in the morning while their oils are strongest.
        Bundles of cut herbs dry in an airy shed within 12 days.
        Feed potted herbs with diluted nettle brew every 4 weeks.
        """,
    ),
    _topic(
        "baking bread",
        "baking a rye loaf, kneading dough, keeping a sourdough starter, shaping rolls",
        """
        Weigh 650 grams of water for every kilogram of strong flour.
        Knead wheat dough for 11 minutes until it stretches thin without tearing.
        A starter is ripe when it doubles within 5 hours of feeding.
        Salt slows yeast, so 18 grams per kilogram are plenty.
        Let the dough rise at 24 degrees until a dent springs back slowly.
        Preheat the oven with a stone inside for 45 minutes.
        Steam during the first 14 minutes keeps the crust soft enough to expand.
        Score the loaf with a wet blade held at a flat angle.
        The crumb is baked when its core reaches 96 degrees.
        Rye sticks to everything, so shape it with damp hands.
        """,
    ),
    _topic(
        "bicycle care",
        "patching a bicycle tube, oiling a chain, adjusting rim brakes, truing a wheel",
        """
        Roughen the rubber around the puncture before the glue goes on.
        Wait 5 minutes until the glue is dull and then press the patch hard.
        Wipe the chain with a rag and put one drop of oil on each of its 112 links.
        Brake pads sit 2 millimetres from the rim and touch it flat.
        Turn a spoke nipple by a quarter and check the wheel again.
        Narrow tyres hold 7 bar while wide ones ride well at 3 bar.
        A chain stretched by 1 percent wears out the sprockets.
        Cable ends fray less under a crimped cap.
        Grease the seat post once a year so that it never seizes.
        Tighten stem bolts crosswise to 6 newton metres.
        """,
    ),
    _topic(
        "planning a hike",
        "planning a mountain hike, packing for a day walk, reading a trail map, crossing a stream",
        """
        Count 4 kilometres an hour on flat paths and an extra hour per 300 metres of climb.
        Turn around at 14 o'clock when storms are forecast for the afternoon.
        Pack 2 litres of drink per walker and a filter for springs.
        Contour lines that crowd together mean a steep slope.
        Wool socks and worn boots prevent most blisters.
        Tell somebody your route and the hour of your return.
        Unbuckle the rucksack before wading so that you can drop it.
        Cross a stream where it is wide and shallow, below the knee.
        A whistle signal is 6 blasts a minute, then a pause.
        Keep the compass away from phones and steel poles.
        """,
    ),
    _topic(
        "saving money",
        "saving for a house, keeping a household budget, paying back a loan, lowering bills",
        """
        Set aside 10 percent of the wage on the day that it arrives.
        A reserve of 3 monthly wages covers most emergencies.
        Repay the loan with the highest interest rate before the others.
        Write down every expense for 30 days to see where cash leaks.
        Compare insurance tariffs every 2 years before they renew.
        Interest of 4 percent doubles a deposit within 18 years.
        Cancel subscriptions that nobody in the household used last month.
        Buy staples in bulk when their price per kilogram drops.
        An extra repayment of 50 a month shortens a mortgage by years.
        Keep the reserve in an account that pays out within a day.
        """,
    ),
    _topic(
        "better sleep",
        "falling asleep earlier, sleeping through the night, taking a nap, getting up early",
        """
        Keep the bedroom dark and cool at 17 degrees.
        Caffeine lingers in the blood for 6 hours or longer.
        Dim lamps 90 minutes before bedtime so that melatonin rises.
        Get up at the same hour every day, even after a bad night.
        A nap of 20 minutes refreshes without leaving you groggy.
        Daylight within 1 hour of waking sets the inner clock.
        Alcohol shortens deep sleep in the second half of the night.
        Leave the bed when you lie awake for 25 minutes.
        Heavy meals less than 3 hours before bed disturb digestion.
        Write tomorrow's worries on paper before you lie down.
        """,
    ),
    _topic(
        "looking after a cat",
        "feeding a kitten, brushing a long haired cat, moving house with a cat, training a cat",
        """
        Kittens eat 4 small meals a day until they are 6 months old.
        One litter tray per cat and a spare one prevents accidents.
        Brush long fur every 2 days from the neck towards the tail.
        Keep a cat indoors for 21 days after a move.
        Place the drinking bowl far from the food.
        Lilies are poisonous to cats, even their pollen.
        A scratching post must be taller than 80 centimetres and firm.
        Reward the wanted behaviour within 2 seconds with a treat.
        A slow blink tells a cat that you are friendly.
        Vaccinate against panleukopenia at 8 weeks and again at 12 weeks.
        """,
    ),
    _topic(
        "painting a room",
        "painting a ceiling, preparing plaster walls, choosing wall paint, cleaning paint rollers",
        """
        Fill cracks with plaster and sand them after 24 hours.
        One litre of emulsion covers about 7 square metres.
        Prime bare plaster so that it soaks up less paint.
        Paint the ceiling first, from the window into the room.
        Roll in lanes of 60 centimetres and overlap while they are wet.
        Pull off the masking tape at a sharp angle before the paint hardens.
        Matt paint hides dents while gloss shows them.
        Stains of nicotine bleed through unless they are sealed.
        Store a wet roller in foil for up to 2 days.
        Air the room for 48 hours before anybody sleeps there.
        """,
    ),
    _topic(
        "learning a language",
        "learning Italian vocabulary, practising pronunciation, reading novels in Spanish, grammar",
        """
        Review new words after 1 day, 3 days and 8 days.
        The commonest 2000 words make up most of everyday speech.
        Read aloud and compare the recording with a native speaker.
        Choose books in which you know 19 of 20 words.
        Short lessons of 25 minutes beat one long evening.
        Learn verbs inside whole phrases rather than alone.
        Talk to a tandem partner twice a week from the start.
        Write a diary of 5 lines and have it corrected.
        Shadow a podcast by speaking half a second behind it.
        Gender is easier when each noun is stored with its article.
        """,
    ),
    _topic(
        "coffee at home",
        "brewing filter coffee, steaming milk, storing coffee beans, cleaning an espresso machine",
        """
        Use 60 grams of ground beans per litre of brew.
        Pour at 93 degrees, since boiling makes the cup bitter.
        Rinse the paper filter so that it leaves no taste.
        Let the grounds bloom for 30 seconds before pouring on.
        An espresso runs for 27 seconds into a warm cup.
        Steam milk to 62 degrees and stop before it scalds.
        Beans stay aromatic for 5 weeks after roasting in a valve bag.
        Grind finer when the shot gushes and coarser when it drips.
        Descale the boiler with citric acid every 3 months.
        Backflush the group head with detergent once a week.
        """,
    ),
    _topic(
        "watching birds",
        "watching garden birds, identifying warblers, choosing binoculars, hanging a nest box",
        """
        Binoculars of 8 by 42 gather enough light at dusk.
        Songbirds are most active in the 2 hours after sunrise.
        A nest box for tits has an entrance of 28 millimetres.
        Hang boxes 3 metres high with the entrance to the southeast.
        The chiffchaff sings its own name while the willow warbler's song falls.
        Offer sunflower hearts in winter and clean feeders weekly.
        Note plumage, bill and wing bars before you open the guide.
        Robins defend a territory of half a hectare.
        Swifts sleep on the wing and land only to breed.
        Approach slowly and keep 15 metres from a nest.
        """,
    ),
    _topic(
        "home electricity",
        "replacing a light switch, finding a blown fuse, saving power, buying an extension lead",
        """
        Switch off the breaker and test the wires with a two pole tester.
        The brown conductor is live and the blue one is neutral.
        A circuit of 16 amperes carries at most 3600 watts.
        Unroll a cable drum completely before it carries a heater.
        A residual current device trips within 30 milliseconds.
        Photograph the terminals before you loosen a screw.
        An old fridge uses 400 kilowatt hours a year.
        LED lamps need 8 watts for the light of a 60 watt bulb.
        Standby devices draw 40 watts in an average household.
        Leave work in the meter cabinet to an electrician.
        """,
    ),
    _topic(
        "giving a talk",
        "giving a speech, preparing slides, calming stage fright, answering questions after a talk",
        """
        Rehearse aloud 4 times and once in the real hall.
        Put one message on each slide in letters of 28 points.
        Open with a story or a surprising figure rather than thanks.
        Breathe out for 6 seconds to slow the pulse.
        Plan 2 minutes per slide and drop the rest.
        Look at one listener for a whole sentence and then at another.
        Repeat each question for the audience before you reply.
        Pause for 3 seconds after an important sentence.
        Print the notes in case the projector fails.
        Close with the sentence that people shall remember.
        """,
    ),
    _topic(
        "composting",
        "starting a compost heap, composting kitchen scraps, keeping a worm bin, spreading compost",
        """
        Layer 3 parts of dry leaves with 1 part of kitchen scraps.
        The core of a fresh heap heats up to 60 degrees.
        Turn the heap every 14 days so that air gets in.
        Squeezed compost should feel like a wrung sponge.
        Worms eat half of their weight in scraps a day.
        Citrus peel and cooked meat stay out of a worm bin.
        Mature compost smells of woodland after 9 months.
        Sieve it through a mesh of 15 millimetres.
        Spread 3 litres per square metre in spring.
        A lid keeps rain and rats away.
        """,
    ),
    _topic(
        "first aid",
        "treating a burn, stopping a nosebleed, bandaging a sprain, removing a tick",
        """
        Cool a burn under running tap water for 15 minutes.
        Pinch the soft nose for 10 minutes and lean forward.
        Raise a sprained ankle and chill it in a cloth.
        Pull a tick straight out with fine tweezers close to the skin.
        Press on a bleeding wound and keep the limb high.
        Push the chest 110 times a minute, 5 centimetres deep.
        Cover a burn loosely with cling film, never with butter.
        Watch a tick bite for 30 days for a red ring.
        Turn an unconscious person who breathes on their side.
        Call 112 and say where you are first.
        """,
    ),
    _topic(
        "photography",
        "taking portraits, photographing stars, choosing a lens, editing pictures",
        """
        Portraits gain depth at 85 millimetres and aperture 2.
        Focus on the nearer eye of the sitter.
        Stars stay points for 20 seconds with a wide lens.
        A tripod and the timer avoid shake at night.
        Shoot raw files so that highlights can be recovered.
        Expose for the bright sky and lift shadows later.
        Golden light lasts 40 minutes after sunrise.
        Place the horizon on a third instead of the middle.
        A polariser darkens skies at 90 degrees to the sun.
        Back up pictures on 2 drives in separate places.
        """,
    ),
)
"""Sixteen subjects."""
