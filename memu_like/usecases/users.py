"""Users: making one, what an application keeps about it (`data` in `user.json`), and listing them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypedDict, get_args

from ..edges import buffer
from ..edges.folder import USER_FILE, UserFolder
from ..errors import Conflict, CorruptFile, InvalidInput, NotFound, StorageError
from ..pure.markdown import entries, parse
from ..results import UserPage, UserRecord, UserSummary
from .desk import Desk

MAX_DATA_BYTES = 256 * 1024
"""Of `data` as JSON: it is read whole whenever it is asked for."""
MAX_PAGE = 1000
UserOrder = Literal["updated_at", "profile_count", "event_count"]


@dataclass(frozen=True, slots=True)
class UserQuery:
    """Which users to list: ids that hold `search`, in order, `limit` of them from `offset` on."""

    search: str = ""
    order_by: UserOrder = "updated_at"
    descending: bool = True
    limit: int = 10
    offset: int = 0

    def __post_init__(self) -> None:
        if self.order_by not in get_args(UserOrder):
            raise InvalidInput(f"order_by {self.order_by!r} is not one of {', '.join(get_args(UserOrder))}")
        if not 0 <= self.limit <= MAX_PAGE or self.offset < 0:
            raise InvalidInput(f"limit must be from 0 to {MAX_PAGE}, and offset from 0 on")


class Query(TypedDict, total=False):
    """The fields of UserQuery."""

    search: str
    order_by: UserOrder
    descending: bool
    limit: int
    offset: int


# -- one user


def create(desk: Desk, data: Mapping[str, Any] | None) -> UserRecord:
    """Make the user. Where it is there already, Conflict, unless `data` is None or what stands there."""
    rendered = _checked(data or {})
    folder, timeout = desk.folder, desk.settings.lock_timeout_seconds
    with folder.lock(buffer.LOCK, timeout):  # who forgets the user holds it too
        if folder.exists():
            record = _record(folder)
            if data is None or _checked(record.data) == rendered:
                return record
            raise Conflict(f"user {folder.user_id!r}", json.dumps(record.data, ensure_ascii=False))
        folder.create()
        if data:
            _write(folder, data)
        return _record(folder)


def record(desk: Desk) -> UserRecord:
    """The user with its data. Raises NotFound."""
    return _record(desk.folder)


def set_data(desk: Desk, data: Mapping[str, Any] | None) -> UserRecord:
    """Replace what the application keeps about the user. Raises NotFound, InvalidInput."""
    _checked(data or {})
    desk.folder.require()
    with desk.folder.lock(buffer.LOCK, desk.settings.lock_timeout_seconds):
        desk.folder.require()
        _write(desk.folder, data or {})
        return _record(desk.folder)


def _checked(data: Mapping[str, Any]) -> str:
    """`data` as JSON with its keys in order. Raises InvalidInput for what is none, or too much."""
    try:
        text = json.dumps(data, ensure_ascii=False, sort_keys=True, allow_nan=False)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput("data must be a JSON object: text, numbers, true, false, null, lists") from error
    if not isinstance(data, Mapping):
        raise InvalidInput(f"data must be a JSON object, not {type(data).__name__}")
    if size > MAX_DATA_BYTES:
        raise InvalidInput(f"data is {size} bytes as JSON; {MAX_DATA_BYTES} are the most that is kept")
    return text


def _write(folder: UserFolder, data: Mapping[str, Any]) -> None:
    # To the microsecond: a listing is in this order.
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    values = {**folder.profile_data(), "data": dict(data), "updated_at": now}
    folder.write(USER_FILE, json.dumps(values, ensure_ascii=False, indent=2).encode() + b"\n")


def _record(folder: UserFolder) -> UserRecord:
    values = folder.profile_data()
    data, created_at = values.get("data"), values.get("created_at")
    return UserRecord(
        id=folder.user_id,
        data=data if isinstance(data, dict) else {},
        created_at=_time(folder, created_at),
        updated_at=_time(folder, values.get("updated_at", created_at)),
    )


def _time(folder: UserFolder, value: object) -> datetime:
    try:
        found = datetime.fromisoformat(value)  # type: ignore[arg-type]  # what is no text raises TypeError
    except (TypeError, ValueError) as error:
        raise CorruptFile(folder.path(USER_FILE), None, "created_at or updated_at is no time") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


# -- all users


def page(folders: Sequence[UserFolder], wanted: UserQuery) -> UserPage:
    """The users that `wanted` asks for. A folder that cannot be read is told of, and the others listed.

    Only where the order is by a count is every user counted; else the ones that are shown.
    """
    chosen = [folder for folder in folders if wanted.search.casefold() in folder.user_id.casefold()]
    degraded: list[str] = []
    if wanted.order_by == "updated_at":
        records = [(found, folder) for folder in chosen if (found := _readable(folder, degraded))]
        records.sort(key=lambda pair: (pair[0].updated_at, pair[0].id), reverse=wanted.descending)
        shown = records[wanted.offset : wanted.offset + wanted.limit]
        users = [one for found, folder in shown if (one := _summary(folder, found, degraded))]
        return UserPage(tuple(users), len(records), tuple(degraded))
    known = [(_readable(folder, degraded), folder) for folder in chosen]
    users = [one for record, folder in known if record and (one := _summary(folder, record, degraded))]
    users.sort(key=lambda one: (_count(one, wanted.order_by), one.record.id), reverse=wanted.descending)
    return UserPage(tuple(users[wanted.offset : wanted.offset + wanted.limit]), len(users), tuple(degraded))


def _count(user: UserSummary, order: UserOrder) -> int:
    return user.profiles if order == "profile_count" else user.events


def _readable(folder: UserFolder, degraded: list[str]) -> UserRecord | None:
    try:
        folder.require()
        return _record(folder)
    except NotFound:
        return None  # forgotten since it was found
    except StorageError as error:
        degraded.append(str(error))
        return None


def _summary(folder: UserFolder, record: UserRecord, degraded: list[str]) -> UserSummary | None:
    try:
        return UserSummary(record, _slots(folder), _events(folder))
    except NotFound:
        return None
    except StorageError as error:
        degraded.append(str(error))
        return None


def _slots(folder: UserFolder) -> int:
    """How many slots the category files show. A bullet counts, whether its id is one of ours or not."""
    found: set[tuple[str, str]] = set()
    for path in folder.category_files():
        document = parse((folder.read_or_none(path) or b"").decode("utf-8", "replace"))
        found |= {(path, entry.slot) for entry in entries(document, path, path)}
    return len(found)


def _events(folder: UserFolder) -> int:
    """Those that the listing of events shows."""
    return sum(not event.deleted for event in folder.all_events().values())
