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
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tessera.errors import UsageError

DEFAULT_CONNECTIONS = 4
_MOST_CONNECTIONS = 64


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

        TESSERA_TOKEN is for the service of TESSERA_URL, and where that is not set for any: a
        token is never sent to a service other than the one that it was made for.
        """
        url = clean_url(url)
        if self.environment_token and self.url in ("", url):
            return self.environment_token
        return str(_read_toml(self.folder / "credentials.toml").get(url, {}).get("token", ""))


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
    path = _write_toml(config.folder / "credentials.toml", known)
    settings = _read_toml(config.folder / "config.toml")
    settings["url"] = clean_url(url)
    _write_toml(config.folder / "config.toml", settings)
    return path


def forget_token(config: Config, url: str) -> bool:
    """Forget the token of a service; say whether there was one."""
    known = _read_toml(config.folder / "credentials.toml")
    if known.pop(clean_url(url), None) is None:
        return False
    _write_toml(config.folder / "credentials.toml", known)
    return True


def clean_url(url: str) -> str:
    """Return an address without the slash at its end; `UsageError` if it is not http(s)."""
    cleaned = url.strip().rstrip("/")
    if not cleaned.startswith(("http://", "https://")) or len(cleaned.split("//")[1]) == 0:
        raise UsageError(f"{url!r} is no address of a service: it begins with https:// or http://")
    return cleaned


def _connections(value: Any) -> int:
    if value is None or value == "":
        return DEFAULT_CONNECTIONS
    try:
        count = int(value)
    except ValueError:
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
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error


def _write_toml(path: Path, tables: Mapping[str, Any]) -> Path:
    """Write texts, numbers and tables of them; a file that others cannot read, all at once."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    plain = [f"{key} = {_toml(value)}" for key, value in tables.items() if not _is_table(value)]
    for key, table in tables.items():
        if _is_table(table):
            plain += ["", f"[{_toml(key)}]"]
            plain += [f"{name} = {_toml(value)}" for name, value in table.items()]
    new = path.with_name(path.name + ".new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write("\n".join(plain).lstrip("\n") + "\n")
    new.replace(path)
    return path


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


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
