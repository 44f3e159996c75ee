"""The cache and the working copy looked after; completion for shells."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tessera.commands.options import here, with_config, with_output
from tessera.commands.output import Output, counted, human_bytes
from tessera.config import Config
from tessera.errors import DamagedError, NotFound

if TYPE_CHECKING:
    from tessera.cache import Cache, CacheFinding
    from tessera.verifying import Verified
    from tessera.working_copy import WorkingCopy

# What was fetched anew is checked, too: the index may have hidden what is wrong in the files.
_MOST_REPAIRS = 3


@click.command("verify", short_help="Check every byte of the version.")
@click.option("--all", "everything", is_flag=True, help="All that the cache holds, in any folder.")
@click.option("--repair", is_flag=True, help="Forget what is damaged and fetch it anew.")
@with_output
@with_config
def verify_command(everything: bool, repair: bool, output: Output, config: Config) -> None:
    """Read every byte of the version that the working copy was made of, and check its digest.

    With --all: every file of the cache, which all working copies and snapshots share. A repair
    fetches what the version of the present working copy lacks; what others lack comes with the
    next pull.
    """
    from tessera.cache import Cache

    copy = _copy_to_verify(config, everything=everything)
    found: list[CacheFinding] = []
    with Cache(config.cache_dir) as cache:
        if repair:
            cache.check_writable()
        verified = _verify(cache, None if everything else copy, output)
        found += verified.findings
        for _ in range(_MOST_REPAIRS if repair else 0):
            if not verified.findings:
                break
            _mend(cache, copy, verified.findings, output)
            verified = _verify(cache, None if everything else copy, output)
            found += verified.findings
    _tell_verified(output, verified, list(dict.fromkeys(found)), repaired=repair)
    if verified.findings:
        raise DamagedError(
            "damage is there still: what was fetched anew is damaged, too"
            if repair
            else "the cache is damaged: `tessera verify --repair` mends it"
        )


@click.command("cache", short_help="Tell what the cache holds, or clear it.")
@click.option("--clear", is_flag=True, help="Delete everything in it.")
@click.option("--sweep", is_flag=True, help="Delete what broken transfers left.")
@with_output
@with_config
def cache_command(clear: bool, sweep: bool, output: Output, config: Config) -> None:
    """Tell what the cache of bytes holds, which all working copies and snapshots share."""
    from tessera.cache import Cache

    with Cache(config.cache_dir) as cache:
        if clear:
            cache.clear()
        if sweep:
            cache.sweep()
        blobs, size = cache.totals()
        read_only = cache.is_read_only
    marked = " (read-only)" if read_only else ""
    output.say(f"{config.cache_dir}: {counted(blobs, 'object')}, {human_bytes(size)}{marked}")
    output.give(
        {
            "folder": str(config.cache_dir),
            "objects": blobs,
            "bytes": size,
            "read_only": read_only,
        }
    )


@click.command("completion", short_help="Print the completion of a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion_command(shell: str) -> None:
    """Print what a shell has to read so that it completes commands and options.

    For bash: `tessera completion bash > ~/.local/share/bash-completion/completions/tessera`.
    """
    from click.shell_completion import get_completion_class

    from tessera.commands.main import tessera

    kind = get_completion_class(shell)
    assert kind is not None
    sys.stdout.write(kind(tessera, {}, "tessera", "_TESSERA_COMPLETE").source() + "\n")


def _copy_to_verify(config: Config, *, everything: bool) -> WorkingCopy | None:
    """Return the working copy that the present folder lies in; `--all` needs none."""
    try:
        copy: WorkingCopy = here(config)
    except (NotFound, DamagedError):
        # Damaged: what a killed command had begun needs the very bytes that are to be mended.
        if not everything:
            raise
        return None
    return copy


def _verify(cache: Cache, copy: WorkingCopy | None, output: Output) -> Verified:
    from tessera.pulling.pull import line_of
    from tessera.verifying import verify_cache, verify_snapshot

    with output.progress("verifying") as progress:
        if copy is None:
            return verify_cache(cache, progress=progress)
        folder = line_of(cache, copy.origin.url, copy.request) / copy.origin.version
        if not folder.exists():
            copy.base()
        return verify_snapshot(cache, folder, progress=progress)


def _mend(
    cache: Cache, copy: WorkingCopy | None, findings: list[CacheFinding], output: Output
) -> None:
    from tessera.verifying import mend

    mend(cache, findings)
    if copy is not None:
        with output.progress("fetching") as progress:
            copy.pull(copy.request, progress=progress)


def _tell_verified(
    output: Output, verified: Verified, findings: list[CacheFinding], *, repaired: bool
) -> None:
    for finding in findings:
        output.say(f"{finding.code}: {finding.message}", fg="red")
    output.say(
        f"{counted(verified.checked, 'object')} checked, {counted(len(findings), 'finding')}"
    )
    if verified.erased:
        output.say(f"  {counted(verified.erased, 'object')} erased on purpose")
    output.give(
        {
            "checked": verified.checked,
            "findings": [finding._asdict() for finding in findings],
            "erased": verified.erased,
            "repaired": repaired,
        }
    )
