"""Jinja templates of modules, of the operator, and our own."""

from __future__ import annotations

import os
import time
import urllib.parse
from typing import Any, Callable, Iterable, List, Optional

import jinja2

from synapse.config._base import ConfigError

#: Where templates are that nobody else brings.
BUILTIN_DIRECTORY = os.path.join(os.path.dirname(__file__), "builtin_templates")


def read_templates(
    filenames: Iterable[str],
    directories: Optional[Iterable[Optional[str]]] = None,
    *,
    public_baseurl: Optional[str] = None,
    server_name: Optional[str] = None,
) -> List[jinja2.Template]:
    """The templates of these names, each from the first of the directories that has it, or of our own.

    HTML and XML are escaped, text is not.
    """
    search = []
    for directory in directories or ():
        if directory is None:
            continue
        if not os.path.isdir(directory):
            raise ConfigError("Configured template directory does not exist: %s" % (directory,))
        search.append(directory)
    search.append(BUILTIN_DIRECTORY)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(search), autoescape=jinja2.select_autoescape(), cache_size=50
    )
    environment.filters["format_ts"] = format_ts
    environment.filters["mxc_to_http"] = mxc_to_http(public_baseurl)
    if server_name is not None:
        environment.globals["server_name"] = server_name
    return [environment.get_template(filename) for filename in filenames]


def format_ts(value: int, format: str) -> str:
    """A time in milliseconds, in the notation of `strftime` and the server's time zone."""
    return time.strftime(format, time.localtime(value / 1000))


def mxc_to_http(public_baseurl: Optional[str]) -> Callable[..., str]:
    """The filter that makes an `mxc:` URI the address of a thumbnail."""

    def convert(value: Any, width: int, height: int, resize_method: str = "crop") -> str:
        if not isinstance(value, str) or not value.startswith("mxc://"):
            return ""
        if public_baseurl is None:
            raise RuntimeError("public_baseurl must be set in the homeserver config to convert MXC URLs to HTTP URLs.")
        media, hash_sign, fragment = value[len("mxc://") :].partition("#")
        query = urllib.parse.urlencode({"width": width, "height": height, "method": resize_method})
        return "%s_matrix/media/v1/thumbnail/%s?%s%s%s" % (public_baseurl, media, query, hash_sign, fragment)

    return convert
