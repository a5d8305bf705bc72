"""What a text does beside speaking: (laughs), *sighs*, [warmly], and faces made of signs."""

import re

_VERBS = (
    "laugh sigh chuckle giggle smile grin smirk pause whisper "
    "gasp cough nod wink shrug sniff sniffle sob cry "
    "weep groan moan yawn hum sing wave hug clap cheer bow blush knock "
    "frown pout snort scoff grimace wince shudder "
    "shiver tremble blink stare gaze glance listen breathe "
    "exhale inhale swallow gulp mumble mutter murmur "
    "stammer stutter shout yell scream hesitate ponder think "
    "muse sip smack snap tap tilt lean sit stand "
    "kneel turn walk step point gesture beam twirl dance jump "
    "bounce facepalm hiccup sneeze whistle growl "
    "purr squeal squeak roll raise shake scratch rub pat place reach "
    "hold take draw give offer open close clear look "
    "lower soften speak fidget stretch hang wipe fan bite lick "
    "squint furrow chortle cackle guffaw snicker put send type widen break crack brighten "
    "applaud salute curtsy high-five fist-bump snuggle cuddle nuzzle squeeze"
).split()
_NEED_MORE = frozenset(
    "sit stand turn walk step point roll raise shake "
    "scratch rub pat place reach hold take draw give "
    "offer open close clear look lower soften speak stretch hang "
    "wipe fan bite lick furrow tap tilt lean snap "
    "smack jump sip put send type widen break crack brighten".split()
)
"""Verbs that are a direction only with what they do: "takes a deep breath", not "takes"."""
_ADVERBS = frozenset(
    "softly warmly gently quietly sadly happily cheerfully "
    "calmly slowly kindly tenderly thoughtfully "
    "playfully sarcastically angrily nervously excitedly "
    "enthusiastically sympathetically empathetically "
    "soothingly reassuringly lovingly brightly hesitantly seriously dryly jokingly compassionately "
    "encouragingly sincerely wistfully somberly solemnly hopefully gleefully awkwardly sheepishly "
    "knowingly teasingly mischievously breathlessly tearfully proudly shyly".split()
)
_NOUNS = frozenset(
    "laughter laugh chuckle giggle sigh applause pause silence "
    "music cough gasp sob whisper crying sobbing "
    "cheering breath inaudible beat sfx sound sounds tone voice".split()
)
_MOODS = frozenset(
    "sad happy angry calm warm excited surprised neutral "
    "cheerful soft gentle serious curious concerned "
    "empathetic sympathetic joyful friendly tender playful "
    "emotional confused fearful disgusted amused "
    "worried hopeful nervous relieved emotion style mood tone voice speaking".split()
)
_FILLERS = frozenset(
    "a an the long short deep big little brief small heavy "
    "light soft gentle slight quick slightly".split()
)
_QUALITIES = (
    _FILLERS
    | _MOODS
    | frozenset(
        "quiet low deep caring kind knowing virtual understanding comforting soothing reassuring "
        "encouraging bright shaky trembling faint bitter nervous genuine".split()
    )
)
_MANNERS = frozenset(
    "smile grin laugh chuckle giggle sigh nod hug hugs pause silence breath whisper tone voice "
    "gaze".split()
)
"""What is seen or heard of a person: with a quality before it, "*gentle smile*", it is not said."""
_FEATURES = frozenset("voice tone eyes expression face gaze".split())
_PERSONS = frozenset("he she attune".split())
_VERBS_OF_CLAUSES = frozenset(
    "is are was were can could may might will would too even also helps does has".split()
)
"""After "laughing" these make it a subject or an aside: "(crying is okay)"."""
_LONGEST_WORDS = 10
_LONGEST_SENTENCE_WORDS = 5
_WORD = re.compile(r"[a-z]+(?:[-'][a-z]+)*")


def _third_person(verb: str) -> str:
    if verb.endswith(("s", "sh", "ch")):
        return verb + "es"
    return verb[:-1] + "ies" if verb.endswith("y") and verb[-2] not in "aeou" else verb + "s"


def _ing(verb: str) -> set[str]:
    short = verb[:-1] if verb.endswith("e") else verb
    return {short + "ing", verb + verb[-1] + "ing"}


_ACTIONS = {form: verb for verb in _VERBS for form in (_third_person(verb), *_ing(verb))}
_GERUNDS = frozenset(form for verb in _VERBS for form in _ing(verb))


def is_direction(content: str, opening: str) -> bool:
    """Whether what stands within signs is done or a manner of speaking, and not said.

    Args:
        content: Such as "takes a deep breath".
        opening: The sign before it. After "[" moods count too, which elsewhere are words: "[sad]".
    """
    in_brackets = opening == "["
    words = _WORD.findall(content.lower())
    if not words or len(words) > _LONGEST_WORDS or re.search(r"[?!\"]|\.\s", content):
        return False
    if opening == "(" and content.strip().lower() in {"listening", "thinking"}:
        return False
    if words[0] in _GERUNDS and words[1:2] and words[1] in _VERBS_OF_CLAUSES:
        return False
    if re.match(
        r"\s*(?:in (?:an? |the )?.*(?:voice|tone|whisper|manner)|with (?:a "
        r"|an )?\w*\s?(?:smile|sigh|laugh|grin|warmth|tone|voice|empathy|concern))\s*[.]?$",
        content,
        re.IGNORECASE,
    ):
        return True
    if re.match(
        r"\s*(?:tone|emotion|mood|voice|style)\s?[:=]\s?\w[\w ,-]*$", content, re.IGNORECASE
    ):
        return True
    if opening != "(" and words[0] in _PERSONS and len(words) <= _LONGEST_SENTENCE_WORDS:
        words = words[1:] or words
    if _is_action(words) or _is_manner(words) or _is_of_feature(words):
        return True
    while words and words[0] in _FILLERS and len(words) > 1:
        words = words[1:]
    if words[0] in _NOUNS and len(words) <= 3 and not content.strip()[0].isdigit():
        return words[0] not in {"tone", "voice", "sound", "sounds", "beat"} or in_brackets
    if _ADVERBS & set(words) and all(
        word in _ADVERBS or word in {"and", "very", "more"} for word in words
    ):
        return True
    return in_brackets and words[0] in _MOODS and len(words) <= 4


