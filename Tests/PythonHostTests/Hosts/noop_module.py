"""A module for the benchmark: checks every event and thinks nothing of it."""

from __future__ import annotations


class NoOp:
    def __init__(self, config, api):
        api.register_spam_checker_callbacks(check_event_for_spam=self.check_event_for_spam)
        api.register_third_party_rules_callbacks(check_event_allowed=self.check_event_allowed)

    async def check_event_for_spam(self, event):
        return "NOT_SPAM"

    async def check_event_allowed(self, event, state_events):
        state_events.get(("m.room.member", event.sender))
        return True, None
