"""The words of what was heard: those the decoder writes, or what the LLM says when it is asked."""

from collections.abc import Callable

from models.blsp_emo import BlspEmo, HeardSpeech
from models.decoding.sampling import Sampling
from models.generation import CachedText, generate
from models.prompts import TRANSCRIBE
from models.words.written import Words, words_of, written_words


def transcribe(
    model: BlspEmo, heard: HeardSpeech, *, cancelled: Callable[[], bool] = lambda: False
) -> Words:
    """Returns the words of `heard` without encoding it again.

    Those that the LLM was given, where it was given words; else the decoder's, where there is one;
    else what the LLM answers when it is asked, which is slower, less exact, and marked as such.
    """
    if heard.words is not None:
        return heard.words
    decoder, config = model.decoder, model.config.transcription
    if decoder is None or config is None:
        return _asked(model, heard, cancelled)
    written = [
        written_words(decoder, config, states, model.decoder_tokenizer, cancelled=cancelled)
        for states in heard.speech_states
    ]
    return words_of(written, model.decoder_tokenizer, model.config.word_confidence)


def _asked(model: BlspEmo, heard: HeardSpeech, cancelled: Callable[[], bool]) -> Words:
    """Returns what the LLM writes when it is asked for the words."""
    prompts = model.prompts
    text = CachedText(model.llm)
    text.append_ids(prompts.opening(model.config.persona))
    text.append_ids(prompts.content(TRANSCRIBE))
    text.append_speech(heard.speech_embeddings)
    text.append_ids(prompts.reply_header())
    # An embedding stands for 160 ms with the published adapter, in which nobody says three tokens:
    # more of them is an LLM that answers instead of writing down.
    longest = max(16, 3 * int(heard.speech_embeddings.shape[0]))
    ids = list(
        generate(
            text,
            Sampling(max_new_tokens=min(longest, 400), no_repeat_ngram=6),
            stop_ids=model.tokenizer.end_ids,
            cancelled=cancelled,
        )
    )
    return Words(model.tokenizer.decode(ids).strip(), None, "llm")
