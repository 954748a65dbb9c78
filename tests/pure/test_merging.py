from dataclasses import replace
from datetime import UTC, datetime

import pytest

from memu_like.errors import Unmergeable
from memu_like.pure.merging import (
    CategoryPlan,
    SlotPlan,
    base_of,
    bullets_of,
    description_base,
    merge,
    summary_base,
)

FIRST, THEN = datetime(2023, 10, 22, 9, 55, tzinfo=UTC), datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)

WRITTEN_FIRST = CategoryPlan(
    "interest",
    "Hobbies, tastes and pastimes",
    FIRST,
    "Likes animals.",
    (
        SlotPlan("pets", (("dog11", "Has a dog."), ("cat22", "Has a cat."), ("fish33", "Has a fish."))),
        SlotPlan("art", (("oil44", "Paints."),)),
    ),
)
FILE = """\
---
topic: interest
description: Hobbies, tastes and pastimes
updated_at: 2023-10-22T09:55:00Z
---
# interest

Likes animals.

## pets
- Has a dog. ^dog11
- Has a cat. ^cat22
- Has a fish. ^fish33

## art
- Paints. ^oil44
"""


def following(plan, written, **changes):
    """The plan of the next run: what was written is its base."""
    return replace(
        plan,
        base=base_of(written, plan),
        previous_summary=summary_base(written, plan),
        previous_description=description_base(written, plan),
        updated_at=THEN,
        **changes,
    )


# The next run: the dog got a name, there is a horse that ranks second, and the fish is gone.
NEXT = following(
    WRITTEN_FIRST,
    FILE,
    slots=(
        SlotPlan(
            "pets",
            (("dog11", "Has a dog named Rex."), ("horse5", "Rides a horse."), ("cat22", "Has a cat.")),
            removed=frozenset({"fish33"}),
        ),
        SlotPlan("art", (("oil44", "Paints."),)),
    ),
)
HEAD = "# interest\n\nLikes animals.\n\n"
TAIL = "\n## art\n- Paints. ^oil44\n"
UNEDITED = "## pets\n- Has a dog. ^dog11\n- Has a cat. ^cat22\n- Has a fish. ^fish33\n"

