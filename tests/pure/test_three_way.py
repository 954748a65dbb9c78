"""Two copies of a category file into one: what each side did is done, and nothing is lost or doubled."""

from __future__ import annotations

import pytest

from memu_like.errors import Unmergeable
from memu_like.pure.markdown import parse
from memu_like.pure.three_way import merge_categories

HEAD = """\
---
topic: interest
description: Hobbies and pastimes
updated_at: 2023-10-22T09:55:00Z
---
# interest

Paints, and loves animals.

"""
PETS = """\
## pets
- Has a guinea pig named Oscar. ^osca
- Loves horses. ^hors
- Walks a dog. ^walk

## music
- Plays the guitar. ^guit
"""
BASE = HEAD + PETS


def body(text: str) -> str:
    return text.removeprefix(HEAD)


def lines(text: str) -> list[str]:
    return text.splitlines()


def both_ways(base: str | None, ours: str, theirs: str) -> str:
    """The merge; with the sides swapped it has the same lines, if perhaps in another order."""
    merged = merge_categories(base, ours, theirs)
    swapped = merge_categories(base, theirs, ours)
    assert sorted(lines(merged)) == sorted(lines(swapped))
    assert parse(merged).problem is None
    ids = [bullet.id for bullet in parse(merged).bullets if bullet.id]
    assert len(ids) == len(set(ids))
    return merged


# -- bullets


def test_bullets_that_both_sides_added_stand_once_each_ours_first() -> None:
    ours = BASE.replace("^walk\n", "^walk\n- Feeds ducks. ^duck\n")
    theirs = BASE.replace("^walk\n", "^walk\n- Keeps bees. ^bees\n- Has a cat. ^cats\n")
    merged = both_ways(BASE, ours, theirs)
    expected = "^walk\n- Feeds ducks. ^duck\n- Keeps bees. ^bees\n- Has a cat. ^cats\n\n## music"
    assert merged == BASE.replace("^walk\n\n## music", expected)


def test_a_change_on_one_side_wins_over_none() -> None:
    ours = BASE.replace("Loves horses.", "Loves horses above all.")
    theirs = BASE.replace("Walks a dog.", "Walks two dogs.")
    expected = ours.replace("Walks a dog.", "Walks two dogs.")
    assert both_ways(BASE, ours, theirs) == expected


def test_what_one_side_took_out_and_the_other_left_alone_goes() -> None:
    ours = BASE.replace("- Loves horses. ^hors\n", "")
    theirs = BASE.replace("- Walks a dog. ^walk\n", "")
    assert body(both_ways(BASE, ours, theirs)) == PETS.replace(
        "- Loves horses. ^hors\n- Walks a dog. ^walk\n", ""
    )


def test_what_one_side_took_out_and_the_other_changed_stays_as_changed() -> None:
    ours = BASE.replace("- Loves horses. ^hors\n", "").replace("guitar. ", "lute. ")
    theirs = BASE.replace("Loves horses.", "Loves horses above all.")
    assert both_ways(BASE, ours, theirs) == theirs.replace("guitar. ", "lute. ")


def test_two_wordings_of_a_bullet_are_both_kept_the_second_below_without_the_id() -> None:
    ours = BASE.replace("Loves horses.", "Loves ponies.")
    theirs = BASE.replace("Loves horses.", "Loves the neighbour's horses.")
    merged = both_ways(BASE, ours, theirs)
    assert "- Loves the neighbour's horses. ^hors\n- Loves ponies.\n- Walks" in merged
    assert merged.count("^hors") == 1


def test_the_same_change_on_both_sides_counts_once_punctuation_aside() -> None:
    ours = BASE.replace("Loves horses.", "Loves all horses.")
    theirs = BASE.replace("Loves horses.", "Loves all horses!")
    merged = both_ways(BASE, ours, theirs)
    assert merged.count("all horses") == 1


def test_a_denial_is_another_wording() -> None:
    ours = BASE.replace("Walks a dog.", "Walks a big old dog in the park every morning.")
    theirs = BASE.replace("Walks a dog.", "Never walks a big old dog in the park every morning.")
    merged = both_ways(BASE, ours, theirs)
    assert merged.count("in the park every morning") == 2


