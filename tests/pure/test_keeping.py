"""What is made of short texts is kept; of long ones, and of too many, it is not."""

from __future__ import annotations

from memu_like.pure.keeping import CHARACTERS, TEXTS, keeping


class Capitals:
    """Counts its work."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, text: str) -> str:
        self.asked.append(text)
        return text.upper()


def test_a_short_text_is_worked_on_once() -> None:
    work = Capitals()
    capitals = keeping(work)
    assert [capitals("tea"), capitals("tea"), capitals("rain")] == ["TEA", "TEA", "RAIN"]
    assert work.asked == ["tea", "rain"]


def test_a_long_text_is_not_kept() -> None:
    work = Capitals()
    capitals = keeping(work)
    for _ in range(2):
        assert capitals("x" * (CHARACTERS + 1)) == "X" * (CHARACTERS + 1)
    assert len(work.asked) == 2


def test_the_oldest_text_goes_first() -> None:
    work = Capitals()
    capitals = keeping(work)
    for number in range(TEXTS + 1):
        capitals(str(number))
    work.asked.clear()
    capitals(str(TEXTS))
    capitals("0")
    assert work.asked == ["0"]