# What stands in the pets slot after a person's edit, and what stands there after the next run.
EDITS = {
    "nothing was edited": (
        UNEDITED,
        "## pets\n- Has a dog named Rex. ^dog11\n- Rides a horse. ^horse5\n- Has a cat. ^cat22\n",
    ),
    "a changed bullet is neither updated nor moved": (
        "## pets\n- Has a big dog. ^dog11\n- Has a cat. ^cat22\n- Has a fish. ^fish33\n",
        "## pets\n- Has a big dog. ^dog11\n- Rides a horse. ^horse5\n- Has a cat. ^cat22\n",
    ),
    "a changed bullet is not removed": (
        "## pets\n- Has a dog. ^dog11\n- Has a cat. ^cat22\n- Has a goldfish. ^fish33\n",
        "## pets\n- Has a dog named Rex. ^dog11\n- Rides a horse. ^horse5\n- Has a cat. ^cat22\n"
        "- Has a goldfish. ^fish33\n",
    ),
    "a deleted bullet does not come back": (
        "## pets\n- Has a cat. ^cat22\n",
        "## pets\n- Rides a horse. ^horse5\n- Has a cat. ^cat22\n",
    ),
    "reordered bullets keep their order": (
        "## pets\n- Has a cat. ^cat22\n- Has a fish. ^fish33\n- Has a dog. ^dog11\n",
        "## pets\n- Has a cat. ^cat22\n- Has a dog named Rex. ^dog11\n- Rides a horse. ^horse5\n",
    ),
    "a person's bullet stays, and new ones go below the list": (
        "## pets\n- Has a dog. ^dog11\n- my own words\n- Has a cat. ^cat22\n",
        "## pets\n- Has a dog named Rex. ^dog11\n- my own words\n- Has a cat. ^cat22\n"
        "- Rides a horse. ^horse5\n",
    ),
    "prose below the list": (
        UNEDITED + "\nShe told me so in May.\n",
        "## pets\n- Has a dog named Rex. ^dog11\n- Has a cat. ^cat22\n- Rides a horse. ^horse5\n"
        "\nShe told me so in May.\n",
    ),
    "prose above the list": (
        "## pets\nAll of them are old:\n- Has a dog. ^dog11\n- Has a cat. ^cat22\n",
        "## pets\nAll of them are old:\n- Has a dog named Rex. ^dog11\n- Has a cat. ^cat22\n"
        "- Rides a horse. ^horse5\n",
    ),
    "prose between two lists": (
        "## pets\n- Has a dog. ^dog11\n\nAnd then:\n\n- Has a cat. ^cat22\n",
        "## pets\n- Has a dog named Rex. ^dog11\n- Rides a horse. ^horse5\n"
        "\nAnd then:\n\n- Has a cat. ^cat22\n",
    ),
    "prose glued to the last bullet": (
        "## pets\n- Has a dog. ^dog11\n- Has a cat. ^cat22\nIt is called Tom.\n",
        "## pets\n- Has a dog named Rex. ^dog11\n- Rides a horse. ^horse5\n- Has a cat. ^cat22\n"
        "It is called Tom.\n",
    ),
    "prose glued to the only bullet": (
        "## pets\n- Has a cat. ^cat22\nIt is called Tom.\n",
        "## pets\n- Rides a horse. ^horse5\n- Has a cat. ^cat22\nIt is called Tom.\n",
    ),
    "prose glued to a bullet that goes": (
        "## pets\n- mine\n- Has a fish. ^fish33\nIt is called Wanda.\n",
        "## pets\n- mine\n- Rides a horse. ^horse5\n\nIt is called Wanda.\n",
    ),
    "a nested bullet pins the one above it": (
        "## pets\n- Has a dog. ^dog11\n  - a spaniel\n- Has a cat. ^cat22\n",
        "## pets\n- Has a dog. ^dog11\n  - a spaniel\n- Rides a horse. ^horse5\n- Has a cat. ^cat22\n",
    ),
    "an indented line pins the bullet": (
        "## pets\n- Has a dog. ^dog11\n\n  A spaniel.\n",
        "## pets\n- Has a dog. ^dog11\n\n  A spaniel.\n- Rides a horse. ^horse5\n",
    ),
    "a bullet indented below another is still the same bullet": (
        "## pets\n- Has a cat. ^cat22\n  - Has a dog. ^dog11\n  - Has a fish. ^fish33\n",
        "## pets\n- Has a cat. ^cat22\n  - Has a dog named Rex. ^dog11\n- Rides a horse. ^horse5\n",
    ),
    "a bullet that others were indented below does not go": (
        "## pets\n- Has a fish. ^fish33\n  - Has a cat. ^cat22\n",
        "## pets\n- Rides a horse. ^horse5\n- Has a fish. ^fish33\n  - Has a cat. ^cat22\n",
    ),
    "a bullet indented below another goes like any other": (
        "## pets\n- Has a cat. ^cat22\n  - Has a fish. ^fish33\n",
        "## pets\n- Rides a horse. ^horse5\n- Has a cat. ^cat22\n",
    ),
    "a wrapped bullet is a person's": (
        "## pets\n- Has\n  a dog. ^dog11\n- Has a cat. ^cat22\n",
        "## pets\n- Has\n  a dog. ^dog11\n- Rides a horse. ^horse5\n- Has a cat. ^cat22\n",
    ),
    "words typed after the id": (
        "## pets\n- Has a dog. ^dog11 A spaniel.\n- Has a cat. ^cat22\n",
        "## pets\n- Has a dog. ^dog11 A spaniel.\n- Rides a horse. ^horse5\n- Has a cat. ^cat22\n",
    ),
    "a ticked box pins": (
        "## pets\n- [x] Has a dog. ^dog11\n",
        "## pets\n- [x] Has a dog. ^dog11\n- Rides a horse. ^horse5\n",
    ),
    "another marker and spaces at the end stay": (
        "## pets\n* Has a dog. ^dog11  \n* Has a cat. ^cat22\n",
        "## pets\n* Has a dog named Rex. ^dog11  \n* Rides a horse. ^horse5\n* Has a cat. ^cat22\n",
    ),
    "a block id of a person's own stays": (
        "## pets\n- Has a dog. ^dog11 ^My-dog\n",
        "## pets\n- Has a dog named Rex. ^dog11 ^My-dog\n- Rides a horse. ^horse5\n",
    ),
    "a copied bullet is left alone, both times": (
        "## pets\n- Has a dog. ^dog11\n- Has a dog. ^dog11\n- Has a fish. ^fish33\n- Has a fish. ^fish33\n",
        "## pets\n- Has a dog. ^dog11\n- Has a dog. ^dog11\n- Rides a horse. ^horse5\n"
        "- Has a fish. ^fish33\n- Has a fish. ^fish33\n",
    ),
    "an id taken off makes the bullet a person's": (
        "## pets\n- Has a dog.\n- Has a cat. ^cat22\n",
        "## pets\n- Has a dog.\n- Has a cat. ^cat22\n- Rides a horse. ^horse5\n",
    ),
    "an emptied bullet is a deleted one that keeps its place": (
        "## pets\n- ^dog11\n- Has a cat. ^cat22\n",
        "## pets\n- ^dog11\n- Rides a horse. ^horse5\n- Has a cat. ^cat22\n",
    ),
    "a bullet commented out does not come back": (
        "## pets\n<!-- - Has a dog. ^dog11 -->\n- Has a cat. ^cat22\n",
        "## pets\n<!-- - Has a dog. ^dog11 -->\n- Has a cat. ^cat22\n- Rides a horse. ^horse5\n",
    ),
    "bullets in a code fence are no bullets": (
        "## pets\n- Has a cat. ^cat22\n\n```md\n- Has a dog. ^dog11\n## pets\n```\n",
        "## pets\n- Has a cat. ^cat22\n- Rides a horse. ^horse5\n"
        "\n```md\n- Has a dog. ^dog11\n## pets\n```\n",
    ),
    "a table and an image": (
        "## pets\n- Has a cat. ^cat22\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n![Tom](tom.png)\n",
        "## pets\n- Has a cat. ^cat22\n- Rides a horse. ^horse5\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
        "\n![Tom](tom.png)\n",
    ),
    "a deeper heading ends the list": (
        "## pets\n- Has a cat. ^cat22\n### deeper\n- Has a dog. ^dog11\n",
        "## pets\n- Rides a horse. ^horse5\n- Has a cat. ^cat22\n### deeper\n- Has a dog named Rex. ^dog11\n",
    ),
    "only prose stands in the slot": (
        "## pets\nThey all died.\n",
        "## pets\nThey all died.\n\n- Rides a horse. ^horse5\n",
    ),
    "nothing stands in the slot": ("## pets\n", "## pets\n- Rides a horse. ^horse5\n"),
    "a list with blank lines": (
        "## pets\n\n- Has a dog. ^dog11\n\n- Has a cat. ^cat22\n",
        "## pets\n\n- Has a dog named Rex. ^dog11\n- Rides a horse. ^horse5\n\n- Has a cat. ^cat22\n",
    ),
    "the heading in capitals is the same slot": (
        "##  Pets  ##\n- Has a cat. ^cat22\n",
        "##  Pets  ##\n- Rides a horse. ^horse5\n- Has a cat. ^cat22\n",
    ),
    "a bullet moved to another heading stays there": (
        "## pets\n- Has a cat. ^cat22\n\n## dogs\n- Has a dog. ^dog11\n",
        "## pets\n- Rides a horse. ^horse5\n- Has a cat. ^cat22\n\n## dogs\n- Has a dog named Rex. ^dog11\n",
    ),
    "a bullet moved above all headings stays there": (
        "- Has a dog. ^dog11\n\n## pets\n- Has a cat. ^cat22\n",
        "- Has a dog named Rex. ^dog11\n\n## pets\n- Rides a horse. ^horse5\n- Has a cat. ^cat22\n",
    ),
}
# Where the slot itself is gone: the whole body before and after.
BODIES = {
    "a renamed heading keeps its bullets, and the slot comes anew at the end": (
        HEAD + UNEDITED.replace("pets", "animals") + TAIL,
        HEAD + "## animals\n- Has a dog named Rex. ^dog11\n- Has a cat. ^cat22\n" + TAIL + "\n"
        "## pets\n- Rides a horse. ^horse5\n",
    ),
    "a deleted slot comes back with new bullets only, in its order": (
        HEAD + TAIL[1:],
        HEAD + "## pets\n- Rides a horse. ^horse5\n" + TAIL,
    ),
    "a new slot goes to the end where a person wrote something": (
        HEAD + TAIL[1:] + "\nA note.\n",
        HEAD + TAIL[1:] + "\nA note.\n\n## pets\n- Rides a horse. ^horse5\n",
    ),
    "a deleted title and summary stay deleted": (
        "## pets\n- Has a cat. ^cat22\n",
        "## pets\n- Rides a horse. ^horse5\n- Has a cat. ^cat22\n",
    ),
    "a second front matter block is text": (
        HEAD + "---\ntopic: other\n---\n\n" + UNEDITED,
        HEAD + "---\ntopic: other\n---\n\n"
        "## pets\n- Has a dog named Rex. ^dog11\n- Rides a horse. ^horse5\n- Has a cat. ^cat22\n",
    ),
}
BODIES.update({name: (HEAD + old + TAIL, HEAD + new + TAIL) for name, (old, new) in EDITS.items()})


