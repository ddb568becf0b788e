"""Stands in for the provider that Synapse once had of its own."""

from __future__ import annotations

from typing import Any, Dict


class LdapAuthProvider:
    @staticmethod
    def parse_config(config: Dict[str, Any]) -> Dict[str, Any]:
        if not config:
            raise ValueError("found at its new place")
        return config
