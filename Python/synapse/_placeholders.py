"""Modules of Synapse that have no counterpart here, and that others import names from, mostly to annotate their code.

They can be imported, their classes inherited from and made objects of, for modules do so in their constructors for
something that is seldom done. Who uses such an object learns that it is not there. What modules use in earnest has a
place of its own.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Dict, List, Optional, Sequence

from synapse._missing import missing_names

#: Classes, by the modules they are imported from.
_CLASSES: Dict[str, str] = {
    "synapse.api.auth": "Auth",
    "synapse.api.filtering": "Filter FilterCollection Filtering",
    "synapse.appservice": "ApplicationService",
    "synapse.config.homeserver": "HomeServerConfig",
    "synapse.events.builder": "EventBuilder EventBuilderFactory",
    "synapse.events.snapshot": "EventContext UnpersistedEventContext",
    "synapse.events.validator": "EventValidator",
    "synapse.federation": "",
    "synapse.federation.units": "Edu Transaction",
    "synapse.handlers.account_data": "AccountDataHandler",
    "synapse.handlers.admin": "AdminHandler ExfiltrationWriter",
    "synapse.handlers.auth": "AuthHandler",
    "synapse.handlers.deactivate_account": "DeactivateAccountHandler",
    "synapse.handlers.device": "DeviceHandler DeviceWriterHandler",
    "synapse.handlers.directory": "DirectoryHandler",
    "synapse.handlers.e2e_keys": "E2eKeysHandler",
    "synapse.handlers.federation": "FederationHandler",
    "synapse.handlers.identity": "IdentityHandler",
    "synapse.handlers.message": "EventCreationHandler MessageHandler",
    "synapse.handlers.oidc": "OidcMappingProvider OidcProvider Token UserAttributeDict UserInfo",
    "synapse.handlers.pagination": "PaginationHandler",
    "synapse.handlers.profile": "ProfileHandler",
    "synapse.handlers.register": "RegistrationHandler",
    "synapse.handlers.room": "RoomCreationHandler RoomShutdownHandler ShutdownRoomResponse",
    "synapse.handlers.room_list": "RoomListHandler",
    "synapse.handlers.room_member": "RoomMemberHandler",
    "synapse.handlers.search": "SearchHandler",
    "synapse.handlers.send_email": "SendEmailHandler",
    "synapse.handlers.set_password": "SetPasswordHandler",
    "synapse.handlers.sso": "MappingException SsoHandler UserAttributes",
    "synapse.handlers.sync": "SyncHandler",
    "synapse.handlers.typing": "TypingWriterHandler",
    "synapse.handlers.user_directory": "UserDirectoryHandler",
    "synapse.media.filepath": "MediaFilePaths",
    "synapse.media.media_repository": "MediaRepository",
    "synapse.media.thumbnailer": "Thumbnailer",
    "synapse.notifier": "Notifier",
    "synapse.push.mailer": "Mailer",
    "synapse.state": "StateHandler",
    "synapse.storage.controllers": "StorageControllers",
    "synapse.storage.controllers.state": "StateStorageController",
    "synapse.storage.databases.main.account_data": "AccountDataStore AccountDataWorkerStore",
    "synapse.storage.databases.main.devices": "DeviceStore DeviceWorkerStore",
    "synapse.storage.databases.main.events_worker": "EventsWorkerStore",
    "synapse.storage.databases.main.profile": "ProfileStore ProfileWorkerStore",
    "synapse.storage.databases.main.registration": "RegistrationStore RegistrationWorkerStore",
    "synapse.storage.databases.main.room": "RoomStore RoomWorkerStore",
    "synapse.storage.databases.main.roommember": "RoomMemberStore RoomMemberWorkerStore",
    "synapse.storage.databases.main.state": "StateGroupWorkerStore StateStore",
    "synapse.storage.databases.main.user_directory": "UserDirectoryStore",
    "synapse.streams": "",
    "synapse.streams.events": "EventSources",
}

#: Packages among them, beside those above whose names others continue.
_PACKAGES = frozenset({"synapse.federation", "synapse.streams", "synapse.storage.controllers"})

#: Constants.
_VALUES: Dict[str, Dict[str, Any]] = {
    "synapse.handlers.pagination": {
        "PURGE_HISTORY_ACTION_NAME": "purge_history",
        "PURGE_ROOM_ACTION_NAME": "purge_room",
        "SHUTDOWN_AND_PURGE_ROOM_ACTION_NAME": "shutdown_and_purge_room",
    },
}


def _make_class(module: str, name: str) -> Any:
    """What stands for a class: the host's own of that name, if it has one."""
    for ours in ("axolemma_host.handlers", "axolemma_host.stores"):
        found = getattr(sys.modules.get(ours), name, None)
        if found is not None:
            return found

    if name.endswith("Exception"):
        return type(name, (Exception,), {"__module__": module})
    return type(name, (_Placeholder,), {"__module__": module, "__doc__": "A part of Synapse that is not here."})


class _Placeholder:
    """An object of Synapse's that is not here: it can be held, not used."""

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    def __getattr__(self, name: str) -> Any:
        kind = next(base for base in type(self).__mro__ if base.__module__.startswith("synapse."))
        raise AttributeError(
            f"{kind.__module__}.{kind.__qualname__} is a part of Synapse that Axolemma does not have, nor its {name!r}"
        )


class _Placeholders(MetaPathFinder, Loader):
    """Finds the modules above, after everybody else has looked."""

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        if fullname not in _CLASSES:
            return None
        return importlib.util.spec_from_loader(fullname, self, is_package=fullname in _PACKAGES)

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        return None

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        if name.startswith("synapse.handlers."):
            importlib.import_module("axolemma_host.handlers")
        names: List[str] = _CLASSES[name].split()
        for each in names:
            setattr(module, each, _make_class(name, each))
        for each, value in _VALUES.get(name, {}).items():
            setattr(module, each, value)
        module.__getattr__ = missing_names(name)  # type: ignore[method-assign]


def install() -> None:
    """Lets the modules above be imported."""
    if not any(isinstance(finder, _Placeholders) for finder in sys.meta_path):
        sys.meta_path.append(_Placeholders())
