"""Tasks at a time, for modules that use upstream's scheduler. They live as long as the process."""

from __future__ import annotations

import logging
from typing import Any, Awaitable, Callable, Dict, List, Optional, Tuple

import attr

from axolemma_host.missing import Limited
from synapse.types import JsonMapping, ScheduledTask, TaskStatus
from synapse.util.stringutils import random_string

logger = logging.getLogger(__name__)

Action = Callable[[ScheduledTask], Awaitable[Tuple[TaskStatus, Optional[JsonMapping], Optional[str]]]]


class TaskScheduler(Limited):
    """What `get_task_scheduler()` gives."""

    known_as = "task scheduler"

    #: How many tasks that are done are remembered.
    MOST_DONE = 1000

    def __init__(self, hs: Any) -> None:
        self._background = hs.background
        self._clock = hs.get_clock()
        self._actions: Dict[str, Action] = {}
        self._tasks: Dict[str, ScheduledTask] = {}
        self._calls: Dict[str, Any] = {}

    def register_action(self, function: Action, action_name: str) -> None:
        """Says what is to be done for tasks of a name."""
        self._actions[action_name] = function

    async def schedule_task(
        self,
        action: str,
        *,
        resource_id: Optional[str] = None,
        timestamp: Optional[int] = None,
        params: Optional[JsonMapping] = None,
    ) -> str:
        """Plans a task, now or at a time in milliseconds; gives its ID."""
        if action not in self._actions:
            raise Exception("No function associated with action %s of the scheduled task" % (action,))
        now = self._clock.time_msec()
        when = now if timestamp is None or timestamp < now else timestamp
        task = ScheduledTask(random_string(16), action, TaskStatus.SCHEDULED, when, resource_id, params, None, None)
        self._tasks[task.id] = task
        self._plan(task.id, when - now)
        return task.id

    async def update_task(
        self,
        id: str,
        *,
        timestamp: Optional[int] = None,
        status: Optional[TaskStatus] = None,
        result: Optional[JsonMapping] = None,
        error: Optional[str] = None,
    ) -> bool:
        """Changes a task; tells whether there is one of that ID."""
        given = {"timestamp": timestamp, "status": status, "result": result, "error": error}
        changed = self._change(id, **{name: value for name, value in given.items() if value is not None})
        if changed and timestamp is not None and id in self._calls:
            self._plan(id, max(0, timestamp - self._clock.time_msec()))
        return changed

    async def get_task(self, id: str) -> Optional[ScheduledTask]:
        """A task."""
        return self._tasks.get(id)

    async def get_tasks(
        self,
        *,
        actions: Optional[List[str]] = None,
        resource_id: Optional[str] = None,
        statuses: Optional[List[TaskStatus]] = None,
        max_timestamp: Optional[int] = None,
        limit: Optional[int] = None,
    ) -> List[ScheduledTask]:
        """The tasks that fit."""
        found = [
            task
            for task in self._tasks.values()
            if (actions is None or task.action in actions)
            and (resource_id is None or task.resource_id == resource_id)
            and (statuses is None or task.status in statuses)
            and (max_timestamp is None or task.timestamp <= max_timestamp)
        ]
        return found[:limit]

    async def delete_task(self, id: str) -> None:
        """Forgets a task that is not under way."""
        task = self._tasks.get(id)
        if task is not None and task.status == TaskStatus.ACTIVE:
            raise Exception("Task %s is currently ACTIVE and can't be deleted" % (id,))
        self._unplan(id)
        self._tasks.pop(id, None)

    async def cancel_task(self, id: str) -> None:
        """Keeps a task from being done."""
        self._unplan(id)
        self._change(id, status=TaskStatus.CANCELLED)

    def _plan(self, id: str, delay: float) -> None:
        self._unplan(id)
        self._calls[id] = self._background.delayed_call(delay, self._run, id, desc="scheduled task")

    def _unplan(self, id: str) -> None:
        call = self._calls.pop(id, None)
        if call is not None and call.active():
            call.cancel()

    def _change(self, id: str, **changes: Any) -> bool:
        task = self._tasks.get(id)
        if task is None:
            return False
        self._tasks[id] = attr.evolve(task, **changes)
        return True

    async def _run(self, id: str) -> None:
        self._calls.pop(id, None)
        if not self._change(id, status=TaskStatus.ACTIVE):
            return
        task = self._tasks[id]
        try:
            status, result, error = await self._actions[task.action](task)
        except Exception as problem:
            logger.exception("Scheduled task %s failed", task.action)
            status, result, error = TaskStatus.FAILED, None, str(problem)
        self._change(id, status=status, result=result, error=error, timestamp=self._clock.time_msec())
        done = (TaskStatus.COMPLETE, TaskStatus.FAILED, TaskStatus.CANCELLED)
        old = [task.id for task in self._tasks.values() if task.status in done]
        for other in old[: max(0, len(old) - self.MOST_DONE)]:
            del self._tasks[other]
