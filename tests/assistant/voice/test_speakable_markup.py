"""Markup of replies that come in pieces: what is said does not depend on the pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.voice.sentences import SentenceSplitter, split_sentences
from assistant.voice.speakable import speakable


def said(text: str) -> list[str]:
    """Returns what is spoken of a reply, piece by piece."""
    spoken = (speakable(piece) for piece in split_sentences([text], first_clause_words=0))
    return [piece for piece in spoken if piece]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Here is the code: ```python\nprint(1)\n\nfor i in range(3):\n    print(i)\n``` "
            "That is all. Good luck!",
            ["Here is the code:", "That is all.", "Good luck!"],
        ),
        (
            "Here it is.\n\n```python\nx = 1\n\ny = 2\n```\n\nThat is all. Good luck!",
            ["Here it is.", "That is all.", "Good luck!"],
        ),
        ("~~~\nx. y.\n\nz\n~~~\nDone. Bye.", ["Done.", "Bye."]),
        ("```js\nlet a = 1; // it. Is.\n```\nOk. ```\nb\n\nc\n``` Bye.", ["Ok.", "Bye."]),
        ("Never closed. ```\nx\n\ny. Z", ["Never closed."]),
        ("See [my page. It is good](http://a.b/c) now.", ["See my page. It is good now."]),
        ("Look at [the map](https://x.y/a_(b)?q=1.2) here.", ["Look at the map here."]),
        ("![A cat. It sleeps](cat.png) Cute.", ["A cat. It sleeps Cute."]),
        ("Ask <https://www.example.com/x>. Now.", ["Ask example dot com.", "Now."]),
        ("<think>The user is sad. Be kind.</think> I am sorry.", ["I am sorry."]),
        ("<thinking>\nA.\n\nB.\n</thinking>\n\nHello. You.", ["Hello.", "You."]),
        ("[THINK]Hm. Well.[/THINK]Hi there.", ["Hi there."]),
        ("<reasoning>Hm. Well.</reasoning><answer>Yes. Go on.</answer>", ["Yes.", "Go on."]),
        ("<think>It never ends. So.", []),
        ("He is sad, I think.\n</think>\n\nI am sorry. Go.", ["I am sorry.", "Go."]),
        ("He, I think, is sad[/THINK]I am sorry.", ["I am sorry."]),
        ("Fine.<!-- do not. Say this. --> Bye.", ["Fine.", "Bye."]),
        ('<p class="a b">One. Two.</p><br/>Three.', ["One.", "Two. Three."]),
        ("<|im_start|>Hello. You.<|im_end|>", ["Hello.", "You."]),
        ("a <b and b> c", ["a less than b and b greater than c"]),
        ("if x<y and y>z then", ["if x less than y and y greater than z then"]),
        ("1 < 2 and 3 > 2", ["one less than two and three greater than two"]),
        ("I <3 you", ["I love you"]),
        ("Thanks <3 Bye.", ["Thanks Bye."]),
        ("Hello <name>, welcome", ["Hello name, welcome"]),
        ("Hi! :-) How are you? :D", ["Hi!", "How are you?"]),
        ("Fine ;) and you :( then xD ok ^_^ yes T_T", ["Fine and you then ok yes"]),
        ("thanks:) Bye", ["thanks Bye"]),
        ("at 8) or at x =3", ["at eight) or at x equals three"]),
        ("¯\\_(ツ)_/¯ who knows", ["who knows"]),
        (":tada: We won :thumbs_up:", ["We won"]),
        ("(laughs) Oh no.", ["Oh no."]),
        ("(Chuckles softly.) Sure.", ["Sure."]),
        ("(in a gentle voice) Come.", ["Come."]),
        ("*sighs* I am sorry.", ["I am sorry."]),
        ("*takes a deep breath* Okay. **smiles** Go.", ["Okay.", "Go."]),
        ("_nods slowly_ I see.", ["I see."]),
        ("[warmly] Hello. [pause] Well.", ["Hello.", "Well."]),
        ("[sad] Oh. [laughter]", ["Oh."]),
        ("He *laughs* at me.", ["He laughs at me."]),
        (
            "*This is important.* (see below) [your name]",
            ["This is important.", "(see below) your name"],
        ),
        ("(I was sad) and (5 km) away", ["(I was sad) and (five kilometers) away"]),
        ("f*** this sh*t", ["bleep this bleep"]),
        ("What the f@#k, you b**ch! D*mn.", ["What the bleep, you bleep!", "bleep."]),
        ("@#$%! That hurt.", ["bleep! That hurt."]),
        ("un*believ*able, **very** *nice*", ["unbelievable, very nice"]),
        ("5*** hotel", ["five star hotel"]),
        ("It has ★★★★☆ now", ["It has four stars now"]),
        ("2 * 3 and a*b", ["two times three and a times b"]),
        ("Tom &amp; Ann &lt; Bob &#39;s &quot;x&quot;", ['Tom and Ann less than Bob \'s "x"']),
        ("I like C#", ["I like C sharp"]),
        ("Use `print(x)` or `a_b`.", ["Use print(x) or a b."]),
        ("## Head\n\nText\n\n---\n\nMore", ["Head", "Text", "More"]),
        ("> One.\n> Two.", ["One.", "Two."]),
        ("| a | b |\n|---|:-:|\n| 1 | 2 |", ["a, b, one, two"]),
        ("- [x] tea\n- [ ] rest", ["tea", "rest"]),
        ("As shown.[1][2] Right[^n].\n\n[^n]: Well.", ["As shown. Right.", "Well."]),
        ("~~old~~ new~ and $x^2$", ["old new and x squared"]),
        ("Half is $\\frac{1}{2}$", ["Half is one half"]),
        ("Great 😊 How are you? 😀", ["Great, How are you?"]),
        ("1️⃣ One ❤️‍🔥 day 🇩🇪", ["one, One day"]),
        ("I ❤️ you, we ♥ Rome", ["I love you, we love Rome"]),
        ("**it** **he** is **As** so. **Don't kill** it", ["it he is As so.", "Don't kill it"]),
        ("- **Music**: x\n- **Other**: y", ["Music: x", "Other: y"]),
        ("1. **Breathing**: in. **Pause**: out.", ["one. Breathing: in.", "Pause: out."]),
        (
            "**Breathing exercises** help. *Crying* is fine.",
            ["Breathing exercises help.", "Crying is fine."],
        ),
        (
            "Try *singing*. Speak *softly*. See *Dancing Queen*!",
            ["Try singing.", "Speak softly.", "See Dancing Queen!"],
        ),
        ("*laughing* Go. *Silence.* So.", ["Go.", "So."]),
        ("He was (quietly) proud (laughing too).", ["He was (quietly) proud (laughing too)."]),
        (
            "It hears (listening) or not (crying is okay).",
            ["It hears (listening) or not (crying is okay)."],
        ),
        ("*gentle smile* A. (warm tone) B. *he sighs* C. *eyes widen* D.", ["A. B. C. D."]),
        ("{sighs} Hm. <laugh> Ha. (tone: warm) Yes. {name}", ["Hm.", "Ha.", "Yes.", "name"]),
        ("````md\n```py\nx\n```\n````\nDone.", ["Done."]),
        ("See [this][1].\n\n[1]: https://x.com\nEnd.", ["See this.", "End."]),
        ("<|im_start|>assistant\nHi there.<|im_end|>", ["Hi there."]),
        ("<bos>[INST] Hi [/INST] You.<eos>", ["Hi You."]),
        ("10<sup>3</sup>, 5<sup>th</sup>, H<sub>2</sub>O", ["ten cubed, fifth, H two O"]),
        ("This is ==marked text==, a == b", ["This is marked text, a equals b"]),
        ("→ next", ["next"]),
        ("**Step 1**: eat. **Day 3** off", ["Step one: eat.", "Day three off"]),
    ],
)
def test_only_what_a_person_would_read_aloud_is_said(text: str, expected: list[str]) -> None:
    assert said(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\( \frac{a}{b} \)", "a over b"),
        (r"$\frac{\sqrt{2}}{2}$", "(the square root of two) over two"),
        (r"$\frac{x^{2}+1}{2}$", "(x squared plus one) over two"),
        (r"\begin{align} x &= 1 \\ y &= 2 \end{align}", "x equals one, y equals two"),
        (r"$90^\circ$", "ninety degrees"),
        (r"$\int_0^1 x$", "the integral of zero to one, x"),
        (r"\textbf{Bold} $\vec{v}$", "Bold v"),
        (r"$n!$ and $x$", "n! and x"),
        ("$2x + 3 = 7$", "two x plus three equals seven"),
        ("$5 or $6, x_1 = 2", "five dollars or six dollars, x one equals two"),
        ("$ git clone x", "git clone x"),
    ],
)
def test_formulas_in_tex_are_said_as_formulas(text: str, expected: str) -> None:
    assert speakable(text) == expected


MARKUP = (
    "``` ```python `code` <think> </think> <b> </b> <br/> <!-- --> [link](http://a.b/c) ![i](x) "
    "[ ] ( ) (laughs) *sighs* ** * _ [pause] [1] [^2] <3 :-) f*** &amp; # > | ~~~ ~~ "
    "★★ 😀 【a】 ◁think▷ ◁/think▷ [THINK] [/THINK] <|im_end|> $x$ \\frac{1}{2} "
    "<a\u00a0href='x.y'> < ! - , . ? x {sighs} { } [INST] <eos> <sup>2</sup> == ```` <laugh> "
    "U.S. It Dr. I'm **it** (tone:\u00a0warm) can't."
).split(" ")
TEXTS = st.lists(
    st.sampled_from(
        [*(m.replace("\u00a0", " ") for m in MARKUP), " ", "\n", "\n\n", "One. Two", "go, on"]
    ),
    max_size=40,
).map("".join)


@given(TEXTS, st.lists(st.integers(1, 9), max_size=80), st.integers(0, 3))
def test_what_is_said_does_not_depend_on_how_the_text_came(
    text: str, sizes: list[int], first_clause_words: int
) -> None:
    chunks: list[str] = []
    rest = text
    for size in sizes:
        chunks.append(rest[:size])
        rest = rest[size:]

    whole = list(split_sentences([text], first_clause_words=first_clause_words))
    chunked = list(split_sentences([*chunks, rest], first_clause_words=first_clause_words))

    assert chunked == whole
    assert "".join(whole) == text
    for piece in whole:
        assert "```" not in speakable(piece)


@given(TEXTS | st.text(max_size=200))
def test_no_markup_is_left(text: str) -> None:
    spoken = speakable(text)

    assert not set(spoken) & set("*`_#<>|~")
    assert "http" not in spoken


@pytest.mark.parametrize(
    "text",
    [
        "◁/think▷`code`",
        "That is sad.◁/think▷ I am sorry. Go on.",
        "<|channel|>analysis<|message|>Sad. So.<|end|><|start|>assistant<|channel|>final"
        "<|message|>I see. Go on.",
    ],
)
def test_a_mark_of_thought_may_be_cut_anywhere(text: str) -> None:
    whole = list(split_sentences([text]))

    for cut in range(1, len(text)):
        assert list(split_sentences([text[:cut], text[cut:]])) == whole
    assert list(split_sentences(list(text))) == whole
    said = " ".join(filter(None, map(speakable, whole)))
    assert (
        said.endswith(("code", "Go on.")) and "sad" not in said.lower() and "assistant" not in said
    )


def test_words_before_a_code_block_are_not_kept_waiting_for_its_end() -> None:
    splitter = SentenceSplitter()

    assert list(splitter.push("Here is the code: ```python\nx = ")) == ["Here is the code: "]


def test_plain_parentheses_and_signs_keep_nothing_waiting() -> None:
    splitter = SentenceSplitter()

    assert list(splitter.push("It was (as you know) 3 < 4 for us. And then")) == [
        "It was (as you know) 3 < 4 for us. "
    ]


@pytest.mark.parametrize("language", ["de", "ja"])
def test_markup_goes_out_in_every_language(language: str) -> None:
    assert speakable("**Um 5 Uhr** (laughs) 😀", language=language) == "Um 5 Uhr"


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Привет, Bob", "en", "Bob"),
        ("Привет, Bob", "ru", "Привет, Bob"),
        ("Café and naïve", "en", "Café and naïve"),
        ("日本語", "en-us", ""),
        ("日本語", "ja", "日本語"),
        ("π is about 3", "en", "pi is about three"),
        ("Ελλάδα is Greece", "en", "is Greece"),
    ],
)
def test_letters_that_the_voice_cannot_read_are_left_out(
    text: str, language: str, expected: str
) -> None:
    assert speakable(text, language=language) == expected
