"""Imports modules, has them parse their configurations, and constructs them."""

from __future__ import annotations

import importlib
import logging
import sys
from typing import Any, Callable, Dict, List, Optional

from axolemma_host import legacy, logs
from axolemma_host.errors import describe, format_traceback, plain_error
from axolemma_host.registrations import Registrations

logger = logging.getLogger(__name__)

#: Dotted names of modules that moved.
_MOVED = {"synapse.util.ldap_auth_provider.LdapAuthProvider": "ldap_auth_provider.LdapAuthProvider"}

#: Packages that come with this one.
_OWN = frozenset({"synapse", "axolemma_host"})


class LoadError(Exception):
    """A module cannot be loaded; ``error`` is the object that tells the server."""

    def __init__(self, error: Dict[str, Any]) -> None:
        super().__init__(str(error.get("message")))
        self.error = error


class Module:
    """A module of the configuration."""

    def __init__(self, entry: Dict[str, Any]) -> None:
        self.item: int = entry["item"]
        self.path: List[str] = list(entry.get("path") or ["modules", f"<item {entry['item']}>"])
        self.kind: str = entry.get("kind", "module")
        self.name: str = entry["module"]
        self.raw_config: Any = entry.get("config")
        self.has_config: bool = bool(entry.get("has_config", self.raw_config is not None))
        self.web_path: Optional[str] = entry.get("web_path")
        self.factory: Any = None
        self.config: Any = None
        self.instance: Any = None

    def load(self) -> None:
        """Imports the class and has it parse its configuration. Raises :class:`LoadError`."""
        self.factory = self._import()
        if self.kind == "password_provider" and not self.has_config:
            raise LoadError(_config_error(self.path, f"'config' is required for the password provider '{self.name}'"))
        config = {} if self.raw_config is None else self.raw_config
        if not hasattr(self.factory, "parse_config"):
            self.config = config
            return
        try:
            self.config = self.factory.parse_config(config)
        except BaseException as error:
            raise LoadError(self._config_failure(error)) from error

    def _import(self) -> Any:
        name = _MOVED.get(self.name, self.name)
        package, _, attribute = name.rpartition(".")
        if not package:
            raise LoadError(_import_error(f"'{name}' names no class: write it as package.Class"))
        try:
            return getattr(importlib.import_module(package), attribute)
        except ModuleNotFoundError as error:
            missing = (error.name or "").split(".")[0] or None
            message = describe(error)
            if missing in _OWN:
                # There is nothing to install.
                missing = None
                message = f"{message}: Axolemma offers the parts of Synapse that modules use, not this one"
            raise LoadError(_import_error(message, error, missing)) from error
        except BaseException as error:
            message = f"{type(error).__name__}: {describe(error)}"
            raise LoadError(_import_error(message, error)) from error

    def _config_failure(self, error: BaseException) -> Dict[str, Any]:
        """The error object for what ``parse_config`` raised."""
        from synapse.config._base import ConfigError

        path = [*self.path, "config"]
        if isinstance(error, ConfigError):
            return _config_error(
                [*path, *_steps(getattr(error, "path", None))],
                f"Failed to parse config for module '{self.name}'",
                [describe(error), *_causes(error)],
                format_traceback(error),
            )
        schema = sys.modules.get("jsonschema")
        if schema is not None and isinstance(error, schema.ValidationError):
            # The path within the configuration, then the failure as the schema phrases it.
            return _config_error([*path, *_steps(error.absolute_path)], error.message, [], format_traceback(error))
        return _config_error(
            path,
            f"Failed to parse config for module '{self.name}'",
            [f"{type(error).__name__}: {describe(error)}", *_causes(error)],
            format_traceback(error),
        )


