"""Work that outlives its request: put into a queue, run by whoever is free, polled by id."""

from service.jobs.protocol import Arguments, Claim, DeadLetter, Depths, Job, JobQueue, Progress

__all__ = ["Arguments", "Claim", "DeadLetter", "Depths", "Job", "JobQueue", "Progress"]
