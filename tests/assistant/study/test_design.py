import pytest

from assistant.errors import InputError, SettingsError
from assistant.study.design.reading import read_study
from assistant.study.design.scaffold import EXAMPLE, new_study
from assistant.study.keeping.store import StudyFolder
from assistant.study.run.pages import consent_sha256, disclosed
from assistant.study.run.runner import Runner
from tests.assistant.study.small_study import CONTENT, make_study

MISTAKES = [
    ('policy = "flat"', 'polcy = "flat"', "line", "did you mean policy?"),
    ('policy = "flat"', 'policy = "flatt"', "line", "must be one of empathetic, flat"),
    ('engine = "cascade"', 'engine = "cascad"', "line", "did you mean cascade?"),
    ("turns = 1", "turn = 1", "line", "talk.turn is no setting: did you mean turns?"),
    ("turns = 1", "turns = 0", "line", "talk.turns must be at least 1, not 0"),
    ("participants = 4", "participants = 6", "line", "take 4 or 8"),
    ("contact", "contat", "", "contact is missing"),
    ("seed = 7", "seed = = 7", "", "no valid TOML"),
    (
        "[factors.speaking.flat]",
        '[factors.speaking."a/b"]',
        "",
        "factors: the name 'a/b' cannot be used",
    ),
    ("[talk]", '[design]\nkind = "mixed"\n[talk]', "line", "needs design.between"),
    ("[talk]", '[design]\nkind = "withn"\n[talk]', "line", "did you mean within?"),
    ("[talk]", '[design]\nkind = "mixed"\nbetween = ["x"]\n[talk]', "line", "no factor 'x'"),
    (
        "[talk]",
        '[conditions.one]\nmodel = "mini"\n[talk]',
        "study.toml",
        "either [conditions.NAME]",
    ),
    ("turns = 1", 'turns = 1\nminutes = "five"', "line", "talk.minutes"),
    ("[talk]", "[base]\nspeed = 9.0\n[talk]", "line", "base.speed must be at most 1.5"),
    ("[sound]", '[entry]\ncompletion_link = "javascript:x"\n[sound]', "line", "completion_link"),
]


@pytest.mark.parametrize(("old", "new", "place", "remedy"), MISTAKES)
def test_a_mistake_is_named_with_its_line_and_what_was_meant(tmp_path, old, new, place, remedy):
    assert old in CONTENT
    make_study(tmp_path, CONTENT.replace(old, new, 1))
    with pytest.raises(SettingsError) as refused:
        read_study(tmp_path)
    if place == "line":
        changed = [
            n
            for n, line in enumerate((tmp_path / "study.toml").read_text().splitlines(), 1)
            if line not in CONTENT.splitlines() and not line.startswith("[")
        ]
        assert f"line {changed[-1]}:" in str(refused.value)
    assert remedy in str(refused.value)


def test_an_unknown_instrument_is_named(tmp_path):
    folder = make_study(tmp_path, CONTENT.replace('["sus"]', '["suss"]'))
    where = r"study\.toml, line 23: questionnaires\.block: there is no instrument 'suss'"
    with pytest.raises(InputError, match=f"{where}: did you mean 'sus'"):
        Runner(folder)


def test_a_folder_without_a_study_says_how_to_make_one(tmp_path):
    with pytest.raises(SettingsError, match="study new"):
        read_study(tmp_path / "nothing")


def test_a_study_after_its_retention_date_cannot_be_opened(tmp_path):
    folder = make_study(tmp_path, CONTENT.replace("2099-12-31", "2020-01-01"))
    with pytest.raises(SettingsError, match="deleted by itself"):
        Runner(folder)


def test_the_shipped_example_is_a_study_and_is_copied_into_an_empty_folder_only(tmp_path):
    assert len(read_study(EXAMPLE).names()) == 4
    path = new_study(tmp_path / "mine")
    assert Runner(StudyFolder(path.parent)).study.participants == 24
    with pytest.raises(InputError, match="not empty"):
        new_study(tmp_path / "mine")


def test_conditions_take_the_base_and_what_their_levels_change(tmp_path):
    content = CONTENT.replace("[talk]", '[base]\nvoice = "flite"\npolicy = "mirror"\n[talk]')
    make_study(tmp_path, content)
    study = read_study(tmp_path)
    condition = study.condition("words+flat")
    assert (condition.engine, condition.policy, condition.voice) == ("cascade", "flat", "flite")
    assert study.condition("voice+empathetic").policy == "mirror"


def test_a_policy_of_the_study_is_a_file_in_its_folder(tmp_path):
    content = CONTENT.replace('policy = "flat"', 'policy = "own.toml#cold"')
    make_study(tmp_path, content)
    with pytest.raises(SettingsError, match=r"own\.toml does not exist"):
        read_study(tmp_path)


def test_the_wrong_emotion_is_never_the_style_of_the_right_one(tmp_path):
    from assistant.empathy import load_policy
    from assistant.study.design.conditions import Condition
    from models.emotions import Emotion

    right = load_policy("empathetic")
    wrong = load_policy(Condition(policy="wrong-emotion").policy_source(tmp_path))
    for emotion in Emotion:
        assert wrong.style_for(emotion) != right.style_for(emotion)


@pytest.mark.parametrize("line", ['primary = ["sus.usabilty"]', 'bounds = { "sus.usabilty" = 5 }'])
def test_a_measure_of_the_analysis_that_is_not_taken_is_named(tmp_path, line):
    folder = make_study(tmp_path, f"{CONTENT}\n[analysis]\n{line}\n")
    with pytest.raises(SettingsError, match=r"did you mean sus\.usability\?"):
        Runner(folder)


def test_an_impossible_level_of_the_analysis_is_named_with_its_line(tmp_path):
    make_study(tmp_path, f"{CONTENT}\n[analysis]\nalpha = 5\n")
    with pytest.raises(SettingsError, match=r"line 26: analysis\.alpha must be less than 0\.5"):
        read_study(tmp_path)


def test_demographics_of_the_analysis_must_be_asked(tmp_path):
    plan = '\n[analysis]\ndemographics = ["age"]\n'
    with pytest.raises(SettingsError, match="nobody is asked for age: add an instrument"):
        Runner(make_study(tmp_path / "a", CONTENT + plan))
    asked = CONTENT.replace('block = ["sus"]', 'block = ["sus"]\nbefore = ["demographics"]')
    assert Runner(make_study(tmp_path / "b", asked + plan)).study.analysis.demographics == ("age",)
    with pytest.raises(SettingsError, match="use one of age,"):
        Runner(make_study(tmp_path / "c", asked + plan.replace("age", "agee")))


def test_a_condition_may_be_answered_by_an_llm_server_and_participants_are_told(tmp_path):
    make_study(tmp_path, CONTENT)
    study = read_study(tmp_path)
    assert "nothing is sent elsewhere" in disclosed(study)
    before = consent_sha256(study)
    elsewhere = 'llm = { server = "https://llm.example.org/v1", name = "qwen3" }'
    make_study(tmp_path, CONTENT.replace('engine = "cascade"', elsewhere))
    study = read_study(tmp_path)
    asking = [one for one in map(study.condition, study.names()) if one.engine == "chat_server"]
    assert asking
    assert {one.llm.name for one in asking} == {"qwen3"}
    assert "llm.example.org" in disclosed(study)
    assert "nothing is sent elsewhere" not in disclosed(study)
    assert consent_sha256(study) != before
    assert len({one.engines for one in map(study.condition, study.names())}) == 2
