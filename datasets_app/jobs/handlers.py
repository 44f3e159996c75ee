"""Every kind of job, gathered in one place so that a worker knows them all."""

import datasets_app.actions.comparisons
import datasets_app.actions.splits
import datasets_app.actions.transfers
import datasets_app.actions.unions
import datasets_app.actions.uploads
import datasets_app.distributions
import datasets_app.leaks.asking  # noqa: F401
