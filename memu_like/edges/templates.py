"""jinja2: a template's source to the messages of a prompt, so that no text can open a message or leave its
fence.

The role comments divide the source before anything is put in. Data has no string form, its attributes are
out of reach, and `finalize` turns it into its fence wherever it is put out: a filter or a concatenation of it
is an error. A template holds text, expressions, `if`, `for` and `set`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, cast

from ..chat import ChatMessage
from ..errors import PromptError
from ..pure.fencing import Data, Value

if TYPE_CHECKING:
    from jinja2 import Template as Part
    from jinja2.sandbox import SandboxedEnvironment

Role = Literal["system", "user", "assistant"]
ROLES = ("system", "user", "assistant")
NOTE = re.compile(r"\{#-?\s*(\w+)\s*:\s*(.*?)\s*-?#\}", re.DOTALL)
COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
ROLE = re.compile(r"\{#-?\s*role\s*:\s*(\w*)\s*-?#\}")
TEMPLATE = "<template>"
"""What jinja2 calls a template that comes from no loader, in tracebacks."""


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template. `notes` are its comments of the form `{# name: text #}`, `uses` the variables that
    it asks for."""

    file: str
    notes: Mapping[str, str]
    uses: frozenset[str]
    parts: tuple[tuple[Role, Part], ...]

    def render(self, variables: Mapping[str, Value | Sample]) -> tuple[ChatMessage, ...]:
        """The messages, those that come out blank left out. Raises PromptError."""
        rendered = [(role, _rendered(self.file, part, variables).strip()) for role, part in self.parts]
        messages = tuple(ChatMessage(role, content) for role, content in rendered if content)
        if not messages:
            raise PromptError(self.file, None, "the prompt is empty")
        return messages


class Sample:
    """Stands for any value when a template is tried out: it renders as `value`, its attributes and elements
    are itself, and as a list it has two elements, or none where it is not `full`."""

    def __init__(self, value: Value = "sample", *, full: bool = True) -> None:
        self.value, self.full = value, full

    def __bool__(self) -> bool:
        return self.full

    def __len__(self) -> int:
        return 2 if self.full else 0

    def __iter__(self) -> Iterator[Sample]:
        return iter((self, self) if self.full else ())

    def __str__(self) -> str:
        return str(self.value)

    def __call__(self, *_: object, **__: object) -> Sample:
        return self

    def _same(self, _: object = None) -> Sample:
        return self

    def _holds(self, _: object) -> bool:
        return self.full

    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _holds
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __floordiv__ = _same
    __mod__ = __neg__ = _same


def parse_template(file: str, source: str) -> Template:
    """`file` is what errors call it. Raises PromptError."""
    from jinja2 import meta

    parts, uses = [], set[str]()
    for role, line, text in _divided(file, source):
        tree, part = _compiled(file, "\n" * line + text)
        uses |= meta.find_undeclared_variables(tree)
        parts.append((role, part))
    notes = {name: text for name, text in NOTE.findall(source) if name != "role"}
    return Template(file, notes, frozenset(uses - _environment().globals.keys()), tuple(parts))


def _divided(file: str, source: str) -> Iterator[tuple[Role, int, str]]:
    """Each role, the count of lines before its part of the source, and the part."""
    marks = list(ROLE.finditer(source))
    if not marks:
        raise PromptError(file, 1, "there is no {# role: system #} or {# role: user #}")
    if COMMENT.sub("", source[: marks[0].start()]).strip():
        raise PromptError(file, 1, "text stands before the first {# role: ... #}")
    ends = [*(mark.start() for mark in marks[1:]), len(source)]
    for mark, end in zip(marks, ends, strict=True):
        line = source.count("\n", 0, mark.end())
        if mark[1] not in ROLES:
            raise PromptError(file, line + 1, f"{mark[1]!r} is no role; there are {', '.join(ROLES)}")
        yield cast("Role", mark[1]), line, source[mark.end() : end]


def _compiled(file: str, source: str) -> tuple[Any, Part]:
    from jinja2 import TemplateSyntaxError, nodes

    # What would make a string of a fence, which could then be cut, or read other files.
    refused = (nodes.FilterBlock, nodes.AssignBlock, nodes.Macro, nodes.CallBlock, nodes.Block)
    outside = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
    try:
        tree = _environment().parse(source)
        for node in tree.find_all((*refused, *outside)):
            raise PromptError(file, node.lineno, "a template has expressions, if, for and set only")
        return tree, _environment().from_string(source)
    except TemplateSyntaxError as error:
        raise PromptError(file, error.lineno, _line(error.message or "it does not parse")) from error
    except RecursionError as error:
        raise PromptError(file, None, "it is nested too deeply") from error


def _rendered(file: str, part: Part, variables: Mapping[str, Any]) -> str:
    from jinja2 import TemplateError

    try:
        return part.render(variables)
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
        raise PromptError(file, _line_of(error), _line(str(error))) from error


def _line_of(error: BaseException) -> int | None:
    """The template's line, which jinja2 puts into the traceback."""
    line, trace = None, error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == TEMPLATE:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _line(text: str) -> str:
    return " ".join(text.split())[:200]


def _put_out(value: object) -> object:
    """What an expression of a template becomes, before it is made a string."""
    if isinstance(value, Sample):
        return _put_out(value.value)
    if isinstance(value, Data):
        return value.fenced()
    if value is None:
        raise TypeError("a value is None here: ask for it with {% if ... %}")
    if isinstance(value, list | tuple | Mapping):
        raise TypeError("a list or a mapping needs a {% for ... %}")
    return value


@cache
def _environment() -> SandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Environment(ImmutableSandboxedEnvironment):
        def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
            return not isinstance(obj, Data) and super().is_safe_attribute(obj, attr, value)

        def getattr(self, obj: Any, attribute: str) -> Any:
            if isinstance(obj, Sample):
                return obj
            if isinstance(obj, Mapping) and attribute in obj:  # before a method of that name, such as items
                return obj[attribute]
            return super().getattr(obj, attribute)

        def getitem(self, obj: Any, argument: Any) -> Any:
            return obj if isinstance(obj, Sample) else super().getitem(obj, argument)

    made = Environment(
        undefined=StrictUndefined,
        finalize=_put_out,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=(),
    )
    del made.globals["lipsum"], made.filters["random"]  # a prompt is the same every time
    return made