class Modules:
    """All modules of the configuration that run in this process."""

    def __init__(self, registrations: Registrations) -> None:
        self._registrations = registrations
        self._modules: Dict[int, Module] = {}

    def configure(self, entries: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
        """Loads every module, in order, whatever becomes of the ones before it."""
        results: List[Dict[str, Any]] = []
        for entry in entries:
            module = Module(entry)
            try:
                module.load()
            except LoadError as error:
                results.append({"item": module.item, "error": error.error})
                continue
            finally:
                logs.restore()
            self._modules[module.item] = module
            self._registrations.name_item(module.item, module.name)
            results.append({"item": module.item, "ok": True})
        return results

    def construct(self, item: int, get_hs: Callable[[], Any]) -> str:
        """Constructs a module and gives its ``repr``. What it raises is the caller's."""
        module = self._modules[item]
        registrations = self._registrations
        registrations.current_item = item
        try:
            hs = get_hs()
            build = _BUILDERS.get(module.kind, _build_module)
            module.instance = build(module, hs, registrations)
        finally:
            registrations.current_item = None
            logs.restore()
        registrations.add_instance(item, module.instance)
        return _repr(module.instance)

    def error_of(self, item: int, error: BaseException) -> Optional[Dict[str, Any]]:
        """The error object for a ConfigError out of a constructor; None for any other exception."""
        from synapse.config._base import ConfigError

        module = self._modules.get(item)
        if module is None or not isinstance(error, ConfigError):
            return None
        path = [*module.path, *_steps(getattr(error, "path", None))]
        return _config_error(path, describe(error), _causes(error), format_traceback(error))


def _build_module(module: Module, hs: Any, registrations: Registrations) -> Any:
    before = registrations.total
    instance = module.factory(module.config, hs.get_module_api())
    if registrations.total == before:
        legacy.register_account_validity(instance, hs.get_module_api())
    return instance


def _build_resource(module: Module, hs: Any, registrations: Registrations) -> Any:
    from twisted.web.resource import IResource

    from synapse.config._base import ConfigError

    handler = module.factory(module.config, hs.get_module_api())
    if IResource.providedBy(handler):
        resource = handler
    elif hasattr(handler, "handle_request"):
        from axolemma_host.web import handler_resource

        resource = handler_resource(handler.handle_request)
    else:
        raise ConfigError(f"additional_resource {module.name} does not implement a known interface")
    registrations.register_web_resource(module.web_path or "/", resource)
    return handler


_BUILDERS: Dict[str, Callable[[Module, Any, Registrations], Any]] = {
    "module": _build_module,
    "spam_checker": legacy.build_spam_checker,
    "third_party_event_rules": legacy.build_third_party_rules,
    "presence_router": legacy.build_presence_router,
    "password_provider": legacy.build_password_provider,
    "additional_resource": _build_resource,
}


def _repr(instance: Any) -> str:
    """The ``repr`` of a module; one that fails is no reason not to start."""
    try:
        return repr(instance)
    except Exception:
        return f"<{type(instance).__module__}.{type(instance).__qualname__}>"


def _steps(path: Any) -> List[str]:
    """The steps of a path within a configuration, as error messages write them."""
    return [f"<item {step}>" if isinstance(step, int) else str(step) for step in path or ()]


def _causes(error: BaseException) -> List[str]:
    """What the causes of an exception say, outermost first."""
    causes: List[str] = []
    cause = error.__cause__
    while cause is not None and len(causes) < 20:
        causes.append(describe(cause))
        cause = cause.__cause__
    return causes


def _config_error(
    path: List[str], message: str, causes: Optional[List[str]] = None, traceback: Optional[str] = None
) -> Dict[str, Any]:
    error: Dict[str, Any] = {"kind": "config", "path": path, "message": message, "causes": causes or []}
    if traceback is not None:
        error["traceback"] = traceback
    return error


def _import_error(message: str, error: Optional[BaseException] = None, missing: Optional[str] = None) -> Dict[str, Any]:
    traceback = plain_error(error)["traceback"] if error is not None else ""
    return {"kind": "import", "message": message, "traceback": traceback, "missing": missing}
