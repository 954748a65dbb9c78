"""The command that answers: respond."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from ...errors import UserError
from .app import Call, command
from .asking import read_history
from .output import note, plain, remembered, write, write_piece

if TYPE_CHECKING:
    from ...results import Reply
    from ...service import UserMemory


MetadataOption = Annotated[
    list[str] | None, typer.Option("--metadata", metavar="KEY=VALUE", help="Of the moment; may be repeated.")
]
HistoryOption = Annotated[
    str | None,
    typer.Option("--history", metavar="FILE", help="What was said before: JSON messages; - for stdin."),
]


@command("respond")
async def respond(
    call: Call,
    query: Annotated[str, typer.Argument(help="What to answer.")],
    style: Annotated[
        str | None, typer.Option("--style", help="How the answer reads: terse, warm, ...")
    ] = None,
    role: Annotated[str | None, typer.Option("--role", help="As whom the model speaks.")] = None,
    language: Annotated[
        str | None, typer.Option("--language", help="Of the answer. Default: that of the question.")
    ] = None,
    metadata: MetadataOption = None,
    max_tokens: Annotated[
        int, typer.Option("--max-tokens", help="Of the memory that the model is shown.")
    ] = 1000,
    method: Annotated[
        str | None, typer.Option("--method", help="How memory is searched: rag or llm.")
    ] = None,
    history: HistoryOption = None,
    add: Annotated[bool, typer.Option("--add", help="Buffer the question and the answer.")] = False,
    stream: Annotated[
        bool | None, typer.Option("--stream/--no-stream", help="As it is written. Default: at a terminal.")
    ] = None,
) -> None:
    """Answer out of memory with a language model, and say where each statement stands."""
    how: dict[str, Any] = {
        "style": style,
        "role": role,
        "language": language,
        "metadata": _pairs(metadata or ()),
        "max_tokens": max_tokens,
        "method": method,
        "add": add,
    }
    streamed = not call.json and (sys.stdout.isatty() if stream is None else stream)
    async with call.service() as service:
        if history is not None:
            how["conversation_history"] = read_history(history, service.settings.max_file_bytes)
        user = call.new_user(service) if add else await call.user(service)
        reply = await (_streamed(user, query, how) if streamed else user.respond(query, **how))
    if not streamed:
        call.show(reply, lambda out: _print_reply(out, reply))
    elif reply.citations:
        call.show(reply, lambda out: _print_citations(out, reply))
    for problem in () if call.json else reply.degraded:
        note(f"note: {problem}")


def _pairs(given: Sequence[str]) -> Mapping[str, str]:
    pairs = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not equals or not key.strip():
            raise UserError(f"--metadata {one[:60]!r}: give KEY=VALUE")
        pairs[key.strip()] = value.strip()
    return pairs


async def _streamed(user: UserMemory, query: str, how: dict[str, Any]) -> Reply:
    """Print the pieces as they come; the reply that they end with."""
    from ...results import Reply

    async for piece in user.respond_stream(query, **how):
        if isinstance(piece, Reply):
            write("")
            return piece
        write_piece(plain(piece))
    raise AssertionError("a stream ends with its reply")


def _print_reply(out: Console, reply: Reply) -> None:
    out.out(plain(reply.text))
    _print_citations(out, reply)


def _print_citations(out: Console, reply: Reply) -> None:
    for number, hit in zip(reply.numbers, reply.citations, strict=True):
        line = Text(f"[{number}] ", style="bold")
        line.append(remembered(hit.place, "dim")).append("  ")
        line.append(f"{hit.date:%Y-%m-%d}  " if hit.date else "")
        out.print(line.append(remembered(hit.text)))
