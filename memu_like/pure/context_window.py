"""A context of two sections, profile and events, in a prompt: the budget holds for the whole text.

A prompt of the application's own is plain text with `{profile_section}` and `{event_section}` in it. Nothing
else in braces is taken: a prompt reads no attribute and formats no value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from string import Formatter

from ..errors import InvalidInput

Count = Callable[[str], int]
PROFILE, EVENTS = "profile_section", "event_section"
MAX_PROMPT = 32_000
"""Characters."""
PATIENCE = 8
"""A section is full once this many lines in a row did not fit."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the sections: texts, and the names of sections where those go.

    With `headings`, a section stands behind its heading, and an empty one takes its heading away.
    """

    parts: tuple[tuple[str, str], ...]
    headings: tuple[str, str] = ("", "")

    def copies(self, section: str) -> int:
        return sum(name == section for _, name in self.parts)

    def render(self, profile: Sequence[str], events: Sequence[str]) -> str:
        texts = {
            PROFILE: _section(self.headings[0], profile),
            EVENTS: _section(self.headings[1], events),
            "": "",
        }
        return "".join(text + texts[name] for text, name in self.parts)


def _section(heading: str, lines: Sequence[str]) -> str:
    return "\n".join(
        [*([heading] if heading and lines else []), *lines, *([""] if heading and lines else [])]
    )


def plain_frame(title: str, profile: str, events: str) -> Frame:
    """Our own: a title, and each section under its heading."""
    return Frame(((f"{title}\n", PROFILE), ("", EVENTS)), (f"\n## {profile}", f"\n## {events}"))


def custom_frame(prompt: object) -> Frame:
    """The application's own prompt; "{{" and "}}" stand for braces. Raises InvalidInput."""
    if not isinstance(prompt, str) or len(prompt) > MAX_PROMPT:
        raise InvalidInput(f"customize_context_prompt must be a text of at most {MAX_PROMPT} characters")
    try:
        parts = list(Formatter().parse(prompt))
    except ValueError as error:
        raise InvalidInput(f"customize_context_prompt: {error}; write {{{{ and }}}} for braces") from error
    for _, name, form, conversion in parts:
        if name is not None and (name not in (PROFILE, EVENTS) or form or conversion):
            raise InvalidInput(
                f"customize_context_prompt: {{{name}}} is not taken, {{{PROFILE}}} and {{{EVENTS}}} are; "
                "write {{ and }} for braces"
            )
    return Frame(tuple((text, name or "") for text, name, _, _ in parts))


@dataclass(frozen=True, slots=True)
class Budget:
    """Tokens of the whole text; the profile may take `share` of them, the events the rest.

    With `fill`, events take what the profile leaves as well.
    """

    tokens: int
    share: float
    fill: bool


def take_profile(frame: Frame, slots: Sequence[Sequence[str]], budget: Budget, count: Count) -> list[str]:
    """The lines of the slots that fit: of each its longest form that does, and none where none does."""
    allowed = min(_free(frame, budget, count), int(budget.tokens * budget.share))
    taken = _take(frame, slots, allowed, PROFILE, count)
    while taken and count(frame.render(taken, ())) > budget.tokens:
        taken.pop()
    return taken


def take_events(
    frame: Frame, profile: Sequence[str], lines: Iterable[str], budget: Budget, count: Count
) -> list[str]:
    """The lines of events that fit beside the profile's, in their order."""
    left = budget.tokens - count(frame.render(profile, ()))
    allowed = left if budget.fill else min(left, budget.tokens - int(budget.tokens * budget.share))
    taken = _take(frame, ((line,) for line in lines), allowed, EVENTS, count)
    while taken and count(frame.render(profile, taken)) > budget.tokens:
        taken.pop()
    return taken


def _free(frame: Frame, budget: Budget, count: Count) -> int:
    return budget.tokens - count(frame.render((), ()))


def _take(
    frame: Frame, lines: Iterable[Sequence[str]], allowed: int, section: str, count: Count
) -> list[str]:
    copies = frame.copies(section)
    left = allowed - count(frame.headings[section == EVENTS] + "\n")
    taken: list[str] = []
    missed = 0
    for forms in lines:
        if not copies or missed == PATIENCE or left <= 0:
            break
        costs = ((form, copies * count(form + "\n")) for form in forms)
        form, cost = next(((form, cost) for form, cost in costs if cost <= left), ("", 0))
        missed = 0 if form else missed + 1
        if form:
            taken.append(form)
            left -= cost
    return taken
