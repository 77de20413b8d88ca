"""Every error EchoTune raises on purpose.

EchoTuneError             str(error) is always safe to show to a client
├── Invalid               InvalidListen, UnusableFile: the same request will never work
├── Unauthenticated       nobody says who calls, or not so that it can be believed
├── Forbidden             who calls is known, and may not do this
├── NotAcceptable         no form the client takes is one this route has
├── NotFound              UnknownUser, UnknownTrack, UnknownJob, UnknownModel, UnknownEvent,
│                         UnknownStrategy, UnknownExperiment
├── Conflict              what is asked contradicts what is there: ModelRefused
├── SlowBody              the body did not arrive in time
├── TooLarge              the body is over the route's limit
├── RateLimited           who asks has had their share; again after Retry-After
└── Unavailable           StoreUnavailable, JobsUnavailable, BusUnavailable, ModelNotReady,
                          PeerUnavailable, OutOfTime, Overloaded
"""


class EchoTuneError(Exception):
    """Base of everything EchoTune raises on purpose."""


class Invalid(EchoTuneError):
    """The request is not understood; sending it again will not help."""


class InvalidListen(Invalid):
    """A listen that decodes but cannot be true."""


class UnusableFile(Invalid):
    """An import file that cannot be read as what it was said to be."""


class Unauthenticated(EchoTuneError):
    """Nobody says who calls: no key, more than one, or one that opens nothing."""

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


class Forbidden(EchoTuneError):
    """Whoever calls is known, and may not do this, or not of this user."""


class NotAcceptable(EchoTuneError):
    """Accept names no media type that the route can answer in."""


class NotFound(EchoTuneError):
    """The thing named in the request is not known."""


class UnknownUser(NotFound):
    """Neither a listen nor a setting of this user was ever stored."""


class UnknownTrack(NotFound):
    """No track with this id is in the catalogue."""


class UnknownJob(NotFound):
    """No job, or no dead letter, with this id is known."""


class UnknownExperiment(NotFound):
    """No experiment has this name."""


class UnknownStrategy(NotFound):
    """No strategy has this name."""


class UnknownEvent(NotFound):
    """No event that was set aside is at this place."""


class UnknownModel(NotFound):
    """No model version with this name is kept."""


class Conflict(EchoTuneError):
    """The request contradicts what is already there or already going on."""


class ModelRefused(Conflict):
    """A model was fitted and kept, and does not serve: it is worse than the one that does."""


class SlowBody(EchoTuneError):
    """The body did not arrive in time."""


class TooLarge(EchoTuneError):
    """The body is over the limit of the route."""


class RateLimited(EchoTuneError):
    """More came from one place than it may send; come back after Retry-After."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unavailable(EchoTuneError):
    """A part EchoTune depends on is down or not ready; retry later."""


class StoreUnavailable(Unavailable):
    """The store did not answer."""


class JobsUnavailable(Unavailable):
    """The job queue did not answer."""


class BusUnavailable(Unavailable):
    """The stream that carries facts did not take them or did not answer."""


class PeerUnavailable(Unavailable):
    """A part that is a service of its own did not answer; callers go without it."""


class OutOfTime(Unavailable):
    """The request's deadline came before the work for it could begin."""


class Overloaded(Unavailable):
    """More is asked at once than can be answered in time; come back after Retry-After."""


class ModelNotReady(Unavailable):
    """No model has been fitted yet."""
