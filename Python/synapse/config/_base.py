"""Parsing of configuration."""

from __future__ import annotations

import os
from typing import Any, Iterable, Optional, Union

from synapse._missing import missing_names

_SECOND = 1000
_DURATION_SUFFIXES = {
    "s": _SECOND,
    "m": 60 * _SECOND,
    "h": 3600 * _SECOND,
    "d": 86400 * _SECOND,
    "w": 7 * 86400 * _SECOND,
    "y": 365 * 86400 * _SECOND,
}
_SIZE_SUFFIXES = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


class ConfigError(Exception):
    """The configuration is wrong; `path` says where, as keys from the outside in."""

    def __init__(self, msg: str, path: Optional[Iterable[str]] = None):
        super().__init__(msg, *(() if path is None else (path,)))
        self.msg = msg
        self.path = path

    def __str__(self) -> str:
        return str(self.msg)


class Config:
    """A section of the configuration, and the notations of durations and sizes."""

    section: str = ""

    def __init__(self, root_config: Any = None):
        self.root = root_config

    @staticmethod
    def parse_size(value: Union[str, int]) -> int:
        """A number of bytes, perhaps with one of the suffixes K, M, G and T."""
        if type(value) is int:
            return value
        if isinstance(value, str):
            if value[-1:] in _SIZE_SUFFIXES:
                return int(value[:-1]) * _SIZE_SUFFIXES[value[-1]]
            return int(value)
        raise TypeError("Bad byte size %r" % (value,))

    @staticmethod
    def parse_duration(value: Union[str, int]) -> int:
        """A time in milliseconds, or a number with one of the suffixes s, m, h, d, w and y."""
        if type(value) is int:
            return value
        if isinstance(value, str):
            suffix = value[-1:]
            if suffix in _DURATION_SUFFIXES:
                return int(value[:-1]) * _DURATION_SUFFIXES[suffix]
            if suffix.isdigit():
                return int(value)
            raise TypeError(
                "Bad duration suffix %s (expected no suffix or one of these suffixes: %s)"
                % (suffix, ", ".join(_DURATION_SUFFIXES))
            )
        raise TypeError("Bad duration type %s (expected int or string duration)" % (value,))

    @staticmethod
    def abspath(file_path: str) -> str:
        """The path from the root of the file system."""
        return os.path.abspath(file_path) if file_path else file_path

    @classmethod
    def path_exists(cls, file_path: str) -> bool:
        """Whether there is such a file."""
        return os.path.exists(file_path)

    @classmethod
    def check_file(cls, file_path: Optional[str], config_name: str) -> str:
        """The absolute path of a file that must exist."""
        if file_path is None:
            raise ConfigError("Missing config for %s." % (config_name,))
        if not os.path.isfile(file_path):
            raise ConfigError("Error accessing file '%s' (config for %s)" % (file_path, config_name))
        return cls.abspath(file_path)

    @classmethod
    def read_file(cls, file_path: Optional[str], config_name: str) -> str:
        """The contents of a file that must exist."""
        path = cls.check_file(file_path, config_name)
        with open(path, encoding="utf-8") as file:
            return file.read()


__getattr__ = missing_names(__name__)