def front(text, updated="2023-10-22T09:55:00Z"):
    fields = f"topic: interest\ndescription: Hobbies, tastes and pastimes\nupdated_at: {updated}\n"
    return f"---\n{fields}---\n{text}"


@pytest.mark.parametrize(("before", "after"), BODIES.values(), ids=BODIES.keys())
def test_a_run_after_an_edit(before, after):
    assert merge(front(before), NEXT) == front(after, "2024-01-02T03:04:05Z")


@pytest.mark.parametrize(("before", "after"), BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize(
    "shape",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.removesuffix("\n"),
        lambda text: text.removesuffix("\n").replace("\n", "\r\n"),
    ],
    ids=["CRLF", "BOM", "no final newline", "CRLF and no final newline"],
)
def test_a_run_keeps_line_ends_bom_and_a_missing_final_newline(before, after, shape):
    assert merge(shape(front(before)), NEXT) == shape(front(after, "2024-01-02T03:04:05Z"))


def test_a_file_from_scratch_has_the_documented_layout():
    assert merge(None, WRITTEN_FIRST) == FILE
    assert merge("", WRITTEN_FIRST) == FILE
    assert merge("\ufeff\n", WRITTEN_FIRST) == "\ufeff" + FILE


def test_a_run_with_nothing_new_changes_no_byte():
    assert merge(FILE, following(WRITTEN_FIRST, FILE)) == FILE


