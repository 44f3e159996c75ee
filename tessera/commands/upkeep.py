"""The cache and the working copy looked after; completion for shells."""

from __future__ import annotations

import sys

import click

from tessera.commands.options import here, with_config, with_output
from tessera.commands.output import Output, counted, human_bytes
from tessera.config import Config
from tessera.errors import DamagedError


@click.command("verify", short_help="Check every byte of the version.")
@click.option("--repair", is_flag=True, help="Forget what is damaged and fetch it anew.")
@with_output
@with_config
def verify_command(repair: bool, output: Output, config: Config) -> None:
    """Read every byte of the version that the working copy was made of, and check its digest."""
    from tessera.cache import Cache
    from tessera.pulling.pull import columns_of

    copy = here(config)
    base = copy.base()
    wanted = [
        digest
        for digest in base.table.digests(columns_of(base.labels_only))
        if digest not in base.erased
    ]
    with Cache(config.cache_dir) as cache, output.progress("verifying") as progress:
        findings = list(cache.verify(wanted, progress=progress))
        if repair:
            for name in {finding.file for finding in findings if finding.file}:
                cache.drop_file(name)
    if repair and findings:
        with output.progress("fetching") as progress:
            copy.pull(copy.request, progress=progress)
    for finding in findings:
        output.say(f"{finding.code}: {finding.message}", fg="red")
    output.say(f"{counted(len(wanted), 'object')} checked, {counted(len(findings), 'finding')}")
    if base.erased:
        output.say(f"  {counted(len(base.erased), 'object')} erased on purpose")
    output.give(
        {
            "checked": len(wanted),
            "findings": [finding._asdict() for finding in findings],
            "erased": len(base.erased),
            "repaired": repair,
        }
    )
    if findings and not repair:
        raise DamagedError("the cache is damaged: `tessera verify --repair` mends it")


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
    output.say(f"{config.cache_dir}: {counted(blobs, 'object')}, {human_bytes(size)}")
    output.give({"folder": str(config.cache_dir), "objects": blobs, "bytes": size})


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
