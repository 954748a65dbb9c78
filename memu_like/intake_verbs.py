"""The verbs that take something in: messages and blobs into the buffer, and runs on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from .edges.folder import UserFolder
from .edges.inputs import is_path, read_input
from .edges.loaders import load, load_messages
from .errors import InvalidInput, NotFound
from .models import Blob, BlobType, BufferCount, Loaded, Modality
from .reading import ReadableMemory
from .results import MemorizeReport
from .usecases import blobs, buffering, forgetting, memorize
from .usecases.desk import Progress
from .usecases.flushing import Flusher
from .workshop import Workshop


class IntakeVerbs(ReadableMemory):
    """What is buffered is durable on return; a run on it may be made at once, or in the background."""

    def __init__(self, shop: Workshop, folder: UserFolder, flusher: Flusher) -> None:
        super().__init__(shop, folder)
        self._flusher = flusher

    async def add(self, messages: Sequence[Mapping[str, Any]] | Mapping[str, Any]) -> int:
        """Buffer messages; they are durable, and found by search, on return. Returns how many.

        A message is {"role", "content", "name"?, "created_at"?, "id"?, ...}. Raises InvalidInput, and then
        none is kept.
        """
        batch = [messages] if isinstance(messages, Mapping) else messages
        if isinstance(batch, str | bytes) or not isinstance(batch, Sequence):
            raise InvalidInput(f"messages must be a list of objects, not {type(batch).__name__}")
        count = await self._shop.write_beside(self.folder, memorize.add, batch)
        self._flusher.changed(self.user_id)
        return count

    async def insert(self, blob: Blob, *, wait: bool = False, new_user: bool = True) -> str:
        """Buffer a blob, durably; returns its id. With `wait`, also run on what is buffered.

        Of a blob that is there already under its own id nothing is written. Raises InvalidInput, Conflict
        where another one has that id, and without `new_user` NotFound where nobody has made the user.
        """
        if blob.id is not None and await self._is_known(blob):
            return blob.id
        blob_id = await self._shop.write_beside(self.folder, blobs.insert, blob, new_user=new_user)
        self._flusher.changed(self.user_id)
        if wait:
            await self.flush()
        return blob_id

    async def _is_known(self, blob: Blob) -> bool:
        try:
            return await self._read(blobs.is_known, blob)
        except NotFound:  # the user
            return False

    async def blob(self, blob_id: str) -> Blob:
        """A blob as it was given, buffered or memorized. Raises NotFound."""
        return await self._read(blobs.blob, blob_id)

    async def blobs(self, type: BlobType | str, page: int = 0, page_size: int = 10) -> list[str]:
        """The ids of the blobs of a type, oldest first: the page `page`, from 0, of `page_size` each."""
        return await self._read(blobs.blobs, type, page, page_size)

    async def delete_blob(self, blob_id: str) -> None:
        """Erase a blob, buffered or memorized, and what came of it. Raises NotFound."""
        await self._shop.write(self.folder, forgetting.delete_blob, blob_id)

    async def buffered(self, type: BlobType | str = "chat", status: str = "idle") -> list[str]:
        """The ids of the blobs of a type that are idle, processing, done (the latest of them) or failed."""
        failed = self.user_id in self._flusher.errors
        return await self._read(buffering.ids_in, type, status, failed=failed)

    async def buffer_states(self) -> dict[BlobType, BufferCount]:
        """How many blobs of each type are in each state, and what is idle in tokens."""
        return await self._read(buffering.counts, failed=self.user_id in self._flusher.errors)

    async def memorize(
        self,
        source: str | Path | bytes | Sequence[Mapping[str, Any]],
        *,
        modality: str | Modality | None = None,
        format: str | None = None,
        name: str | None = None,
        progress: Progress | None = None,
        model: bool = True,
        dry_run: bool = False,
    ) -> MemorizeReport:
        """Store and run on a file (a path), bytes, a text, or messages; what is buffered goes with it.

        A `str` is a path where such a file exists or it looks like one (one line, no space or with a known
        ending), else a text. Raises LoadError and InvalidInput, and then nothing is written. A configured
        language model does the extraction unless `model` is False; runs that it cannot make are in the
        report's `kept`. With `dry_run` nothing is written, and the report's `operations` say what would be.
        """
        loaded = await self._load(source, Modality(modality) if modality else None, format, name)
        return await self._memorize(loaded, progress, model=model, dry_run=dry_run)

    async def flush(
        self,
        progress: Progress | None = None,
        *,
        model: bool = True,
        dry_run: bool = False,
        retry: bool = False,
        wait: bool = True,
    ) -> MemorizeReport:
        """Run on what is buffered, and on what an interrupted run left; `model` and `dry_run` as above.

        With `retry`, also make the runs that were kept because the model's replies could not be used. Without
        `wait` it is done in the background, as soon as a worker is free, and the report is empty.
        """
        if not wait:
            self._flusher.soon(self.user_id)
            return MemorizeReport(self.user_id)
        return await self._memorize((), progress, model=model, dry_run=dry_run, retry=retry)

    async def _memorize(
        self,
        loaded: Sequence[Loaded],
        progress: Progress | None,
        *,
        model: bool,
        dry_run: bool,
        retry: bool = False,
    ) -> MemorizeReport:
        if dry_run:
            return await self._preview(loaded, model=model)
        self._flusher.flushing(self.user_id)
        report = await self._run(loaded, progress, model=model, retry=retry)
        if model:
            self._flusher.flushed(self.user_id, report)
        return self._shop.commits.tell(report)

    async def _preview(self, loaded: Sequence[Loaded], *, model: bool) -> MemorizeReport:
        room = await self._shop.room(self.folder)
        if room.tools.model is None or not model:
            return await room.write(partial(memorize.preview, loaded=loaded))
        from .usecases import model_runs

        return await model_runs.preview_with_model(room, loaded)

    async def _run(
        self, loaded: Sequence[Loaded], progress: Progress | None, *, model: bool, retry: bool
    ) -> MemorizeReport:
        room = await self._shop.room(self.folder)
        if room.tools.model is None or not model:
            return await room.write(partial(memorize.memorize, loaded=loaded, progress=progress, retry=retry))
        from .usecases import model_runs  # what needs a model is loaded with one: opening a memory is fast

        return await model_runs.memorize_with_model(room, loaded, progress, retry=retry)

    async def _load(
        self, source: object, modality: Modality | None, format: str | None, name: str | None
    ) -> tuple[Loaded, ...]:
        settings = self._shop.settings
        tools = await self._shop.tools()
        timezone, gap, limit = tools.timezone, tools.session_gap, settings.max_message_bytes
        if isinstance(source, str) and not is_path(source):
            source, name = source.encode("utf-8", "surrogatepass"), name or "text"
        if isinstance(source, str | Path):
            data = await read_input(Path(source), settings.max_file_bytes)
            name = name or Path(source).name
        elif isinstance(source, bytes | bytearray):
            data = bytes(source)
        elif isinstance(source, Sequence):
            given = partial(
                load_messages, source, timezone=timezone, session_gap=gap, max_message_bytes=limit
            )
            return await self._shop.blocking(given)
        else:
            raise InvalidInput(
                f"cannot memorize a {type(source).__name__}: give a path, bytes, text or messages"
            )
        work = partial(
            load,
            data,
            name or "input",
            format=format,
            modality=modality,
            timezone=timezone,
            session_gap=gap,
            max_message_bytes=limit,
        )
        return await self._shop.blocking(work)
