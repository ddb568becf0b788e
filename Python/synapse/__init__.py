"""The names that modules written for Synapse import, implemented by Axolemma.

This package is written from the published module interface. It offers what modules use; it is not a homeserver.
"""

from __future__ import annotations

from synapse import _placeholders
from synapse._missing import missing_names

__version__ = "1.163.2"
"""The version of Synapse whose module interface this package offers."""

_placeholders.install()

__getattr__ = missing_names(__name__)