def test_mixed_line_ends_stay_and_new_lines_take_the_usual_one():
    text = "# t\r\n## pets\r\n- Has a cat. ^cat22\n"
    assert merge(text, NEXT).startswith("# t\r\n## pets\r\n- Rides a horse. ^horse5\r\n- Has a cat. ^cat22\n")


def test_an_own_file_without_front_matter_gets_none():
    assert merge("## pets\nmine", NEXT) == "## pets\nmine\n\n- Rides a horse. ^horse5"


def test_front_matter_of_a_person_is_kept():
    text = FILE.replace("updated_at", "tags: [a, b]\n# note\nupdated_at").replace("topic: interest\n", "")
    merged = merge(text, NEXT)
    assert merged.startswith(
        "---\ndescription: Hobbies, tastes and pastimes\ntags: [a, b]\n# note\n"
        "updated_at: 2024-01-02T03:04:05Z\n---\n"
    )


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        ("Hobbies, tastes and pastimes", 'description: "Fun: all of it"'),
        ("My words", "description: My words"),
    ],
)
def test_the_description_changes_only_while_it_is_the_machines(standing, expected):
    text = FILE.replace("Hobbies, tastes and pastimes", standing)
    merged = merge(text, following(WRITTEN_FIRST, FILE, description="Fun: all of it"))
    assert merged.split("\n")[2] == expected


@pytest.mark.parametrize(
    ("standing", "new", "expected"),
    [
        ("Likes animals.\n\n", "Rides.", "# interest\n\nRides.\n\n## pets"),
        ("Likes animals.\n\n", "", "# interest\n\n## pets"),
        ("Loves animals.\n\n", "Rides.", "# interest\n\nLoves animals.\n\n## pets"),
        ("Likes animals.\nAnd me.\n\n", "Rides.", "# interest\n\nLikes animals.\nAnd me.\n\n## pets"),
        ("", "Rides.", "# interest\n\n## pets"),
        ("Likes animals.\n\nMine.\n\n", "# Rides", "# interest\n\n\\# Rides\n\nMine.\n\n## pets"),
    ],
)
def test_the_summary_changes_only_while_it_is_the_machines(standing, new, expected):
    text = FILE.replace("Likes animals.\n\n", standing)
    assert expected in merge(text, following(WRITTEN_FIRST, FILE, summary=new))


