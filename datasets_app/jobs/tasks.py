"""The one task that the task queue knows."""

from django_tasks import task


@task()
def run_job_task(job_id: str) -> None:
    """Run a job in a worker."""
    from datasets_app.jobs.running import run_job  # the handlers import half the house

    run_job(job_id)
