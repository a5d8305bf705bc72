"""What people say briefly while they listen, and with what they interrupt: words and phrases."""

from assistant.turns.controls import Control, brief

ACKNOWLEDGING_WORDS = frozenset(
    "a absolutely agree ah aha ahead all alright amazing and cool course definitely er "
    "exactly fine fun go good got great ha haha hm hmm huh i indeed interesting it kay know "
    "lovely mhm mm mmhm mmm nice of oh ok okay on ooh oops perfect really right see so sure "
    "thank thanks that thats totally true uh uhhuh uhm um understand well wonderful wow ya "
    "yah yay yeah yep yes you yup".split()
)
"""Words that acknowledge, alone and together."""
CLAIMING_WORDS = frozenset(
    "again bye cancel enough excuse faster forget goodbye hang hello help hey hold how listen "
    "louder minute moment mute next no nope not pardon pause please question quiet quieter repeat "
    "second shut silence skip slower slowly sorry stop wait what when where which who why "
    "wrong".split()
)
"""Words that claim the floor."""
ACKNOWLEDGEMENTS = (
    *brief(Control.GO_ON),
    *(
        "absolutely, ah, aha, all right, amazing, and then, cool, exactly, fine, go ahead, good, "
        "got it, great, ha, haha, hm, hmm, i agree, i know, i see, i understand, indeed, "
        "interesting, lovely, makes sense, mhm, mm, mm hm, mm hmm, mm-hmm, mmm, nice, of course, "
        "oh, oh good, oh i see, oh my, oh nice, oh okay, oh really, oh right, oh wow, oh yes, ok, "
        "okay, okay good, okay okay, okay right, perfect, please go on, really, right, right "
        "right, sure, thank you, thanks, that's good, that's right, that's true, totally, true, "
        "uh, uh huh, uh-huh, um, very good, wonderful, wow, yeah, yeah okay, yeah right, yeah "
        "sure, yeah yeah, yep, yes, yes yes, yup"
    ).split(", "),
)
"""All of what somebody says who wants to hear more."""
CLAIMS = (
    *brief(Control.STOP, Control.PAUSE, Control.REPEAT, Control.SLOWER, Control.LOUDER),
    *(
        "but, but what, but why, bye, cancel, excuse me, forget it, go away, goodbye, "
        "hello, help, help me, hey, hey stop, hold it, how, how come, how much, i have a "
        "question, listen, listen to me, my turn, never mind, next, no, no more, no no, no no "
        "no, no stop, no thanks, no wait, nope, not now, not that, okay stop, one question, "
        "pardon, please stop, please wait, skip, skip it, sorry, stop please, stop stop, that's "
        "wrong, wait please, wait wait, what, what do you mean, what is that, what was that, "
        "what's that, when, where, which one, who, why, why not, wrong"
    ).split(", "),
)
"""All of what somebody says who interrupts, or its beginning."""
