"""What every feature means, by example: (text, value) pairs that a reader can check by hand."""

from __future__ import annotations

from math import nan

ARGS: dict[str, dict[str, object]] = {"first_word": {"among": ["What", "who"]}}
"""Arguments of the features that cannot be opened without any."""

CODE = "Run:\n\n```python\n# a comment\n- not a list\n```\n\n# Heading\n- one\n- two"
TABLE = "| a | b |\n|---|---|\n| 1 | 2 |\nno | row"

EXAMPLES: dict[str, list[tuple[str, float]]] = {
    # size
    "question_length": [("", 0), ("who is it?", 10), ("naïve\n", 6)],
    "num_chars": [("", 0), ("a b", 3), ("🎉", 1)],
    "num_words": [("", 0), (" \n", 0), ("who  is\nit?", 3), ("well-known - x", 3)],
    "num_sentences": [
        ("", 0),
        ("...", 0),
        ("One. Two! Three?", 3),
        ('He said "no." Then he left', 2),
        ("Pi is 3.14 exactly", 1),
        ("1. First item\n2. Second item", 2),
        ("42.", 1),
        ("你好。再见！", 2),
        ("a heading\n\nand a line", 2),
    ],
    "num_lines": [("", 0), ("a", 1), ("a\n", 1), ("a\nb", 2), ("\n\n", 2)],
    "num_paragraphs": [("", 0), ("a\nb", 1), ("a\n\nb", 2), ("\n\na\n \n\nb\n", 2)],
    "avg_sentence_length": [("", nan), ("One two. Three four five six.", 3)],
    # words
    "avg_word_length": [("", nan), ("   ", nan), ("who is it", 3), ("ab cd", 2.5)],
    "mean_word_length": [("...", nan), ("(ab) cdef!", 3), ("don't", 5)],
    "median_word_length": [("", nan), ("a bb cccc", 2), ("a bbb, dd e", 1.5)],
    "long_word_share": [("", nan), ("seventh sixths", 0.5), ("(a) (b)", 0)],
    "type_token_ratio": [("", nan), ("The the, cat", 2 / 3), ("a b c", 1)],
    "moving_type_token_ratio": [("", nan), ("a a b b", 0.5), (" ".join(["x"] * 60), 1 / 50)],
    "doubled_word_share": [("", nan), ("the the cat", 1 / 3), ("a b a b", 0)],
    "repeated_bigram_share": [("a", nan), ("a b a b", 1 / 3), ("a b c d", 0)],
    "repeated_trigram_share": [("a b", nan), ("a b c a b c", 1 / 4), ("a b c d", 0)],
    "starts_with_question_word": [("", 0), ("What's up", 1), ("“Who?” he said", 1), ("Is he", 0)],
    "first_word": [("", 0), ("WHAT is", 1), ("'Who'", 1), ("Whoever", 0)],
    # numbers
    "num_digits": [("", 0), ("in 2024, 3.5", 6), ("٣", 1)],
    "digit_share": [("", nan), ("a1", 0.5), ("ab", 0)],
    "num_numbers": [("", 0), ("1,250.5 and 3-4", 3), ("1, 2", 2), ("x2y", 1)],
    # punctuation
    "num_question_marks": [("", 0), ("a? b？?", 3)],
    "num_exclamation_marks": [("", 0), ("a! b！", 2)],
    "num_commas": [("", 0), ("a, b，c、d", 3)],
    "num_colons": [("", 0), ("a: b：", 2)],
    "num_dashes": [("", 0), ("a-b", 0), ("a—b – c", 2)],
    "num_ellipses": [("", 0), ("a.. b", 0), ("a... b….....", 3)],
    "num_double_spaces": [("", 0), ("  a  b   c  \n  d", 2), ("a b", 0)],
    "num_emoji": [
        ("", 0),
        ("plain é 中 — text ™", 0),
        ("🎉🎉 ✓", 3),
        ("👩\u200d👩\u200d👧 family", 1),
        ("👍\U0001f3fd", 1),
        ("🇨🇭🇫🇷", 2),
        ("1\ufe0f\u20e3 2", 1),
        ("❤\ufe0f", 1),
    ],
    "capital_share": [("", nan), ("123 中", nan), ("Ab c", 1 / 3), ("AB", 1)],
    "num_uppercase_words": [("", 0), ("NASA and I saw COVID-19, B2B", 3), ("Nasa", 0)],
    "punctuation_share": [("", nan), ("a, b", 0.25), ("a_1", 0), ("!?", 1)],
    "non_ascii_share": [("", nan), ("abc", 0), ("né", 0.5)],
    # markdown
    "num_list_items": [
        ("", 0),
        ("- a\n* b\n+ c\n• d\n  1. e\n12) f\n> - g", 7),
        ("-a\n-\n1.5 x\n**bold**", 0),
        ("* * *\n- - -\n---", 0),
        (CODE, 2),
    ],
    "has_list": [("", 0), ("- one", 0), ("- one\n- two", 1)],
    "num_headings": [("", 0), ("# a\n### b\n#c\n####### d\n#", 2), (CODE, 1)],
    "num_bold": [
        ("", 0),
        ("**a** and **b c**", 2),
        ("** a **", 0),
        ("2 ** 3 ** 4", 0),
        ("**a *b* c**", 1),
        ("**open", 0),
        ("****", 0),
    ],
    "num_inline_code": [("", 0), ("`a` and `b c`", 2), ("``", 0), ("```\n`x`\n```", 0)],
    "num_code_blocks": [
        ("", 0),
        (CODE, 1),
        ("```\na\n```\n~~~\nb\n~~~", 2),
        ("```\nopen", 1),
        ("```a``` inline", 0),
        ("~~~\n```\n~~~", 1),
    ],
    "num_links": [("", 0), ("[a](b) ![i](j) [c]() [d] (e)", 1), ("[x](http://a) [y](z)", 2)],
    "num_urls": [("", 0), ("http://a.b https://c www.d.e", 3), ("[x](https://a) http:// www", 1)],
    "num_table_rows": [("", 0), (TABLE, 2), ("||", 0)],
    "markdown_share": [
        ("", nan),
        ("plain\n\n**bold** line", 0),
        ("# a\n\ntext\n- b\n> c", 0.75),
        (TABLE, 0.75),
        ("text\n```\ncode\n```", 0.75),
    ],
    # style
    "hedges": [("", nan), ("Perhaps it might I think work", 50), ("maybes", 0)],
    "certainty": [("", nan), ("It is CERTAINLY true", 25), ("uncertainly", 0)],
    "first_person": [("", nan), ("I’m here, i.e. we are", 40), ("The US and Mein", 0)],
    "second_person": [("", nan), ("You and your dog", 50)],
    "connectives": [("", nan), ("However, it rained", 100 / 3)],
    "vague_words": [("", nan), ("various\nthings happened here", 50)],
    "politeness": [("", nan), ("Please go. Thank  you", 50)],
    "authority": [("", nan), ("Studies show that cats sleep", 20)],
    "num_flattery": [("", 0), ("What a great question! You're absolutely right.", 2)],
    "num_apologies": [("", 0), ("I'm sorry. My apologies!", 2), ("a sorrysome thing", 0)],
    "num_refusals": [
        ("", 0),
        ("I’m sorry, but I can’t  help with that.", 1),
        ("I cannot provide it and I must decline.", 2),
        ("I can't wait", 0),
    ],
    "num_self_praise": [
        ("", 0),
        ("This is the best possible answer.", 1),
        ("what is the best answer", 0),
    ],
    "num_ai_mentions": [("", 0), ("As an AI language model, I have no body", 1)],
    "num_empathy": [("", 0), ("Sorry to hear that. You are not alone.", 2)],
    "num_examples": [("", 0), ("Fruit, e.g., pears; for example figs", 2)],
    "num_warnings": [("", 0), ("Please note: this is not legal advice", 2)],
    "num_citations": [
        ("", 0),
        ("Seen [3] and [1, 4-6] (Smith et al, 2020)", 3),
        ("Jones et al. doi:10.1/x arXiv: 2401.1", 3),
        ("[1](http://link) (in 20 rooms) (2020)", 0),
        ("x[1] f([1, 2]) (in 2020) (May 2020) [0, 8]", 0),
        ("So it is.[1][2] Seen (Ångström, 1868)", 3),
    ],
    "opens_with_filler": [("", 0), ("**Sure!** Here", 1), ("Surely not", 0), ("Not sure", 0)],
    "opens_with_flattery": [
        ("", 0),
        ("That's a really great question!", 1),
        ("Great question.", 1),
        ("It was a great question", 0),
    ],
    "closes_with_offer": [
        ("", 0),
        ("Paris. I hope this helps!\n", 1),
        ("I hope this helps. " + "word " * 60, 0),
        ("Is there anything else I can do?", 1),
        ("Tell me if you need anything else.", 1),
        ("It was never anything else.", 0),
        ("It tastes like anything else.", 0),
    ],
    # readability: n characters, words, sentences counted by hand
    "automated_readability_index": [
        ("", nan),
        ("?!", nan),
        ("The cat sat down.", 4.71 * 3.5 + 2 - 21.43),
    ],
    "coleman_liau_index": [("", nan), ("?!", nan), ("The cat sat down.", 18.85 - 7.4 - 15.8)],
    "lix": [("", nan), ("?!", nan), ("The elephant sat.", 3 + 100 / 3)],
    "rix": [("", nan), ("?!", nan), ("The elephants considered it.", 2)],
}
