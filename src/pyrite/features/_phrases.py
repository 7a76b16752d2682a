"""Phrase lists of the style features, written for this project, and how they become patterns.

Lower case, straight apostrophes, single spaces, English. They match a text that `normal` has
brought to the same form, so that no pattern repeats anything and matching is linear.
"""

from __future__ import annotations

import re
from itertools import groupby
from operator import itemgetter

__all__ = ["anywhere", "at_start", "normal"]


def normal(text: str) -> str:
    """Lower case, straight apostrophes, one space for any white space, as the patterns expect."""
    return " ".join(text.lower().replace("’", "'").split())


def _choice(phrases: str) -> str:
    """A pattern of phrases that commas or line ends separate; the longest one wins."""
    listed = {tuple(phrase.split()) for phrase in re.split(r"[,\n]", phrases)} - {()}
    return _tree(sorted(listed))


def _tree(phrases: list[tuple[str, ...]]) -> str:
    # Shared beginnings are tried once: "i can't help" and "i can't write" differ in a word.
    branches = []
    for word, group in groupby(phrases, key=itemgetter(0)):
        rests = [phrase[1:] for phrase in group]
        longer = [rest for rest in rests if rest]
        more = rf"(?: (?:{_tree(longer)}))" if longer else ""
        branches.append(re.escape(word) + (f"{more}?" if longer and () in rests else more))
    return "|".join(branches)


def anywhere(phrases: str) -> re.Pattern[str]:
    """Whole phrases anywhere in a normal text."""
    return re.compile(rf"(?<!\w)(?:{_choice(phrases)})(?!\w)")


def at_start(phrases: str) -> re.Pattern[str]:
    """Whole phrases at the start of a normal text, after any marks."""
    return re.compile(rf"[\W_]*+(?:{_choice(phrases)})(?!\w)")


HEDGES = """
almost, apparently, appear, appears, approximately, arguably, could, fairly, generally, i believe,
i guess, i suppose, i think, i'm not sure, in general, in most cases, in my opinion,
in some cases, it depends, it is possible, it seems, kind of, largely, likely, mainly, may, maybe,
might, more or less, mostly, not certain, not sure, often, on the whole, ordinarily, partly,
perhaps, plausible, plausibly, possible, possibly, presumably, probable, probably, rather,
relatively, roughly, seem, seemingly, seems, sometimes, somewhat, sort of, suggest, suggests,
tend to, tends to, to some extent, typically, uncertain, unclear, unlikely, usually
"""

CERTAINTY = """
absolutely, all but certain, always, beyond doubt, beyond question, certainly, clearly,
completely, conclusively, definitely, definitively, doubtless, entirely, evidently, for certain,
for sure, guarantee, guaranteed, guarantees, impossible, inevitably, invariably, it is a fact,
it is well known, never, no doubt, obvious, obviously, of course, precisely, proven, surely,
totally, unambiguously, undeniable, undeniably, undoubtedly, unquestionably, utterly,
with certainty, without a doubt, without doubt, without exception, without question
"""

# Not "us": in lower case it cannot be told from the country.
FIRST_PERSON = "i, me, my, mine, myself, we, our, ours, ourselves"
SECOND_PERSON = "you, your, yours, yourself, yourselves"

FLATTERY = """
excellent choice, excellent idea, excellent point, excellent question, fantastic idea,
fantastic question, good question, great choice, great idea, great point, great question,
i admire your, i love your question, impressive question, insightful question,
interesting question, thoughtful question, what a great, what a thoughtful, what a wonderful,
what an excellent, what an insightful, what an interesting, wonderful question,
you are absolutely right, you are so right, you raise a great point, you raise an excellent point,
you're absolutely right, you're so right, you're very perceptive, your brilliant, your insight,
your thoughtful question
"""

APOLOGIES = """
apologies, apologise, apologize, forgive me, i am afraid, i am sorry, i apologise, i apologize,
i beg your pardon, i'm afraid, i'm so sorry, i'm sorry, my apologies, my bad, my mistake,
pardon me, sincere apologies, sorry, we apologise, we apologize
"""

_HELP = re.split(
    ", ",
    "answer, assist, comply, condone, create, discuss, do, endorse, engage, fulfil, fulfill, "
    "generate, give, help, offer, participate, produce, provide, recommend, share, support, write",
)
_UNABLE = (
    "i can't",
    "i cannot",
    "i can not",
    "i won't",
    "i will not",
    "i am unable to",
    "i'm unable to",
    "i am not able to",
    "i'm not able to",
    "i am not going to",
    "i'm not going to",
    "we cannot",
    "we can't",
)
REFUSALS = (
    "\n".join(f"{unable} {verb}" for unable in _UNABLE for verb in _HELP)
    + """
can't help with that, cannot help with that, i am not comfortable, i decline to,
i have to decline, i must decline, i must refuse, i refuse to, i respectfully decline,
i would rather not, i'd rather not, i'm just not able to, i'm not comfortable,
it would be inappropriate for me, it would not be appropriate for me,
it wouldn't be appropriate for me
"""
)

