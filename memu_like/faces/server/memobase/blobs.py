"""Blobs, and the buffer that they wait in until a run reads them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from ....models import Blob, BlobType
from ..requests import User
from . import forms
from .envelope import answer
from .reading import or_nothing

router = APIRouter(tags=["blobs"])
Wait = Annotated[bool, Query(description="Answer once memory has read what is buffered.")]


class NewBlob(BaseModel):
    blob_type: BlobType
    blob_data: Annotated[dict[str, Any], Field(description="By type: messages, content, summary, ...")]
    fields: dict[str, Any] | None = None
    id: Annotated[str | None, Field(description="One's own: sent again, the blob is kept once.")] = None
    created_at: datetime | None = None

    def blob(self) -> Blob:
        """The npm client repeats the rest of the blob within its data."""
        data = {key: value for key, value in self.blob_data.items() if key not in ("type", "fields")}
        return Blob(self.blob_type, data, self.id, self.created_at, self.fields)


@router.post("/blobs/insert/{user_id}")
async def insert_blob(user: User, body: NewBlob, wait_process: Wait = False) -> Response:
    """Keep a blob and buffer it; it is on disk, and found by search, when the answer comes."""
    # A user that nobody made is an error, as with Memobase.
    blob_id = await user.insert(body.blob(), wait=wait_process, new_user=False)
    return answer({"id": blob_id, "chat_results": []})


@router.get("/blobs/{user_id}/{blob_id}")
async def get_blob(user: User, blob_id: str) -> Response:
    """A blob as it was given. It is kept after a run has read it."""
    return answer(forms.blob(await user.blob(blob_id)))


@router.delete("/blobs/{user_id}/{blob_id}")
async def delete_blob(user: User, blob_id: str) -> Response:
    """Erase a blob, and what came of it."""
    await user.delete_blob(blob_id)
    return answer()


@router.get("/users/blobs/{user_id}/{blob_type}")
async def get_blobs(
    user: User,
    blob_type: BlobType,
    page: Annotated[int, Query(ge=0, le=2**31)] = 0,
    page_size: Annotated[int, Query(ge=1, le=1000)] = 10,
) -> Response:
    return answer({"ids": await or_nothing(user.blobs(blob_type, page, page_size), [])})


@router.get("/users/buffer/capacity/{user_id}/{blob_type}", tags=["buffer"])
async def buffer_capacity(
    user: User,
    blob_type: BlobType,
    status: Annotated[str, Query(pattern="^(idle|processing|failed|done)$")] = "processing",
) -> Response:
    """The ids of the blobs in this state."""
    return answer({"ids": await or_nothing(user.buffered(blob_type, status), [])})


@router.post("/users/buffer/{user_id}/{blob_type}", tags=["buffer"])
async def flush_buffer(user: User, blob_type: BlobType, wait_process: Wait = False) -> Response:
    """Have memory read what is buffered, of all types, now or in the background."""
    await user.record()
    await user.flush(wait=wait_process)
    return answer()
