"""The modules of Benchmarks/modules.py, for Axolemma's Python host and for Synapse alike."""

from __future__ import annotations

import re
from typing import Any

from synapse.module_api import NOT_SPAM, ModuleApi, errors


class NoOp:
    """Callbacks that do nothing, so that calling them is all that is measured."""

    def __init__(self, config: dict[str, Any], api: ModuleApi):
        hooks = config["hooks"]
        if "spam" in hooks:
            api.register_spam_checker_callbacks(check_event_for_spam=self.check_event_for_spam)
        if "allowed" in hooks:
            api.register_third_party_rules_callbacks(check_event_allowed=self.check_event_allowed)
        if "new_event" in hooks:
            api.register_third_party_rules_callbacks(on_new_event=self.on_new_event)
        if "account_data" in hooks:
            api.register_account_data_callbacks(on_account_data_updated=self.on_account_data_updated)

    async def check_event_for_spam(self, event: Any) -> Any:
        return NOT_SPAM

    async def check_event_allowed(self, event: Any, state: Any) -> Any:
        return True, None

    async def on_new_event(self, event: Any, state: Any) -> None:
        return None

    async def on_account_data_updated(self, user: str, room: Any, type: str, content: Any) -> None:
        return None


class Moderation:
    """What moderation modules do: looks for words, and looks up whether the sender may say more than others."""

    def __init__(self, config: dict[str, Any], api: ModuleApi):
        self.words = re.compile(r"\b(" + "|".join(map(re.escape, config["words"])) + r")\b", re.IGNORECASE)
        api.register_spam_checker_callbacks(check_event_for_spam=self.check_event_for_spam)
        api.register_third_party_rules_callbacks(check_event_allowed=self.check_event_allowed)

    async def check_event_for_spam(self, event: Any) -> Any:
        if event.type == "m.room.message" and self.words.search(event.content.get("body", "")):
            return errors.Codes.FORBIDDEN
        return NOT_SPAM

    async def check_event_allowed(self, event: Any, state: Any) -> Any:
        levels = state.get(("m.room.power_levels", ""))
        content = levels.content if levels else {}
        level = content.get("users", {}).get(event.sender, content.get("users_default", 0))
        member = state.get(("m.room.member", event.sender))
        muted = level < 50 and member is not None and "muted" in member.content
        return not muted, None
