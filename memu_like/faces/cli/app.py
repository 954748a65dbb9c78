"""The app: the options that every command takes, and how a command comes to its store and its user."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from .output import note, rendered, to_json, write

if TYPE_CHECKING:  # imported where they are needed: `--help` must not wait for numpy and pydantic
    from ...service import MemoryService, UserMemory

Work = Callable[..., Coroutine[Any, Any, None]]
DEFAULT_USER = "me"

UserOption = Annotated[
    str | None,
    typer.Option("--user", "-u", metavar="ID", help="Whose memory. Default: the only user of the store."),
]
RootUserOption = Annotated[
    str | None,
    typer.Option(
        "--user",
        "-u",
        metavar="ID",
        envvar="MEMU_LIKE_USER",
        help="Whose memory. Default: the only user of the store.",
    ),
]
StoreOption = Annotated[
    Path | None,
    typer.Option(
        "--store",
        "-s",
        metavar="DIR",
        help="The store. Default: MEMU_LIKE_STORE, else ./memory_store.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an internal error.")]


@dataclass(slots=True)
class Call:
    """The common options as given so far, wherever they stood: what stands further right wins."""

    user_id: str | None = None
    store: Path | None = None
    json: bool = False
    debug: bool = False

    def take(self, user: str | None, store: Path | None, as_json: bool, debug: bool) -> None:
        self.user_id = self.user_id if user is None else user
        self.store = self.store if store is None else store
        self.json = self.json or as_json
        self.debug = self.debug or debug

    @asynccontextmanager
    async def service(self, *, background: bool = False) -> AsyncIterator[MemoryService]:
        """The service of the store; at the end what it wrote is committed, or a note says why not."""
        from ...service import MemoryService

        async with MemoryService(self.store, background=background) as service:
            yield service
            for problem in await service.committed():
                note(f"note: {problem}")

    async def user(self, service: MemoryService) -> UserMemory:
        """The user that was named, else the only one there is."""
        from ...errors import NotFound, UserError

        if self.user_id is not None:
            return service.user(self.user_id)
        users = await service.users()
        if not users:
            raise NotFound("memory", str(service.store), "memorize something first")
        if len(users) > 1:
            raise UserError(f"the store has {len(users)} users; name one with --user: {_listed(users)}")
        return service.user(users[0])

    def new_user(self, service: MemoryService) -> UserMemory:
        """The user that was named, else `DEFAULT_USER`: for what may start a folder."""
        return service.user(DEFAULT_USER if self.user_id is None else self.user_id)

    def show(self, value: object, render: Callable[[Console], None]) -> None:
        """Print a result: `value` as JSON where that was asked for, else what `render` makes of it."""
        write(to_json(value) if self.json else rendered(render))


def _listed(users: Sequence[str], limit: int = 20) -> str:
    more = f" and {len(users) - limit} more" if len(users) > limit else ""
    return ", ".join(users[:limit]) + more


class DefaultGroup(TyperGroup):
    """A group that lists where no command of it is named: `items --json` is `items list --json`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if "--help" not in args and not any(arg in self.commands for arg in args):
            args = ["list", *args]
        return super().parse_args(ctx, args)


COMMANDS = (
    *("demo", "init", "memorize", "add", "flush", "reorganise"),
    *("retrieve", "respond", "context", "profile", "show", "stats", "users"),
    *("sync", "watch", "history", "diff", "blame", "revert"),
    *("items", "events", "resources", "category", "prompts", "config"),
    *("reindex", "doctor", "export", "import", "import-memobase", "forget"),
    *("serve", "mcp"),
    "bench",
)


class RootGroup(TyperGroup):
    """Lists the commands in the order in which one meets them."""

    def list_commands(self, ctx: Any) -> list[str]:
        # What git runs is hidden, and stands behind the rest.
        places = {name: place for place, name in enumerate(COMMANDS)}
        return sorted(super().list_commands(ctx), key=lambda name: places.get(name, len(places)))


app = typer.Typer(
    cls=RootGroup,
    name="memu-like",
    help="Long-term memory for LLM applications, kept as plain files.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def group(name: str, help: str, *, lists: bool = True) -> typer.Typer:
    """A sub-app whose commands take the common options, as it does itself; it `lists` by default, or asks."""
    made = typer.Typer(cls=DefaultGroup if lists else TyperGroup, help=help, no_args_is_help=not lists)

    def options(
        ctx: typer.Context,
        user: UserOption = None,
        store: StoreOption = None,
        as_json: JsonOption = False,
        debug: DebugOption = False,
    ) -> None:
        ctx.ensure_object(Call).take(user, store, as_json, debug)

    made.callback()(options)
    app.add_typer(made, name=name)
    return made


def _common(
    ctx: typer.Context,
    user: UserOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """The parameters that `command` gives to every command."""


def command(name: str, to: typer.Typer = app) -> Callable[[Work], Work]:
    """Register a coroutine as a command: its first parameter is the Call, the others are its own options."""

    def register(work: Work) -> Work:
        def run(ctx: typer.Context, **values: Any) -> None:
            call = ctx.ensure_object(Call)
            call.take(values.pop("user"), values.pop("store"), values.pop("as_json"), values.pop("debug"))
            asyncio.run(work(call, **values))

        own = list(inspect.signature(work, eval_str=True).parameters.values())[1:]
        first, *common = inspect.signature(_common, eval_str=True).parameters.values()
        shown = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in (first, *own, *common)]
        # What typer reads the command line's shape from.
        run.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in shown}
        run.__doc__ = work.__doc__
        to.command(name)(run)
        return work

    return register


@app.callback()
def root(
    ctx: typer.Context,
    user: RootUserOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Long-term memory for LLM applications, kept as plain files that people read, edit and version."""
    ctx.ensure_object(Call).take(user, store, as_json, debug)
    if version:
        from ... import __version__

        write(f"memu-like {__version__}")
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        help = ctx.get_help()  # typer with rich has printed it by then, and returns nothing
        if help:
            write(help)
