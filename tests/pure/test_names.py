import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memu_like.errors import InvalidUserId
from memu_like.pure.names import MAX_ID, MAX_NAME, folder_name, user_id_of

LOOK_ALIKES = "aAbBcCoOnN01./\\-_@+%~: éé\u0301ＡａⅠıİſßKЖ上😀"
user_ids = st.one_of(
    st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=150),
    st.text(LOOK_ALIKES, min_size=1, max_size=8),
)


@pytest.mark.parametrize(
    ("user_id", "folder"),
    [
        ("caroline", "caroline"),
        ("Caroline", "+caroline"),
        ("anna.lee@example.org", "anna.lee@example.org"),
        ("a-b_c", "a-b_c"),
        ("-rf", "%2drf"),
        ("../x", "%2e.%2fx"),
        ("a/b", "a%2fb"),
        ("a\\b", "a%5cb"),
        ("C:", "+c%3a"),
        (".", "%2e"),
        ("..", "%2e%2e"),
        (".git", "%2egit"),
        ("a.", "a%2e"),
        ("a..b", "a.%2eb"),
        ("a b", "a%20b"),
        ("a ", "a%20"),
        ("con", "%63on"),
        ("con.txt", "%63on.txt"),
        ("CON", "+c+o+n"),
        ("com1", "%63om1"),
        ("lpt9.log", "%6cpt9.log"),
        ("com¹", "com%c2%b9"),
        ("conin$", "conin%24"),
        ("console", "console"),
        ("prompts", "%70rompts"),
        ("memory.toml", "%6demory.toml"),
        ("tests", "%74ests"),
        ("+a", "%2ba"),
        ("%2f", "%252f"),
        ("a~1", "a%7e1"),
        ("é", "%c3%a9"),
        ("e\u0301", "e%cc%81"),
        ("王", "%e7%8e%8b"),
    ],
)
def test_a_user_id_has_its_folder_and_the_folder_its_user_id(user_id, folder):
    assert folder_name(user_id) == folder
    assert user_id_of(folder) == user_id


UNUSABLE = ["", "a\0b", "a\nb", "\x7f", "a\x85", "\ud800", "x" * (MAX_ID + 1), None, 7, b"a"]
NOBODY = ["", "Caroline", "con", ".git", "%2F", "%41", "a%2e%2eb", "%61", "+", "a+", "%ff", "a b", "x~y"]


@pytest.mark.parametrize("user_id", UNUSABLE)
def test_an_id_that_cannot_be_a_folder_is_refused_with_one_line(user_id):
    with pytest.raises(InvalidUserId) as error:
        folder_name(user_id)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("folder", NOBODY)
def test_a_folder_that_no_id_maps_to_belongs_to_nobody(folder):
    assert user_id_of(folder) is None


def test_a_long_id_is_cut_where_no_escape_is_broken_and_told_apart_by_its_hash():
    one, other = folder_name("é" * 200), folder_name("é" * 201)
    assert one != other
    assert one.startswith("%c3%a9" * 13 + "~") or one.startswith("%c3%a9" * 13 + "%c3~")
    assert len(one) <= MAX_NAME
    assert user_id_of(one) is None
    assert folder_name("x" * MAX_NAME) == "x" * MAX_NAME
    assert folder_name("X" * MAX_ID)[:81] == "+x" * 40 + "~"


@given(user_ids)
@example("CON")
@example("con." + "x" * 200)
@example("." * 130)
def test_a_folder_name_is_one_safe_component_and_turns_back(user_id):
    name = folder_name(user_id)
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-.@+%~")
    assert 0 < len(name) <= MAX_NAME
    assert name[0] not in ".-"
    assert name[-1] != "."
    assert ".." not in name
    assert name.split(".")[0] not in {"con", "prn", "aux", "nul", "com1", "lpt1"}
    assert user_id_of(name) == (None if "~" in name else user_id)


@given(user_ids, user_ids)
@example("Anna", "anna")
@example("é", "e\u0301")
@example("K", "\u212a")
@example("straße", "strasse")
def test_two_ids_never_share_a_folder_on_any_file_system(one, other):
    if one == other:
        return
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        names = {unicodedata.normalize(form, folder_name(user_id)).casefold() for user_id in (one, other)}
        assert len(names) == 2


@given(st.text(max_size=12))
def test_a_folder_that_has_a_user_is_the_folder_of_that_user(folder):
    user_id = user_id_of(folder)
    assert user_id is None or folder_name(user_id) == folder
