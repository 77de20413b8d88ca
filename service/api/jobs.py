"""Jobs: started on demand, looked at, cancelled, and run again when they had failed."""

from typing import Literal

import msgspec
from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, RawBody
from msgspec import Struct

from service.api.contract import decode, documents, read_path
from service.api.listens import BODY_BYTES
from service.api.scopes import scope
from service.api.users import JobRef
from service.domain import UserId
from service.jobs import DeadLetter, Job, JobQueue
from service.jobs.protocol import Priority
from service.learn.accounts import Accounts

Startable = Literal["train", "precompute", "profiles", "similarity", "experiments"]


class JobOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """A job for everybody: a fit, or what is computed ahead for the most active listeners."""

    kind: Startable
    priority: Priority = "normal"


class JobsPage(Struct, frozen=True):
    """The answer of GET /v1/jobs: the newest hundred, newest first."""

    jobs: list[Job]


class DeadLettersPage(Struct, frozen=True):
    """The answer of GET /v1/jobs/dead: the newest hundred, newest first."""

    dead: list[DeadLetter]


_order = msgspec.json.Decoder(JobOrder)


class JobController(Controller):
    """Work that outlives its request."""

    tags = ("jobs",)

    @post(
        "/v1/users/{user_id:str}/recommendations/jobs",
        status_code=202,
        operation_id="precomputeRecommendations",
        operation_class=documents(),
        opt=scope("users:write", whose="path"),
    )
    async def precompute(
        self,
        user_id: FromPath[str],
        accounts: NamedDependency[Accounts],
        jobs: NamedDependency[JobQueue],
    ) -> JobRef:
        """Compute a user's list ahead of the request for it."""
        user_id = await accounts.known(read_path(user_id, UserId))
        return JobRef((await jobs.put("precompute-user", {"user_id": user_id})).job_id)

    @post(
        "/v1/jobs",
        status_code=202,
        operation_id="startJob",
        operation_class=documents(body=JobOrder),
        request_max_body_size=BODY_BYTES,
        opt=scope("admin:jobs"),
    )
    async def start(self, body: RawBody, jobs: NamedDependency[JobQueue]) -> JobRef:
        """Start what else comes on schedule; the job there is if it has not ended."""
        order = decode(body, _order)
        return JobRef((await jobs.put(order.kind, {}, priority=order.priority)).job_id)

    @get(
        "/v1/jobs",
        operation_id="listJobs",
        operation_class=documents(),
        opt=scope("admin:jobs"),
    )
    async def newest(self, jobs: NamedDependency[JobQueue]) -> JobsPage:
        """The newest jobs, whatever became of them."""
        return JobsPage(await jobs.newest())

    @get(
        "/v1/jobs/dead",
        operation_id="listDeadLetters",
        operation_class=documents(),
        opt=scope("admin:jobs"),
    )
    async def dead(self, jobs: NamedDependency[JobQueue]) -> DeadLettersPage:
        """The jobs that failed for good and were not run again."""
        return DeadLettersPage(await jobs.dead())

    @get(
        "/v1/jobs/{job_id:str}",
        operation_id="getJob",
        operation_class=documents(),
        opt=scope("admin:jobs"),
    )
    async def job(self, job_id: FromPath[str], jobs: NamedDependency[JobQueue]) -> Job:
        """How a job is doing."""
        return await jobs.get(job_id)

    @delete(
        "/v1/jobs/{job_id:str}",
        status_code=200,
        operation_id="cancelJob",
        operation_class=documents(),
        opt=scope("admin:jobs"),
    )
    async def cancel(self, job_id: FromPath[str], jobs: NamedDependency[JobQueue]) -> Job:
        """Keep a job from starting, or from going on; one that ended stays as it is."""
        return await jobs.cancel(job_id)

    @post(
        "/v1/jobs/{job_id:str}/replay",
        status_code=202,
        operation_id="replayJob",
        operation_class=documents(),
        opt=scope("admin:jobs"),
    )
    async def replay(self, job_id: FromPath[str], jobs: NamedDependency[JobQueue]) -> JobRef:
        """Run a dead letter again, as a new job."""
        return JobRef((await jobs.replay(job_id)).job_id)