def test_the_same_words_added_on_both_sides_stand_once_with_the_smaller_id() -> None:
    ours = BASE + "- Sings in a choir. ^sing\n"
    theirs = BASE.replace("## music\n", "## music\n- Sings in a choir. ^aaaa\n")
    merged = both_ways(BASE, ours, theirs)
    assert merged.count("choir") == 1
    assert "^aaaa" in merged


def test_a_bullet_that_one_side_has_given_its_id_keeps_it_and_the_words_of_the_other() -> None:
    base = BASE + "- Sings in a choir.\n"
    ours = BASE + "- Sings in a choir. ^sing\n"
    theirs = BASE + "- Sings in a choir on Mondays.\n"
    assert both_ways(base, ours, theirs) == BASE + "- Sings in a choir on Mondays. ^sing\n"


def test_a_bullet_that_one_side_has_given_its_id_and_the_other_took_out_goes() -> None:
    base = BASE + "- Sings in a choir.\n"
    theirs = BASE.replace("Walks a dog.", "Walks two dogs.")
    assert both_ways(base, BASE + "- Sings in a choir. ^sing\n", theirs) == theirs


def test_two_ids_given_to_one_bullet_leave_the_smaller() -> None:
    base = BASE + "- Sings in a choir.\n"
    merged = both_ways(base, BASE + "- Sings in a choir. ^sing\n", BASE + "- Sings in a choir. ^choi\n")
    assert merged == BASE + "- Sings in a choir. ^choi\n"


def test_a_bullet_moved_on_one_side_and_changed_on_the_other_is_both() -> None:
    ours = BASE.replace("- Loves horses. ^hors\n", "") + "- Loves horses. ^hors\n"
    theirs = BASE.replace("Loves horses.", "Loves ponies.")
    assert both_ways(BASE, ours, theirs) == ours.replace("Loves horses.", "Loves ponies.")


def test_an_order_that_one_side_changed_is_the_order() -> None:
    theirs = BASE.replace(
        "- Loves horses. ^hors\n- Walks a dog. ^walk\n", "- Walks a dog. ^walk\n- Loves horses. ^hors\n"
    )
    ours = BASE.replace("guitar. ", "lute. ")
    assert both_ways(BASE, ours, theirs) == theirs.replace("guitar. ", "lute. ")


def test_nested_bullets_and_text_below_a_bullet_are_merged_with_it() -> None:
    base = BASE.replace("^walk\n", "^walk\n  - in the park ^park\n  - at night\n")
    ours = base.replace("in the park", "in the old park")
    theirs = base.replace("at night\n", "at night\n  - with a lamp\n")
    expected = "^walk\n  - in the old park ^park\n  - at night\n  - with a lamp\n"
    assert both_ways(base, ours, theirs) == BASE.replace("^walk\n", expected)


def test_a_nested_bullet_that_one_side_made_a_bullet_of_its_own_stands_once() -> None:
    base = BASE.replace("^walk\n", "^walk\n  - in the park ^park\n")
    ours = base.replace("in the park", "in the old park")
    theirs = BASE.replace("- Walks a dog. ^walk\n", "- in the park ^park\n")
    merged = both_ways(base, ours, theirs)
    assert merged.count("^park") == 1
    assert "  - in the old park ^park" in merged


def test_a_bullet_that_was_copied_with_its_id_loses_it() -> None:
    ours = BASE + "- Loves horses, and rides. ^hors\n"
    theirs = BASE.replace("Walks a dog.", "Walks two dogs.")
    merged = both_ways(BASE, ours, theirs)
    assert "- Loves horses. ^hors\n" in merged
    assert merged.endswith("- Loves horses, and rides.\n")


def test_words_typed_behind_an_id_are_a_change_of_that_bullet() -> None:
    ours = BASE.replace("Loves horses. ^hors", "Loves horses. ^hors and ponies")
    theirs = BASE.replace("Walks a dog.", "Walks two dogs.")
    assert both_ways(BASE, ours, theirs) == ours.replace("Walks a dog.", "Walks two dogs.")


# -- headings


def test_new_headings_of_both_sides_stand() -> None:
    ours = BASE + "\n## sport\n- Runs. ^runs\n"
    theirs = BASE + "\n## food\n- Bakes. ^bake\n"
    assert (
        body(both_ways(BASE, ours, theirs)) == PETS + "\n## sport\n- Runs. ^runs\n\n## food\n- Bakes. ^bake\n"
    )


