"""The errors of the module API."""

from __future__ import annotations

from synapse._missing import missing_names
from synapse.api.errors import Codes, InvalidClientCredentialsError, RedirectException, SynapseError
from synapse.config._base import ConfigError


class InvalidRuleException(Exception):
    """The actions of a push rule are wrong."""


class RuleNotFoundException(Exception):
    """There is no such push rule."""


__all__ = [
    "Codes",
    "ConfigError",
    "InvalidClientCredentialsError",
    "InvalidRuleException",
    "RedirectException",
    "RuleNotFoundException",
    "SynapseError",
]

__getattr__ = missing_names(__name__)
