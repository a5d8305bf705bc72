"""The commands of `python -m train`."""

from command_line.commands import Command

COMMANDS = {
    "prepare": Command(
        "a corpus folder → a manifest with summary and plot",
        "train.corpora.settings:PrepareSettings",
        "train.corpora.prepare:prepare",
    ),
    "continue": Command(
        "an LLM writes what is to be said to each utterance",
        "train.continuations.settings:ContinueSettings",
        "train.continuations.command:write_continuations",
    ),
    "hear": Command(
        "a Whisper writes down what it hears of each utterance",
        "train.alignment.settings:HearSettings",
        "train.alignment.hear:hear",
    ),
    "language": Command(
        "an instruction LLM learns from written talks to answer as a companion does",
        "train.language.settings:LanguageSettings",
        "train.language.stage:teach",
    ),
    "voice": Command(
        "the LLM of a checkpoint is told in words how somebody sounds",
        "train.language.voice:VoiceSettings",
        "train.language.voice:tell_in_words",
    ),
    "prefer": Command(
        "a taught LLM learns which of two answers to the same words is better",
        "train.language.preference:PreferSettings",
        "train.language.preference:prefer",
    ),
    "take-updates": Command(
        "a checkpoint talks as a run taught its LLM",
        "train.language.taking:TakeUpdatesSettings",
        "train.language.taking:take_updates_of_run",
    ),
    "examples": Command(
        "written exchanges that a checkpoint shows its LLM before it answers",
        "train.language.examples:ExamplesSettings",
        "train.language.examples:write_example_file",
    ),
    "assemble": Command(
        "a pretrained Whisper and a pretrained LLM → a checkpoint, nothing trained",
        "train.alignment.settings:AssembleSettings",
        "train.alignment.assemble:write_assembled",
    ),
    "align-semantic": Command(
        "stage 1: speech continues as its words do",
        "train.alignment.settings:SemanticSettings",
        "train.alignment.command:align_semantic",
    ),
    "align-emotion": Command(
        "stage 2: replies fit words and voice",
        "train.alignment.settings:EmotionSettings",
        "train.alignment.command:align_emotion",
    ),
    "calibrate": Command(
        "temperature and threshold of the emotion head, from held-out voices",
        "train.evaluation.settings:CalibrateSettings",
        "train.evaluation.calibrate:calibrate",
    ),
    "emotion-head": Command(
        "a linear emotion head on a checkpoint's frozen encoder, fitted and calibrated",
        "train.emotion.head:EmotionHeadSettings",
        "train.emotion.head:teach_emotion_head",
    ),
    "take-emotion-head": Command(
        "a checkpoint hears emotion with the head of another",
        "train.emotion.transfer:TakeEmotionHeadSettings",
        "train.emotion.transfer:take_emotion_head",
    ),
    "turn-ends": Command(
        "how surely a person who pauses is done, from the LLM's own odds",
        "train.turn_ends.settings:TurnEndSettings",
        "train.turn_ends.words:turn_ends",
    ),
    "turn-ear": Command(
        "how surely a person who pauses is done, by the sound of recordings",
        "train.turn_ends.settings:TurnEarSettings",
        "train.turn_ends.ear:turn_ear",
    ),
    "audio-context": Command(
        "a pretrained Whisper's encoder learns to do without 30 s of padding",
        "train.audio_context.command:AudioContextSettings",
        "train.audio_context.command:audio_context",
    ),
    "slim": Command(
        "a checkpoint of what was trained alone; its pretrained parts are fetched where it is used",
        "train.slim:SlimSettings",
        "train.slim:slim",
    ),
    "recipe": Command(
        "the commands of a recipe one after the other: mini in one go",
        "train.recipe:RecipeSettings",
        "train.recipe:follow",
    ),
    "evaluate": Command(
        "test sets → figures with sample counts and 95 % intervals",
        "train.evaluation.settings:EvaluateSettings",
        "train.evaluation.command:evaluate",
    ),
    "rows": Command(
        "published rows of the field: a folder of corpora → one table with figures and intervals",
        "train.rows.settings:RowsSettings",
        "train.rows.command:rows",
    ),
}
