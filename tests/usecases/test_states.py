"""Comparing two readings leaves out what is the same, and tells what comparing all of it would."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from memu_like.models import Item, Origin, Status
from memu_like.pure.changes import difference, state_of
from memu_like.usecases.states import Read, states

NAMES = frozenset({"caroline"})
ITEM = Item(
    id="oscar1",
    rev=1,
    status=Status.ACTIVE,
    type="profile",
    text="Has a guinea pig",
    subject="caroline",
    categories=("pets",),
    slot="animals",
    run="r1",
    created_at=datetime(2026, 1, 2, tzinfo=UTC),
    origin=Origin.HUMAN,
)
IDS = ("oscar1", "paint1", "work12", "home34")
TEXTS = ("Has a guinea pig", "Paints", "Works", "Lives here")

items = st.dictionaries(
    st.sampled_from(IDS),
    st.builds(
        replace,
        st.just(ITEM),
        text=st.sampled_from(TEXTS),
        status=st.sampled_from(list(Status)),
        categories=st.sampled_from([("pets",), ("work",)]),
        slot=st.sampled_from(["animals", "job"]),
        reason=st.sampled_from([None, *(f"refined by {one}" for one in IDS)]),
    ),
    max_size=4,
).map(lambda found: {one: replace(item, id=one) for one, item in found.items()})
bullets = st.tuples(st.sampled_from(TEXTS), st.sampled_from(["", *(f" ^{one}" for one in IDS)]))
pages = st.lists(bullets, max_size=3).map(
    lambda found: "# topic\n\n## animals\n" + "".join(f"- {text}{mark}\n" for text, mark in found)
)
texts = st.dictionaries(st.sampled_from(["pets", "work"]), pages, max_size=2)
readings = st.builds(Read, items, texts, st.frozensets(st.sampled_from(IDS), max_size=1))


@settings(max_examples=400)
@given(readings, readings, st.booleans(), st.booleans())
def test_leaving_out_what_is_the_same_leaves_out_no_change(
    before: Read, after: Read, same_items: bool, same_texts: bool
) -> None:
    after = replace(
        after,
        items=before.items if same_items else after.items,
        texts=before.texts if same_texts else after.texts,
    )
    whole = [state_of(one.items, one.texts, NAMES, one.deleted) for one in (before, after)]
    assert difference(*states(before, after, NAMES)) == difference(*whole)
