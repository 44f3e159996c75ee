"""Every kind of job, gathered in one place so that a worker knows them all."""

import datasets_app.actions.comparisons
import datasets_app.actions.transfers  # noqa: F401