def test_one_new_heading_on_both_sides_is_one_heading() -> None:
    ours = BASE + "\n## Sport\n- Runs. ^runs\n"
    theirs = BASE + "\n## sport\n- Swims. ^swim\n"
    merged = both_ways(BASE, ours, theirs)
    assert merged.endswith("port\n- Runs. ^runs\n- Swims. ^swim\n")
    assert merged.lower().count("## sport") == 1


def test_a_heading_renamed_on_one_side_takes_what_the_other_adds_under_the_old_name() -> None:
    ours = BASE.replace("^walk\n", "^walk\n- Feeds ducks. ^duck\n")
    theirs = BASE.replace("## pets", "## animals")
    assert both_ways(BASE, ours, theirs) == ours.replace("## pets", "## animals")


def test_a_heading_that_both_renamed_has_one_name() -> None:
    merged = both_ways(BASE, BASE.replace("## pets", "## animals"), BASE.replace("## pets", "## beasts"))
    assert merged == BASE.replace("## pets", "## animals")


def test_a_section_deleted_on_one_side_stays_where_the_other_added_to_it() -> None:
    ours = HEAD + PETS.partition("## music")[0].rstrip("\n") + "\n"
    theirs = BASE + "- Sings. ^sing\n"
    merged = both_ways(BASE, ours, theirs)
    assert merged.endswith("## music\n- Sings. ^sing\n")


def test_a_section_deleted_on_one_side_and_left_alone_on_the_other_goes() -> None:
    ours = HEAD + PETS.partition("## music")[0].rstrip("\n") + "\n"
    theirs = BASE.replace("Walks a dog.", "Walks two dogs.")
    assert "music" not in both_ways(BASE, ours, theirs)


# -- front matter and summary


def test_the_later_time_stands() -> None:
    ours = BASE.replace("2023-10-22", "2023-11-01")
    theirs = BASE.replace("2023-10-22", "2023-12-24").replace("guitar", "lute")
    assert "updated_at: 2023-12-24T09:55:00Z" in both_ways(BASE, ours, theirs)


def test_keys_that_a_person_added_on_either_side_are_kept() -> None:
    ours = BASE.replace("---\n# ", "cssclass: wide\n---\n# ")
    theirs = BASE.replace("---\n# ", "tags:\n  - me\n---\n# ")
    assert "cssclass: wide\ntags:\n  - me\n---\n# interest" in merge_categories(BASE, ours, theirs)
    both_ways(BASE, ours, theirs)


def test_of_two_new_descriptions_the_longer_stands() -> None:
    ours = BASE.replace("Hobbies and pastimes", "What she likes")
    theirs = BASE.replace("Hobbies and pastimes", "What she likes to do")
    assert "description: What she likes to do\n" in both_ways(BASE, ours, theirs)


def test_a_field_that_a_person_took_out_stays_out() -> None:
    ours = BASE.replace("updated_at: 2023-10-22T09:55:00Z\n", "")
    theirs = BASE.replace("2023-10-22", "2023-12-24")
    assert "updated_at" not in both_ways(BASE, ours, theirs)


def test_one_summary_stands() -> None:
    ours = BASE.replace("Paints, and loves animals.", "Paints.")
    theirs = BASE.replace("Paints, and loves animals.", "Sings, and loves animals.")
    merged = both_ways(BASE, ours, theirs)
    assert "\nSings, and loves animals.\n" in merged
    assert "\nPaints.\n" not in merged


def test_a_paragraph_that_a_person_put_before_the_summary_is_none() -> None:
    ours = BASE.replace("Paints, and", "A note of my own.\n\nPaints, and")
    theirs = BASE.replace("Paints, and loves animals.", "Sings, and loves animals.")
    merged = both_ways(BASE, ours, theirs)
    assert "A note of my own.\n\nSings, and loves animals.\n" in merged


# -- what a person put between the bullets


def test_prose_and_tables_of_both_sides_stand_as_whole_blocks() -> None:
    ours = BASE.replace("^walk\n", "^walk\n\nA note\nof two lines.\n")
    theirs = BASE.replace("^walk\n", "^walk\n\n| a | b |\n|---|---|\n| 1 | 2 |\n")
    merged = both_ways(BASE, ours, theirs)
    assert "^walk\n\nA note\nof two lines.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n## music" in merged


