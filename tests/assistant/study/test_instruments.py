import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.errors import InputError
from assistant.study.instruments import (
    check_answer,
    failed_checks,
    instrument_names,
    instrument_path,
    read_instrument,
    score,
    shown_order,
)
from assistant.study.items import Instrument, Item
from assistant.study.scoring import score_range

SHIPPED = [name for name in instrument_names() if name != "rope"]


def answers(name: str, values: list[float | None]) -> dict[str, float | None]:
    """The answers of one person in the order of the instrument's items."""
    return dict(zip([item.name for item in read_instrument(name).items], values, strict=True))


def test_sus_gives_the_score_of_its_publications_worked_example() -> None:
    example = answers("sus", [5, 4, 2, 1, 2, 3, 2, 4, 5, 2])
    assert score(read_instrument("sus"), example)["usability"].value == 55.0  # Brooke (1996)


@pytest.mark.parametrize(("odd", "even", "total"), [(5, 1, 100.0), (1, 5, 0.0), (3, 3, 50.0)])
def test_sus_runs_from_0_to_100(odd: int, even: int, total: float) -> None:
    assert score(read_instrument("sus"), answers("sus", [odd, even] * 5))["usability"].value == (
        total
    )


def test_a_missing_answer_of_sus_counts_as_its_centre() -> None:
    full = score(read_instrument("sus"), answers("sus", [5, 4, 3, 1, 2, 3, 2, 4, 5, 2]))
    gap = score(read_instrument("sus"), answers("sus", [5, 4, None, 1, 2, 3, 2, 4, 5, 2]))
    assert gap["usability"].value == full["usability"].value
    assert gap["usability"].missing == 1
    three = answers("sus", [5, 4, None, None, None, 3, 2, 4, 5, 2])
    assert score(read_instrument("sus"), three)["usability"].value is None


def test_pets_scores_the_mean_of_each_factor() -> None:
    scores = score(read_instrument("pets"), answers("pets", [10, 20, 30, 40, 50, 60, 0, 50, 50, 1]))
    assert scores["emotional_responsiveness"].value == 35.0
    assert scores["understanding_trust"].value == 25.25


def test_a_factor_of_pets_with_a_gap_has_no_score_and_the_other_has() -> None:
    scores = score(read_instrument("pets"), answers("pets", [None, *[50] * 9]))
    assert scores["emotional_responsiveness"].value is None
    assert scores["emotional_responsiveness"].missing == 1
    assert scores["understanding_trust"].value == 50


def test_ueq_s_maps_1_to_7_onto_minus_3_to_3() -> None:
    scores = score(read_instrument("ueq_s"), answers("ueq_s", [7, 7, 7, 7, 1, 1, 1, 1]))
    assert {name: one.value for name, one in scores.items()} == {
        "pragmatic": 3.0,
        "hedonic": -3.0,
        "overall": 0.0,
    }


def test_an_affect_grid_scores_its_two_coordinates() -> None:
    grid = read_instrument("affect_grid")
    scores = score(grid, {"affect": check_answer(grid.items[0], [7, 3])})
    assert (scores["pleasure"].value, scores["arousal"].value) == (7.0, 3.0)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_instruments_say_where_they_come_from_and_their_terms(name: str) -> None:
    instrument = read_instrument(name)
    assert instrument.citation and instrument.licence
    used = {item for scale in instrument.scales for item in scale.items}
    if instrument.kind == "questionnaire":
        assert used == {item.name for item in instrument.items}


def test_published_instruments_have_as_many_items_as_their_publications_say() -> None:
    counts = {name: len(read_instrument(name).items) for name in SHIPPED}
    assert (counts["pets"], counts["sus"], counts["ueq_s"], counts["godspeed"]) == (10, 10, 8, 24)
    assert [len(scale.items) for scale in read_instrument("godspeed").scales] == [5, 6, 5, 5, 3]
    assert [len(scale.items) for scale in read_instrument("pets").scales] == [6, 4]


@settings(deadline=None)
@given(data=st.data(), name=st.sampled_from(SHIPPED))
def test_a_score_stays_within_its_range(data: st.DataObject, name: str) -> None:
    instrument = read_instrument(name)
    given_answers = {item.name: data.draw(an_answer(item)) for item in instrument.items}
    for scale in instrument.scales:
        one = score(instrument, given_answers)[scale.name]
        low, high = score_range(instrument, scale)
        assert one.value is not None and low - 1e-9 <= one.value <= high + 1e-9


def an_answer(item: Item) -> st.SearchStrategy[str]:
    """An answer as a page sends it."""
    points = st.integers(int(item.minimum), int(item.maximum))
    if item.form == "choice":
        return st.sampled_from(item.labels)
    if item.form == "grid":
        return st.tuples(points, points).map(lambda point: f"{point[0]},{point[1]}")
    if item.form == "text":
        return st.text("abc ", min_size=1, max_size=20)
    return points.map(str)


@settings(deadline=None)
@given(seed=st.text(max_size=20), name=st.sampled_from(SHIPPED))
def test_every_item_is_shown_once_and_always_in_the_same_place(seed: str, name: str) -> None:
    instrument = read_instrument(name)
    order = shown_order(instrument, seed)
    assert sorted(item.name for item in order) == sorted(instrument.asked)
    state = random.getstate()
    assert shown_order(instrument, seed) == order
    assert random.getstate() == state
    if not instrument.shuffle:
        own = [item for item in order if item in instrument.items]
        assert own == list(instrument.items)


