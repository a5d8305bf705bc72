from pathlib import Path

import pytest

from assistant.empathy import load_policy, policy_names
from assistant.engines.protocols import EmotionEstimate, SpeakingStyle
from assistant.errors import SettingsError
from models.emotions import EMOTION_LABELS, Emotion

SHIPPED = Path(__file__).parents[2] / "assistant" / "empathy.toml"


def heard(emotion: Emotion, confidence: float, *, abstained: bool = False) -> EmotionEstimate:
    rest = (1.0 - confidence) / (len(Emotion) - 1)
    probabilities = tuple(confidence if each == emotion else rest for each in Emotion)
    return EmotionEstimate(probabilities, abstained)


def test_anger_is_met_with_calm() -> None:
    style = load_policy().style(heard(Emotion.ANGRY, 0.95))

    assert style.emotion != Emotion.ANGRY
    assert style.rate < 1 and style.pitch < 0 and style.energy < 0 and style.pitch_range < 1


def test_no_emotion_is_answered_with_anger_by_default() -> None:
    tones = {load_policy().style(heard(emotion, 1.0)).emotion for emotion in Emotion}

    assert Emotion.ANGRY not in tones


def test_sadness_is_met_slow_and_soft_and_joy_brightly() -> None:
    policy = load_policy("empathetic")

    sad, happy = policy.style_for(Emotion.SAD), policy.style_for(Emotion.HAPPY)

    assert sad.rate < 1 < happy.rate
    assert sad.pause > 1 > happy.pause
    assert sad.energy < 0 < happy.energy
    assert sad.pitch < 0 < happy.pitch


def test_style_grows_with_confidence() -> None:
    policy = load_policy()
    styles = [policy.style(heard(Emotion.SAD, confidence)) for confidence in (0.3, 0.5, 0.7, 0.9)]

    rates = [style.rate for style in styles]
    intensities = [style.intensity for style in styles]

    assert rates == sorted(rates, reverse=True) and len(set(rates)) > 2
    assert intensities == sorted(intensities) and intensities[-1] == 1.0


@pytest.mark.parametrize("estimate", [None, heard(Emotion.ANGRY, 0.4, abstained=True)])
def test_nothing_sure_is_answered_in_the_voice_s_own_manner(
    estimate: EmotionEstimate | None,
) -> None:
    assert load_policy().style(estimate) == SpeakingStyle()


def test_mirror_and_flat_are_the_controls() -> None:
    mirror, flat = load_policy("mirror"), load_policy("flat")

    assert [mirror.style_for(emotion).emotion for emotion in Emotion] == list(Emotion)
    assert {flat.style_for(emotion) for emotion in Emotion} == {SpeakingStyle()}
    assert set(policy_names()) == {"empathetic", "mirror", "flat"}


def test_own_file_is_read_by_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SHIPPED.read_text().replace("rate = 0.88", "rate = 0.7"))

    assert load_policy(f"{path}#empathetic").style_for(Emotion.ANGRY).rate == pytest.approx(0.7)
    with pytest.raises(SettingsError, match=r"several policies.*mirror"):
        load_policy(str(path))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rate = 0.88", "rate = 9.0", r"policies\.empathetic\.angry\.rate"),
        ("rate = 0.88", 'rate = "slow"', r"policies\.empathetic\.angry\.rate"),
        ("rate = 0.88", "rate = nan", r"policies\.empathetic\.angry\.rate"),
        ("rate = 0.88", "speed = 0.88", r"policies\.empathetic\.angry\.(rate|speed)"),
        ('tone = "happy"', 'tone = "joyful"', r"empathetic\.happy\.tone.*use one of neutral"),
        ("from_confidence = 0.25", "from_confidence = 2", r"intensity\.from_confidence"),
        ("[intensity]", "[intensities]", "intensit"),
        ("[intensity]", "[intensity", "not valid TOML"),
    ],
)
def test_wrong_file_is_refused_with_the_path_of_the_key(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(SHIPPED.read_text().replace(old, new, 1))

    with pytest.raises(SettingsError, match=message) as error:
        load_policy(f"{path}#empathetic")
    assert str(path) in str(error.value)


def test_every_emotion_must_be_stated(tmp_path: Path) -> None:
    lines = SHIPPED.read_text().splitlines()
    for label in EMOTION_LABELS:
        first = next(index for index, line in enumerate(lines) if line.startswith(f"{label} ="))
        path = tmp_path / f"{label}.toml"
        path.write_text("\n".join(lines[:first] + lines[first + 1 :]))
        with pytest.raises(
            SettingsError,
            match=rf"policies\.empathetic\.{label} is missing: add it, as in .*empathy\.toml$",
        ):
            load_policy(f"{path}#empathetic")


@pytest.mark.parametrize("name", ["warm", "", "missing.toml", "dir/missing.toml#x"])
def test_unknown_policy_is_refused(name: str) -> None:
    with pytest.raises(SettingsError):
        load_policy(name)
