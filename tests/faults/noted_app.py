"""The server's application, which notes what each list was made from; FAULTS_NOTES is the file."""

import os

import msgspec

from service import app
from service.api.door import Door
from service.api.traced import Traced
from tests.faults.noted import Note, Observer


def served() -> Door | Traced:
    """As `service.app.served`."""
    notes = os.open(os.environ["FAULTS_NOTES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def tell(note: Note) -> None:
        os.write(notes, msgspec.json.encode(note) + b"\n")  # one write: threads share the file

    Observer(tell).attach(setattr)
    return app.served()