def test_a_first_summary_goes_below_the_title_unless_a_person_wrote_there():
    plan = replace(WRITTEN_FIRST, summary="")
    bare = merge(None, plan)
    assert "# interest\n\n## pets" in bare
    later = following(plan, bare, summary="Rides.")
    assert merge(bare, later) == merge(None, replace(WRITTEN_FIRST, summary="Rides.", updated_at=THEN))
    mine = bare.replace("# interest\n", "# interest\nMine.\n")
    assert merge(mine, later) == mine
    assert summary_base(mine, later) == ""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("---\ntopic: interest\n\n## pets\n- Has a dog. ^dog11\n", 1),
        (FILE + "```\nopen\n", 17),
        (FILE + "<!-- open\n", 17),
        (FILE.replace("- Has a cat. ^cat22\n", "<<<<<<< HEAD\n=======\n>>>>>>> x\n"), 12),
        ("", 1),
        ("\r\n \n", 1),
    ],
)
def test_a_file_that_cannot_be_told_is_refused_with_its_place(text, line):
    with pytest.raises(Unmergeable) as error:
        merge(text, replace(NEXT, path="caroline/categories/interest.md"))
    assert str(error.value).startswith(f"caroline/categories/interest.md:{line}: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["two\nlines", "ends with ^other1", " starts blank", "# fine\r"])
def test_a_bullet_that_would_not_read_back_is_never_written(text):
    with pytest.raises(ValueError, match="bullet_text"):
        merge(None, replace(WRITTEN_FIRST, slots=(SlotPlan("pets", (("dog11", text),)),)))


@pytest.mark.parametrize("item_id", ["abc", "ABCD1", "with-dash", "a" * 13, ""])
def test_an_id_that_is_no_block_id_of_ours_is_refused(item_id):
    with pytest.raises(ValueError, match="block id"):
        replace(WRITTEN_FIRST, slots=(SlotPlan("pets", ((item_id, "x"),)),))


def test_the_base_keeps_pins_and_deletions_and_forgets_what_the_machine_removed():
    edited = FILE.replace("Has a dog.", "Has a big dog.").replace("- Has a cat. ^cat22\n", "")
    merged = merge(edited, NEXT)
    assert base_of(merged, NEXT) == {
        "dog11": "Has a dog.",
        "cat22": "Has a cat.",
        "horse5": "Rides a horse.",
        "oil44": "Paints.",
    }
    assert bullets_of(merged) == {"dog11": "Has a big dog.", "horse5": "Rides a horse.", "oil44": "Paints."}


def test_an_entry_that_left_for_want_of_room_may_come_back():
    away = merge(FILE, NEXT)
    again = following(NEXT, away, slots=WRITTEN_FIRST.slots)
    assert "- Has a fish. ^fish33\n" in merge(away, again)


def test_two_spellings_of_one_slot_share_a_heading():
    plan = replace(
        WRITTEN_FIRST, slots=(SlotPlan("Pets", (("dog11", "a"),)), SlotPlan("pets ", (("cat22", "b"),)))
    )
    assert merge(None, plan).endswith("\n## Pets\n- a ^dog11\n- b ^cat22\n")


def test_bullets_without_a_slot_stand_below_the_summary():
    plan = replace(WRITTEN_FIRST, slots=(SlotPlan("", (("dog11", "a"),)), SlotPlan("art", (("oil44", "b"),))))
    assert merge(None, plan).endswith("\nLikes animals.\n\n- a ^dog11\n\n## art\n- b ^oil44\n")


def test_an_entry_goes_together_with_the_one_indented_below_it():
    text = "## pets\n- Has a fish. ^fish33\n  - Has a cat. ^cat22\n- mine\n"
    gone = SlotPlan("pets", removed=frozenset({"fish33", "cat22"}))
    assert merge(text, replace(NEXT, slots=(gone,))) == "## pets\n- mine\n"
