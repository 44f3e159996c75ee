"""The settings of a running service. Tests use `config.settings.test`."""

from config.settings.base import *  # noqa: F403
from config.settings.base import DATA_DIR, SECRET_KEY
from config.settings.secret import stored_secret

SECRET_KEY = SECRET_KEY or stored_secret(DATA_DIR)
