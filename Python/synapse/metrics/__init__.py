"""Metrics of modules: `prometheus_client` may be used as always."""

from __future__ import annotations

from typing import Final

from synapse._missing import missing_names

SERVER_NAME_LABEL: Final = "server_name"

__getattr__ = missing_names(__name__)
