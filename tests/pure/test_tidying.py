"""Two wordings of a bullet, once it is settled which is meant: the machine's other one goes."""

from __future__ import annotations

from memu_like.pure.tidying import Wordings, tidy

SETTLED = [Wordings("osca", lambda text: text == "Has two pigs.", lambda text: text == "Has a pig.")]


def test_the_id_goes_from_the_machines_wording_to_the_one_that_is_meant() -> None:
    text = "# pets\n\n- Loves tea.\n- Has a pig. ^osca\n- Has two pigs.\n- Has a cat. ^cats\n"
    expected = "# pets\n\n- Loves tea.\n- Has two pigs. ^osca\n- Has a cat. ^cats\n"
    assert tidy(text, ["osca"], SETTLED) == expected
    assert tidy(expected, ["osca"], SETTLED) == expected


def test_the_machines_wording_beside_the_one_that_is_meant_goes() -> None:
    text = "\ufeff- Has two pigs. ^osca\r\n- Has a pig.\r\n- Has a cat. ^cats"
    assert tidy(text, ["osca"], SETTLED) == "\ufeff- Has two pigs. ^osca\r\n- Has a cat. ^cats"


def test_another_persons_wording_stays() -> None:
    for text in ("- Has two pigs. ^osca\n- Has three pigs.\n", "- Has three pigs. ^osca\n- Has two pigs.\n"):
        assert tidy(text, ["osca"], SETTLED) == text


def test_what_hangs_below_a_bullet_is_never_dropped() -> None:
    text = "- Has two pigs. ^osca\n- Has a pig.\n  - a brown one\n"
    assert tidy(text, ["osca"], SETTLED) == text


def test_a_file_without_the_item_stays() -> None:
    assert tidy("- Has a pig.\n- Has two pigs.\n", [], SETTLED) == "- Has a pig.\n- Has two pigs.\n"