def test_people_see_pets_in_different_orders_and_each_place_is_fair() -> None:
    pets = read_instrument("pets")
    first = [shown_order(pets, f"P{i}")[0].name for i in range(1000)]
    counts = [first.count(item.name) for item in pets.items]
    assert min(counts) > 60 and max(counts) < 140  # 100 expected, standard deviation 9.5


def test_an_attention_check_is_never_first() -> None:
    attention = read_instrument("attention")
    assert {shown_order(attention, str(i))[0].name for i in range(50)} == {"effort"}


def test_attention_is_failed_by_a_wrong_answer_and_by_none() -> None:
    attention = read_instrument("attention")
    assert failed_checks(attention, {"effort": 5, "reads": 2}) == []
    assert failed_checks(attention, {"effort": 5, "reads": "2"}) == []
    assert failed_checks(attention, {"effort": 5, "reads": 3}) == ["reads"]
    assert failed_checks(attention, {"effort": 5}) == ["reads"]


@pytest.mark.parametrize(
    "value", ["101", -1, "nan", "inf", "abc", True, [1], "50 or so", float("nan"), "1e400"]
)
def test_a_slider_refuses_what_is_no_point_of_it(value: object) -> None:
    with pytest.raises(InputError, match="e1 takes a number from 0 to 100"):
        check_answer(read_instrument("pets").items[0], value)


def test_a_likert_item_takes_whole_points_only() -> None:
    item = read_instrument("sus").items[0]
    assert check_answer(item, "4") == 4 and check_answer(item, 4.0) == 4
    with pytest.raises(InputError, match="whole number from 1 to 5"):
        check_answer(item, 2.5)


@pytest.mark.parametrize("value", ["5", "5,5,5", "0,5", "a,b", 5, None, "", {"x": 1}])
def test_a_grid_refuses_what_is_no_point_of_it(value: object) -> None:
    with pytest.raises(InputError, match="affect"):
        check_answer(read_instrument("affect_grid").items[0], value)


def test_a_choice_takes_its_own_words_and_an_optional_item_takes_none() -> None:
    gender = read_instrument("demographics").asked["gender"]
    assert check_answer(gender, "woman") == "woman"
    assert check_answer(gender, " ") is None
    with pytest.raises(InputError, match="gender is one of woman, man"):
        check_answer(gender, "<script>")


def test_a_required_item_asks_for_an_answer() -> None:
    with pytest.raises(InputError, match="e1 needs an answer"):
        check_answer(read_instrument("pets").items[0], None)


def test_an_unknown_instrument_is_named_with_the_closest_one() -> None:
    with pytest.raises(InputError, match="no instrument 'pest': did you mean 'pets'"):
        read_instrument("pest")


def test_a_name_that_leaves_the_folder_names_nothing(tmp_path: Path) -> None:
    (tmp_path / "secret.toml").write_text("title = 'x'")
    (tmp_path / "own").mkdir()
    with pytest.raises(InputError, match="no instrument"):
        read_instrument("../secret", [tmp_path / "own"])


def test_rope_says_that_its_items_must_be_brought(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"may not be passed on: copy .*rope\.toml"):
        read_instrument("rope")
    own = instrument_path("rope").read_text(encoding="utf-8") + ITEM
    (tmp_path / "rope.toml").write_text(own, encoding="utf-8")
    assert len(read_instrument("rope", [tmp_path]).items) == 1


ITEM = """
[[items]]
name = "one"
text = "…"
form = "likert"
minimum = 1
maximum = 5
"""
HEAD = "title = 't'\ncitation = 'c'\nlicence = 'l'\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("titel = 't'", r"did you mean 'title'\?"),
        (HEAD, "no items: add"),
        (HEAD + ITEM + ITEM, "two items have one name"),
        (HEAD + ITEM.replace("maximum = 5", "maximum = 1"), "maximum must lie above"),
        (HEAD + ITEM + "labels = ['a', 'b', 'c']", "takes 0 or 2 or 5 labels, not 3"),
        (HEAD + ITEM + "requierd = true", r"did you mean 'required'\?"),
        (HEAD + ITEM + "[[scales]]\nname='s'\ntitle='S'\nitems=['two']", "no item 'two'"),
        (HEAD + ITEM + "[missing]\nleast_answered = 2.0", "missing.least_answered"),
        ("title = ", "not valid TOML"),
        ("citation = 'c'\nlicence = 'l'", "title is missing: add it"),
    ],
)
def test_a_wrong_file_is_told_by_its_key(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message) as told:
        read_instrument("own", [tmp_path])
    assert str(path) in str(told.value) and "\n" not in str(told.value)


def test_reversing_an_item_twice_changes_nothing() -> None:
    content = {
        "name": "own",
        "title": "t",
        "citation": "c",
        "licence": "l",
        "items": [{"name": "one", "form": "likert", "minimum": 1, "maximum": 7}],
        "scales": [{"name": "s", "title": "S", "items": ["one"], "reversed": ["one"]}],
    }
    assert score(Instrument.model_validate(content), {"one": 2})["s"].value == 6.0
