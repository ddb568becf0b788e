"""The module API: presence, push, mail, templates, single sign-on."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple, Union

import jinja2

from synapse.http.server import respond_with_html, respond_with_redirect
from synapse.http.site import SynapseRequest
from synapse.module_api.errors import InvalidRuleException
from synapse.types import JsonDict
from synapse.util.frozenutils import unfreeze

PushActions = List[Union[Dict[str, Any], str]]


def check_actions(actions: PushActions) -> None:
    """Raises `InvalidRuleException` unless these are actions of a push rule."""
    if not isinstance(actions, list):
        raise InvalidRuleException("No actions found")
    for action in actions:
        if action in ("notify", "dont_notify", "coalesce"):
            continue
        if isinstance(action, dict) and "set_tweak" in action:
            continue
        raise InvalidRuleException("Unrecognised action %s" % (action,))


class Messaging:
    """The part of the module API about reaching users."""

    _hs: Any
    custom_template_dir: Optional[str]

    async def send_local_online_presence_to(self, users: Iterable[str]) -> None:
        """Gives users the presence of everybody who is online here and whom they may see."""
        await self._hs.peer.call("send_local_online_presence_to", {"users": list(users)})

    async def set_presence_for_users(self, users: Mapping[str, Tuple[str, Optional[str]]]) -> None:
        """Sets users' presence: state and status message."""
        states = {user_id: list(state) for user_id, state in users.items()}
        await self._hs.peer.call("set_presence_for_users", {"users": states})

    async def send_http_push_notification(
        self,
        user_id: str,
        device_id: Optional[str],
        content: JsonDict,
        tweaks: Optional[JsonDict] = None,
        default_payload: Optional[JsonDict] = None,
    ) -> Dict[str, bool]:
        """Sends a notification through a user's HTTP pushers; tells for each device whether it was sent."""
        return await self._hs.peer.call(
            "send_http_push_notification",
            {
                "user_id": user_id,
                "device_id": device_id,
                "content": unfreeze(content),
                "tweaks": unfreeze(tweaks),
                "default_payload": unfreeze(default_payload),
            },
        )

    def check_push_rule_actions(self, actions: PushActions) -> None:
        """Raises `InvalidRuleException` unless these are actions of a push rule."""
        check_actions(actions)

    async def set_push_rule_action(
        self, user_id: str, scope: str, kind: str, rule_id: str, actions: PushActions
    ) -> None:
        """Changes what a push rule of a user does."""
        if scope != "global":
            raise RuntimeError("The 'scope' argument to set_push_rule_action must be 'global', not %r" % (scope,))
        check_actions(actions)
        await self._hs.peer.call(
            "set_push_rule_action",
            {"user_id": user_id, "scope": scope, "kind": kind, "rule_id": rule_id, "actions": unfreeze(actions)},
        )

    async def send_mail(self, recipient: str, subject: str, html: str, text: str) -> None:
        """Sends a mail with two forms of its text."""
        await self._hs.get_send_email_handler().send_email(
            email_address=recipient,
            subject=subject,
            app_name=self.email_app_name,  # type: ignore[attr-defined]
            html=html,
            text=text,
        )

    def read_templates(
        self, filenames: List[str], custom_template_directory: Optional[str] = None
    ) -> List[jinja2.Template]:
        """Templates, from the configured directory, the given one, or the built-in one."""
        directories = [path for path in (self.custom_template_dir, custom_template_directory) if path is not None]
        return self._hs.config.server.read_templates(filenames, directories)

    async def complete_sso_login_async(
        self,
        registered_user_id: str,
        request: SynapseRequest,
        client_redirect_url: str,
        new_user: bool = False,
        auth_provider_id: str = "<unknown>",
    ) -> None:
        """Logs a user in whom an identity provider has authenticated, and answers the request."""
        answer = await self._hs.peer.call(
            "complete_sso_login",
            {
                "user_id": registered_user_id,
                "client_redirect_url": client_redirect_url,
                "new_user": bool(new_user),
                "auth_provider_id": auth_provider_id,
                "ip": request.get_client_ip_if_available(),
            },
        )
        location = answer.get("location")
        if location is not None:
            respond_with_redirect(request, location.encode("utf-8"), int(answer.get("status", 302)))
        else:
            respond_with_html(request, int(answer.get("status", 200)), answer.get("html", ""))