def test_rows_that_both_sides_added_to_a_table_are_rows_of_that_table() -> None:
    table = "\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    base = BASE + table
    merged = both_ways(base, base + "| 3 | 4 |\n", base + "| 5 | 6 |\n")
    assert merged == base + "| 3 | 4 |\n| 5 | 6 |\n"


def test_a_code_fence_is_never_torn() -> None:
    base = BASE + "\n```py\nx = 1\n## no heading\ny = 2\n```\n"
    ours, theirs = base.replace("x = 1", "x = 3"), base.replace("x = 1", "x = 4")
    merged = both_ways(base, ours, theirs)
    for code in ("x = 3", "x = 4"):
        assert f"```py\n{code}\n## no heading\ny = 2\n```\n" in merged
    assert merged.count("```") == 4


def test_changes_apart_in_one_code_fence_are_both_made() -> None:
    base = BASE + "\n```py\nx = 1\nz = 0\ny = 2\n```\n"
    ours, theirs = base.replace("x = 1", "x = 3"), base.replace("y = 2", "y = 4")
    assert both_ways(base, ours, theirs) == BASE + "\n```py\nx = 3\nz = 0\ny = 4\n```\n"


def test_prose_glued_to_a_bullet_without_an_id_does_not_become_part_of_it() -> None:
    base = BASE.replace("^walk\n", "^walk\nGlued to the dog.\n")
    ours = base.replace("^walk\n", "^walk\n- Feeds ducks.\n")
    theirs = base.replace("guitar. ", "lute. ")
    merged = merge_categories(base, theirs, ours)
    assert "Glued to the dog." in lines(merged)
    assert merge_categories(base, ours, theirs) == ours.replace("guitar. ", "lute. ")


# -- files


def test_a_file_that_both_sides_made_is_one_file() -> None:
    ours = HEAD + "## pets\n- Has a cat. ^cats\n"
    theirs = HEAD.replace("10-22", "11-22") + "## music\n- Plays the guitar. ^guit\n"
    expected = (
        HEAD.replace("10-22", "11-22")
        + "## pets\n- Has a cat. ^cats\n\n## music\n- Plays the guitar. ^guit\n"
    )
    assert both_ways(None, ours, theirs) == expected
    assert merge_categories("", ours, theirs) == expected


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_bom_and_line_ends_stay_as_ours(end: str) -> None:
    ours = "\ufeff" + (BASE + "- Sings. ^sing").replace("\n", end)
    theirs = BASE.replace("Walks a dog.", "Walks two dogs.")
    assert merge_categories(BASE, ours, theirs) == ours.replace("Walks a dog.", "Walks two dogs.")


def test_a_file_whose_line_ends_their_editor_changed_keeps_ours() -> None:
    theirs = BASE.replace("Walks a dog.", "Walks two dogs.").replace("\n", "\r\n")
    ours = BASE.replace("guitar. ", "lute. ")
    assert merge_categories(BASE, ours, theirs) == ours.replace("Walks a dog.", "Walks two dogs.")


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (BASE + "```\nopen\n", "not closed"),
        (BASE + "<<<<<<< HEAD\n- a\n=======\n- b\n>>>>>>> other\n", "conflict marker"),
        (BASE.replace("---\n# interest", "# interest"), "front matter is not closed"),
    ],
)
def test_a_file_that_cannot_be_told_is_refused(broken: str, reason: str) -> None:
    other = BASE.replace("Walks a dog.", "Walks two dogs.")
    for ours, theirs in ((broken, other), (other, broken)):
        with pytest.raises(Unmergeable, match=reason) as caught:
            merge_categories(BASE, ours, theirs, "categories/interest.md")
        assert "categories/interest.md" in str(caught.value)


def test_merging_again_after_both_copies_merged_changes_nothing() -> None:
    ours = BASE.replace("Loves horses.", "Loves ponies.") + "- Sings. ^sing\n"
    theirs = BASE.replace("Loves horses.", "Loves big horses.") + "- Hums. ^hums\n"
    one, two = merge_categories(BASE, ours, theirs), merge_categories(BASE, theirs, ours)
    again = both_ways(BASE, one, two)
    assert sorted(lines(again)) == sorted(lines(one))
