from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from memu_like.errors import Unmergeable
from memu_like.pure.markdown import entries, parse
from memu_like.pure.merging import CategoryPlan, SlotPlan, base_of, description_base, merge, summary_base
from memu_like.pure.rendering import neutral_line

FIRST, THEN = datetime(2023, 10, 22, 9, 55, tzinfo=UTC), datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)

texts = st.one_of(st.text("ab#-*>`|[]()<!%^1 \n", max_size=10), st.text(max_size=10))
names = st.one_of(st.sampled_from(["pets", "art", "Music", "", "C#", "# x"]), texts)
ids = st.sampled_from([f"item{number}" for number in range(10)])


@st.composite
def plans(draw):
    left = [f"item{number}" for number in range(10)]
    slots = []
    for name in draw(st.lists(names, max_size=3)):
        chosen = draw(st.lists(st.sampled_from(left), unique=True, max_size=4)) if left else []
        left = [item_id for item_id in left if item_id not in chosen]
        removed = draw(st.frozensets(st.sampled_from(left), max_size=3)) if left else frozenset()
        slots.append(SlotPlan(name, tuple((i, neutral_line(draw(texts))) for i in chosen), removed))
    return CategoryPlan(draw(texts), draw(texts), FIRST, draw(texts), tuple(slots))


EDIT_LINES = [
    *("", "  ", "mine", "- mine", "* mine", "  - nested", "  more", "\tmore", " - odd", "-   wide"),
    *("> q", "| a |", "```\ncode\n```", "<!-- x -->", "## art", "## own", "# title", "### deep"),
    *("- Copy. ^item1", "  - in ^item2", "- foreign ^My-id", "1. one", "---", "%%\n- x ^item3\n%%", "-"),
    *("* * *", "- [ ] task", "   - odder", "  ## indented"),
]


@st.composite
def edited(draw, text):
    """A file after some edits of a person: lines inserted, deleted, doubled, moved, indented, extended."""
    lines = text.split("\n")
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(["insert", "insert", "delete", "double", "move", "indent", "extend"])):
            case "insert":
                lines.insert(at, draw(st.sampled_from(EDIT_LINES)))
            case "delete" if len(lines) > 1:
                del lines[at]
            case "double":
                lines.insert(at, lines[at])
            case "move":
                lines.insert(draw(st.integers(0, len(lines) - 1)), lines.pop(at))
            case "indent":
                lines[at] = draw(st.sampled_from([" ", "  ", "\t"])) + lines[at]
            case "extend":
                lines[at] += draw(st.sampled_from([" more", "  ", " ^My-id"]))
    return draw(st.sampled_from(["\n", "\r\n"])).join(lines)


@st.composite
def histories(draw):
    """A machine's file as a person left it, and the next plan for it."""
    first, second = draw(plans()), draw(plans())
    written = merge(None, first)
    following_plan = replace(
        second,
        base=base_of(written, first),
        previous_summary=summary_base(written, first),
        previous_description=description_base(written, first),
        updated_at=THEN,
    )
    return draw(edited(written)), following_plan


@given(plans())
def test_any_plan_is_read_back_from_its_file_and_a_second_run_changes_nothing(plan):
    written = merge(None, plan)
    document = parse(written)
    assert document.problem is None
    shown = {(entry.id, entry.text) for entry in entries(document, "t", "p") if entry.id}
    assert shown == set(plan.bullets)
    assert base_of(written, plan) == dict(plan.bullets)
    again = replace(
        plan,
        base=base_of(written, plan),
        previous_summary=plan.summary,
        previous_description=plan.description,
        updated_at=THEN,
    )
    assert merge(written, again) == written


def mergeable(text, plan):
    try:
        return merge(text, plan)
    except Unmergeable:
        return None


@given(histories())
def test_a_merge_is_idempotent(history):
    text, plan = history
    merged = mergeable(text, plan)
    if merged is not None:
        again = replace(
            plan,
            base=base_of(merged, plan),
            previous_summary=summary_base(merged, plan),
            previous_description=description_base(merged, plan),
        )
        assert merge(merged, again) == merged
        assert merge(merged, replace(again, updated_at=FIRST)) == merged


@given(histories())
def test_a_merge_loses_no_line_of_a_person_and_reads_every_entry_as_before(history):
    text, plan = history
    merged = mergeable(text, plan)
    if merged is None:
        return
    known = {*plan.base, *dict(plan.bullets)}
    before = entries(parse(text, known), "t", "p")
    after = entries(parse(merged, known), "t", "p")
    planned, removed = dict(plan.bullets), plan.removed
    counts = Counter(entry.id for entry in before)

    def machines(entry):
        return counts[entry.id] == 1 and plan.base.get(entry.id) == entry.text

    kept = [(e.id, e.text, e.slot) for e in before if not machines(e)]
    own = [(e.id, e.text, e.slot) for e in after if e.id not in planned or (e.id, e.text, e.slot) in kept]
    assert [entry for entry in own if entry in kept] == kept
    for entry in after:
        if entry.id is not None and counts[entry.id] == 0:
            assert planned[entry.id] == entry.text
            assert entry.id not in plan.base
    stay = {e.id for e in before if e.id} - removed
    new = {item_id for item_id in planned if not counts[item_id] and item_id not in plan.base}
    assert stay | new <= {e.id for e in after} <= stay | new | {e.id for e in before}
    changeable = {e.text for e in before if machines(e)} | {neutral_line(plan.previous_summary)}
    lines = iter(line.text for line in parse(merged).lines)
    for line in parse(text).lines:
        machine = any(part and part in line.text for part in changeable) or not line.text.strip()
        machine = machine or line.text.startswith(("updated_at:", "description:"))
        if not machine and " ^item" not in line.text:
            assert line.text in lines, f"{line.text!r} was lost or moved"
