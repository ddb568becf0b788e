"""Long changes to tables. The server does its own; modules' handlers are kept but there is nothing to run them."""

from __future__ import annotations

import logging
from typing import Any, Awaitable, Callable, Dict, Optional

from synapse._missing import missing_names

logger = logging.getLogger(__name__)

BackgroundUpdateHandler = Callable[[Dict[str, Any], int], Awaitable[int]]


class BackgroundUpdater:
    """What `db_pool.updates` is: every update has been done."""

    def __init__(self, database: Any) -> None:
        self._db_pool = database
        self.enabled = True

    async def has_completed_background_updates(self) -> bool:
        """Whether nothing is left to do."""
        return True

    async def has_completed_background_update(self, update_name: str) -> bool:
        """Whether one update has been done."""
        return True

    def get_current_update(self) -> Optional[Any]:
        """What is being done now: nothing."""
        return None

    def get_status(self) -> Any:
        """Upstream's status, as its name."""
        return "not_running"

    def start_doing_background_updates(self) -> None:
        """Nothing is to be done."""

    def register_background_update_handler(self, update_name: str, update_handler: BackgroundUpdateHandler) -> None:
        """Says in the log that the update will not be run."""
        logger.warning("The background update %s is not run: change tables in run_db_interaction", update_name)

    def register_noop_background_update(self, update_name: str) -> None:
        """An update that does nothing is done."""


__getattr__ = missing_names(__name__)
