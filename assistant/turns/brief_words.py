"""The words that people say briefly while they listen, and those with which they interrupt."""

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
