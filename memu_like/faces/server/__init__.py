"""The HTTP server: a face on a MemoryService. See docs/server.md.

`faces.server.memobase` has the routes that Memobase's clients call. What needs the extra is imported at the
call: importing this module needs none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import MissingExtra

if TYPE_CHECKING:
    from fastapi import FastAPI

    from ...service import MemoryService
    from .access import Access
    from .limits import Limits


def make_app(service: MemoryService, access: Access | None = None, limits: Limits | None = None) -> FastAPI:
    """The app over a service, which its owner opens and closes. Without `access` it is open to whoever
    reaches it: for loopback only. Raises MissingExtra.
    """
    try:
        import fastapi  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtra("the server", "server") from error
    from .access import OpenAccess
    from .app import build
    from .limits import Limits

    return build(OpenAccess(service) if access is None else access, limits or Limits())