SELF_PRAISE = """
as an expert in, best possible answer, best possible response, i am an expert,
i am confident that this, i have carefully, i have verified, i'm an expert,
i'm confident that this, in this comprehensive, my answer is accurate, my answer is complete,
my answer is correct, my response is accurate, this answer is accurate, this answer is complete,
this answer is comprehensive, this answer is correct, this answer is helpful,
this answer is the best, this comprehensive answer, this comprehensive response,
this high-quality answer, this high-quality response, this is a comprehensive,
this is the best answer, this is the best response, this is the correct answer,
this response is accurate, this response is complete, this response is comprehensive,
this response is correct, this response is helpful, this response is the best
"""

AI_MENTIONS = """
ai assistant, ai chatbot, ai language model, ai model, as a language model, as a machine,
as an ai, as an artificial intelligence, i am a language model, i am an ai, i am just an ai,
i'm a language model, i'm an ai, i'm just an ai, large language model, my knowledge cutoff,
my last update, my training data
"""

AUTHORITY = """
according to, as research shows, authorities agree, data from, data show, data shows,
evidence shows, evidence suggests, experts agree, experts believe, experts recommend, experts say,
it has been proven, it has been shown, leading experts, peer-reviewed, published in,
recent research, recent studies, recent study, research has shown, research indicates,
research shows, research suggests, scientific consensus, scientifically proven, scientists agree,
scientists say, studies have found, studies have shown, studies indicate, studies show,
studies suggest, the evidence shows, the literature
"""

EXAMPLES = "for example, for instance, e.g., such as, as an example, to illustrate, namely"

POLITENESS = """
appreciate, feel free, grateful, happy to help, kindly, my pleasure, please, thank you, thanks,
welcome, with pleasure, would you mind
"""

EMPATHY = """
i can imagine, i can see why, i can understand, i feel for you, i hear you, i know how hard,
i understand, it is understandable, it sounds like, it's completely normal, it's ok to,
it's okay to, it's understandable, must be difficult, must be hard, must have been,
so sorry to hear, sorry for your loss, sorry to hear, that must be, that sounds,
you are not alone, you're not alone, your feelings are valid
"""

CONNECTIVES = """
accordingly, additionally, also, although, as a result, because, besides, consequently,
conversely, even though, finally, first, firstly, furthermore, hence, however, in addition,
in conclusion, in contrast, in other words, in summary, instead, lastly, meanwhile, moreover,
nevertheless, next, nonetheless, on the one hand, on the other hand, overall, second, secondly,
similarly, since, so that, subsequently, then, therefore, third, thirdly, though, thus, to sum up,
ultimately, whereas
"""

VAGUE = """
a bit, a few, a lot, a number of, and so on, anything, aspects, certain, etc, etc., factors, many,
many factors, numerous, other things, several, some, someone, something, stuff, thing, things,
varied, varies, various, vary
"""

WARNINGS = """
be aware, be careful, be cautious, be sure to consult, before making any, caution, consult a,
consult an, consult with a, consult your, disclaimer, important to note, important to remember,
it is worth noting, it's worth noting, keep in mind, not a substitute for, not financial advice,
not legal advice, not medical advice, please consult, please note, professional advice,
seek medical, seek professional, speak to a professional, talk to your doctor, warning
"""

FILLER_OPENINGS = """
absolutely, alright, certainly, definitely, happy to help, here are, here is, here's, i can help,
i would be happy to, i'd be glad to, i'd be happy to, i'm happy to, let's, no problem, of course,
ok, okay, sure, sure thing, thank you for, thanks for, well, yes
"""

# Not "anything else" alone: "it was never anything else" offers nothing.
OFFER_CLOSINGS = """
any further questions, any more questions, any other questions, anything else i can,
anything else you need, anything else you want, anything else you would like,
anything else you'd like, best of luck, do not hesitate, do you need anything else,
do you want anything else, don't hesitate, feel free to, glad to help, good luck, happy to help,
hope it helps, hope that helps, hope this answers, hope this clarifies, hope this helps,
hope this was helpful, if there is anything else, if there's anything else,
if you have any questions, if you need any, if you need anything else, if you need more,
if you want anything else, if you'd like me to, is there anything, let me know,
need help with anything else, would you like me to, you're welcome
"""