def _is_action(words: list[str]) -> bool:
    while (
        words
        and words[0] in _ADVERBS | {"i", "he", "she", "they", "you", "attune"}
        and len(words) > 1
    ):
        if words[0] not in _ADVERBS:
            return False
        words = words[1:]
    verb = _ACTIONS.get(words[0])
    return verb is not None and (verb not in _NEED_MORE or len(words) > 1)


def _is_manner(words: list[str]) -> bool:
    """A gentle smile, warm tone."""
    return (
        len(words) > 1
        and words[-1] in _MANNERS
        and all(word in _QUALITIES or word in _ADVERBS for word in words[:-1])
    )


def _is_of_feature(words: list[str]) -> bool:
    """Voice breaking, my tone softens, eyes widen."""
    if words[0] in {"my", "his", "her", "the"}:
        words = words[1:]
    if len(words) < 2 or words[0] not in _FEATURES:
        return False
    return words[1] in _ACTIONS or (words[0] == "eyes" and words[1] in {"widen", "soften"})


def names_a_thing(content: str) -> bool:
    """Whether a direction is a noun or a gerund, which a sentence may also speak of: "singing"."""
    words = _WORD.findall(content.lower())
    return words[0] in _GERUNDS or words[0] in _NOUNS or _is_manner(words)


def is_sound(word: str) -> bool:
    """Whether a word is what some voices take for a sound, as in "<laugh>"."""
    word = word.lower()
    return _ACTIONS.get(word, word) in set(_VERBS) - _NEED_MORE or word in _NOUNS


def is_adverb(content: str) -> bool:
    """Whether a direction is a manner alone: "softly"."""
    return content.strip().lower() in _ADVERBS


def could_be_direction(content: str) -> bool:
    """Whether the beginning of what stands within signs may still become a direction."""
    words = _WORD.findall(content.lower())
    if not content.strip():
        return not content or not content[0].isspace()
    if len(words) > _LONGEST_WORDS or re.search(r"[?!\"]|\.\s", content) or not words:
        return False
    if len(words) < 2 and not content[-1:].isspace():
        return True
    return words[0] in _BEGINNINGS


_BEGINNINGS = (
    frozenset(_ACTIONS) | _ADVERBS | _NOUNS | _QUALITIES | _FEATURES | _PERSONS
    | {"in", "with", "my", "his", "her", "the"}
)  # fmt: skip

_FACES = re.compile(
    r"(?<![\w:;=&])(?:"
    r"[:;][-'^o]{0,2}(?:[)(\]\[}{|/\\@$]+|[DPpOo3S](?!\w))|=[-'^]?(?:[)\]]+|[DPp](?!\w))|8-[)D(]|(?<!\S)[:;]-?\*"
    r"|>:[-]?[()\[\]]|[xX]D+(?!\w)|\\o/|\\?_?\(ツ\)_?/?|<[/]3+(?!\d)"
    r"|\^[_.-]?\^|-_+-|[oO][_.][oO](?!\w)|[TQ;>][_.][TQ;<](?!\w)|>_<|=\^\.\^=|\([:;]|:'[()]|[:;]-?\)+"
    r")(?![\w])"
)
_FACE_SIGNS = re.compile(r"[:;=^<>\\_]|8[-')(]|[xX]D|-_|[^\x00-\x7f]")
_FACES_AFTER_WORDS = re.compile(r"(?<=[A-Za-z])[:;][-']?[)(D](?=[\s.!?,]|$)(?<!\)\))")
_KAOMOJI = re.compile(r"\((?=[^()\n]{0,20}[^\x00-\x7f])[^()A-Za-z0-9\n]{2,24}\)[^\s\w]*")
_SHORTCODE = re.compile(
    r"(?<![\w:]):(?:[a-z0-9]+(?:_[a-z0-9]+)+|smile|grin|joy|heart|wink|cry|sob|fire|tada|wave|rocket|"
    r"thumbsup|thumbsdown|pray|clap|blush|star|eyes|hugs|laughing|smiley|relaxed|sparkles):(?![\w:])"
)
_LOVE = re.compile(
    r"\b(I|[Ww]e|[Yy]ou|[Ww]ho|[Tt]hey)\s?(?:<3+|[❤♥💕💖💗💙💚💛💜🧡🖤🤍])\s?(?=[a-z]|[A-Z]\w)"
)
_HEART = re.compile(
    r"(?<![=<>\d])(?<!\b[a-hj-z])(?<!\b[a-hj-z] )\s?<3+(?=\s*(?:$"
    r"|[\n.,!?;:)~*]|[A-Z]|[^\x00-\x7f]))"
)


def without_faces(text: str) -> str:
    """Returns `text` without faces made of signs; "I <3 you" is said."""
    if "<3" in text or not text.isascii():
        text = _HEART.sub(" ", _LOVE.sub(r"\1 love ", text))
    if not _FACE_SIGNS.search(text):
        return text
    text = _SHORTCODE.sub(" ", text) if ":" in text else text
    text = _FACES_AFTER_WORDS.sub(" ", _FACES.sub(" ", text))
    return text if text.isascii() else _KAOMOJI.sub(" ", text)
