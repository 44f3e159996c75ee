"""Everything that one machine needs to serve Tessera, in one command."""

import os
import secrets
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from datasets_app.models import Dataset
from people_app.models import User

SAMPLE_SLUG = "streets"
# A web server that is told to stop answers what it has begun; a download of an hour it cuts off.
_KILL_SECONDS = 15
_STOP_SECONDS = _KILL_SECONDS + 5
_PASSWORD_FILE = "admin_password"


class Command(BaseCommand):
    """Migrate, make the sample when there is no dataset, start web server and worker."""

    help = "Start web server and worker on this machine; docs/guides/operators.md has production"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--sample-images", type=int, default=48, help="0: no sample dataset")

    def handle(self, *, host: str, port: int, sample_images: int, **options: Any) -> None:
        call_command("migrate", verbosity=0)
        call_command("collectstatic", verbosity=0, interactive=False)
        password = self._ensure_admin()
        if sample_images and not Dataset.objects.exists():
            self.stdout.write(f"Making the sample dataset ({sample_images} images) …")
            call_command("create_sample", SAMPLE_SLUG, images=sample_images, public=True)
        self._serve(host, port, password)

    def _ensure_admin(self) -> Path | None:
        """Make the first account when there is none; return where its password lies."""
        path = settings.DATA_DIR / _PASSWORD_FILE
        if not User.objects.filter(is_superuser=True).exists():
            password = secrets.token_urlsafe(12)
            # The file first: an account whose password nobody knows would lock people out.
            path.touch(mode=0o600)
            path.write_text(password + "\n")
            User.objects.create_superuser("admin", password=password)
        return path if path.exists() else None

    def _serve(self, host: str, port: int, password: Path | None) -> None:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
        web = [
            sys.executable, "-m", "granian", "--interface", "wsgi", "--host", host,
            "--port", str(port), "--workers", "1", "--blocking-threads", "4",
            "--workers-kill-timeout", str(_KILL_SECONDS), "--no-ws", "--log-level", "warning",
            "config.wsgi:application",
        ]  # fmt: skip
        signal.signal(signal.SIGTERM, _interrupt)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup wants it
            signal.signal(signal.SIGHUP, _interrupt)
        # In sessions of their own: Ctrl-C would reach them, and the stop below once more, and
        # a worker takes a second signal for impatience.
        children = [
            subprocess.Popen(
                command, env=environment, cwd=settings.BASE_DIR, start_new_session=True
            )
            for command in (web, [*manage, "run_jobs"])
        ]
        try:
            self._greet(host, port, password)
            while all(child.poll() is None for child in children):
                time.sleep(0.3)
            raise CommandError("web server or worker ended; the lines above say why")
        except KeyboardInterrupt:
            self.stdout.write("Stopping …")
        finally:
            _stop(children)

    def _greet(self, host: str, port: int, password: Path | None) -> None:
        self.stdout.write(f"\n  Tessera is at   http://{host}:{port}/")
        if password:
            self.stdout.write(f"  Sign in as      admin, password {password.read_text().strip()}")
            self.stdout.write(f"                  (kept in {password}; change it at /account/)")
        self.stdout.write("  Stop with       Ctrl-C\n")


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _stop(children: list["subprocess.Popen[bytes]"]) -> None:
    for child in children:
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + _STOP_SECONDS
    for child in children:
        try:
            child.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
