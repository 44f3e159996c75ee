"""Where the client keeps what it knows between runs, and which variables change it.

`config.toml` holds what may be shown to anybody, `credentials.toml` tokens by address, readable
by its owner alone. A variable of the environment wins over a file.

TESSERA_CONFIG_DIR   the folder of both files; default: $XDG_CONFIG_HOME/tessera
TESSERA_CACHE_DIR    the cache of bytes; default: $XDG_CACHE_HOME/tessera
TESSERA_URL          the service, where a command does not name it
TESSERA_TOKEN        the token, where no other is known
TESSERA_CONNECTIONS  how many requests a transfer has under way at once; default 4
"""

from __future__ import annotations

import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tessera.errors import UsageError

DEFAULT_CONNECTIONS = 4
_MOST_CONNECTIONS = 64
_PORTS = {"http": 80, "https": 443}
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Config:
    """What holds for every command; `url` is "" where none is known."""

    folder: Path
    cache_dir: Path
    url: str = ""
    connections: int = DEFAULT_CONNECTIONS
    environment_token: str = ""

    def token_of(self, url: str) -> str:
        """Return the token of a service, "" where there is none.

        TESSERA_TOKEN is for the service of TESSERA_URL, or of `config.toml`; where neither names
        one, for the one that the command names. No other service ever sees it.
        """
        url = clean_url(url)
        if self.environment_token and self.url in ("", url):
            return self.environment_token
        known = _read_toml(self.folder / "credentials.toml").get(url)
        return str(known.get("token", "")) if isinstance(known, Mapping) else ""


def load_config(environment: Mapping[str, str] | None = None) -> Config:
    """Return what files and environment say.

    Raises
    ------
    UsageError
        A file is no TOML, or a value makes no sense; it names file and key.
    """
    env = os.environ if environment is None else environment
    folder = _folder(env, "TESSERA_CONFIG_DIR", "XDG_CONFIG_HOME", ".config")
    plain = _read_toml(folder / "config.toml")
    url = env.get("TESSERA_URL") or str(plain.get("url", ""))
    cache = env.get("TESSERA_CACHE_DIR") or plain.get("cache_dir")
    return Config(
        folder=folder,
        cache_dir=(
            Path(str(cache)).expanduser() if cache else _folder(env, "", "XDG_CACHE_HOME", ".cache")
        ),
        url=clean_url(url) if url else "",
        connections=_connections(env.get("TESSERA_CONNECTIONS") or plain.get("connections")),
        environment_token=env.get("TESSERA_TOKEN", ""),
    )


def save_token(config: Config, url: str, token: str) -> Path:
    """Keep a token for a service, and make it the one that commands use; return the file."""
    known = _read_toml(config.folder / "credentials.toml")
    known[clean_url(url)] = {"token": token}
    path = _write_tables(config.folder / "credentials.toml", known)
    _set_url(config.folder / "config.toml", clean_url(url))
    return path


def forget_token(config: Config, url: str) -> bool:
    """Forget the token of a service; say whether there was one."""
    known = _read_toml(config.folder / "credentials.toml")
    if known.pop(clean_url(url), None) is None:
        return False
    _write_tables(config.folder / "credentials.toml", known)
    return True


def clean_url(url: str) -> str:
    """Return an address in the one way in which it is kept: `https://host[:port][/path]`.

    Raises
    ------
    UsageError
        It is not http or https, or more than host, port and path: a password in it would be
        shown and kept.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise UsageError(f"{url!r} is no address of a service: {error}") from error
    scheme, host = parts.scheme, parts.hostname or ""
    if scheme not in _PORTS or not host or any(sign.isspace() for sign in parts.path + host):
        raise UsageError(f"{url!r} is no address of a service: it begins with https:// or http://")
    if parts.username is not None or parts.query or parts.fragment:
        raise UsageError(f"{scheme}://{host}: no more than host, port and path, please")
    shown = f"[{host}]" if ":" in host else host
    place = shown if port in (None, _PORTS[scheme]) else f"{shown}:{port}"
    return f"{scheme}://{place}{parts.path.rstrip('/')}"


def _connections(value: Any) -> int:
    if value is None or value == "":
        return DEFAULT_CONNECTIONS
    try:
        count = int(value)
    except (ValueError, TypeError):
        count = 0
    if not 1 <= count <= _MOST_CONNECTIONS:
        raise UsageError(f"connections: a number from 1 to {_MOST_CONNECTIONS}, not {value!r}")
    return count


def _folder(env: Mapping[str, str], own: str, xdg: str, fallback: str) -> Path:
    if own and env.get(own):
        return Path(env[own]).expanduser()
    base = Path(env[xdg]) if env.get(xdg) else Path.home() / fallback
    return base / "tessera"


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UsageError(f"{path}: {error}") from error


def _set_url(path: Path, url: str) -> None:
    """Let a file say `url = …` and leave the rest of it, comments too, as somebody wrote it."""
    _read_toml(path)
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    own = next((n for n, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    kept = [line for line in lines[:own] if not re.match(r"\s*url\s*=", line)]
    _write(path, "\n".join([f"url = {_toml(url)}", *kept, *lines[own:]]) + "\n")


def _write_tables(path: Path, tables: Mapping[str, Any]) -> Path:
    """Write tables of texts, numbers and truths."""
    lines = []
    for name, table in tables.items():
        if isinstance(table, Mapping):
            lines += ["", f"[{_toml(name)}]"]
            lines += [f"{_key(key)} = {_toml(value)}" for key, value in table.items()]
    return _write(path, "\n".join(lines).lstrip("\n") + "\n")


def _write(path: Path, text: str) -> Path:
    """Replace a file, all at once, by one that others cannot read."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # A name of its own: two who sign in at once must not write into one file. Mode 0600.
    handle, new = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except BaseException:
        os.unlink(new)
        raise
    return path


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _toml(name)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    plain = ord(" ")
    escaped = "".join(
        f"\\u{ord(sign):04x}" if ord(sign) < plain or sign in '"\\\x7f' else sign
        for sign in str(value)
    )
    return f'"{escaped}"'
