"""Edits of the profile by the ids that clients know: each as a person makes it in the files."""

from __future__ import annotations

from .reading import ReadableMemory
from .usecases import profiles


class ProfileVerbs(ReadableMemory):
    """Edits of the profile; `profile_id` is a ProfileSlot's id, or that of one of a slot's items."""

    async def add_profile(self, content: str, topic: str, sub_topic: str) -> str:
        """Write an item by hand; returns its id, a UUID. Raises InvalidInput."""
        return await self._shop.write(self.folder, profiles.add_profile, content, topic, sub_topic)

    async def update_profile(self, profile_id: str, content: str, topic: str, sub_topic: str) -> str:
        """Have an item, or a slot, say `content`, in this topic and slot; returns the id that it has then.

        Of a slot with several items, each part of the content (they are joined by "; ") that is unchanged
        keeps its item; others are retracted and added. Raises NotFound, InvalidInput.
        """
        update = profiles.update_profile
        return await self._shop.write(self.folder, update, profile_id, content, topic, sub_topic)

    async def delete_profile(self, profile_id: str) -> None:
        """Retract an item, or all that stands in a slot. Raises NotFound."""
        await self._shop.write(self.folder, profiles.delete_profile, profile_id)
