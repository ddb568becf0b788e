"""The configuration as `hs.config.<section>.<key>`, over the operator's `homeserver.yaml`."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Optional

import attr

from axolemma_host.config_sections import SECTIONS
from axolemma_host.templates import read_templates
from synapse.config._base import Config

#: Options that hold secrets which no module needs.
_HIDDEN = frozenset({"signing_key", "signing_key_path", "old_signing_keys"})


class Section:
    """A section: known keys with upstream's names and defaults, else options of the file by their own names."""

    def __init__(self, name: str, known: Dict[str, Any], options: Dict[str, Any], root: "ConfigView") -> None:
        self.__dict__.update(known)
        self._name = name
        self._options = options
        self.root = root

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        options = self._options
        if key in options and key not in _HIDDEN:
            return options[key]
        if self._name == "experimental" and key.startswith("msc") and key.endswith("_enabled"):
            return False
        raise AttributeError(
            "The configuration section %r has no %r here; it has %s and the options of homeserver.yaml"
            % (self._name, key, ", ".join(sorted(name for name in self.__dict__ if name[0] != "_")))
        )

    def get(self, key: str, default: Any = None) -> Any:
        """A key's value, or `default`."""
        return getattr(self, key, default)

    def __repr__(self) -> str:
        # Not the values: they may be secret.
        return "<configuration section %s>" % (self._name,)


class ServerSection(Section):
    """The section `server`, which also finds templates."""

    def read_templates(
        self, filenames: List[str], custom_template_directories: Optional[Iterable[Optional[str]]] = None
    ) -> List[Any]:
        """Templates, from the first directory that has each."""
        return read_templates(
            filenames,
            custom_template_directories,
            public_baseurl=self.public_baseurl,
            server_name=self.server_name,
        )

    def read_template(self, filename: str) -> Any:
        """A template."""
        return self.read_templates([filename])[0]


@attr.s(slots=True, frozen=True, auto_attribs=True)
class DatabaseConnectionConfig:
    """A database of the configuration."""

    name: str
    config: Dict[str, Any] = attr.ib(repr=False)
    databases: List[str]


class ConfigView:
    """The whole configuration."""

    def __init__(self, server: Dict[str, Any]) -> None:
        self._server = server
        self._options: Dict[str, Any] = server.get("config") or {}
        self._sections: Dict[str, Section] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        section = self._sections.get(name)
        if section is None:
            make: Optional[Callable[..., Dict[str, Any]]] = SECTIONS.get(name)
            if make is None:
                return self._flat(name)
            kind = ServerSection if name == "server" else Section
            section = self._sections[name] = kind(name, make(self._options, self._server), self._options, self)
        return section

    def _flat(self, name: str) -> Any:
        """A key without its section, as before 1.50."""
        for section in ("server", "registration", "email"):
            found = getattr(self, section).__dict__.get(name, None)
            if found is not None:
                return found
        raise AttributeError(
            "The configuration has no section %r here; it has %s" % (name, ", ".join(sorted(SECTIONS)))
        )

    def __repr__(self) -> str:
        return "<configuration of %s>" % (self._server.get("server_name"),)

    parse_duration = staticmethod(Config.parse_duration)
    parse_size = staticmethod(Config.parse_size)
