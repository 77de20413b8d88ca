"""A consumer frozen in the middle of its batch, and resumed when others have done its work."""

import os
import signal
from collections import Counter

from tests.faults.events import Line
from tests.faults.sizes import say, size

FACTS = size(1_000, 10_000)
AT = FACTS // 2 + 30  # in the middle of a batch
IDLE_S = size(5, 300) / 10


async def resurrected(line: Line, *words: str) -> tuple[Counter[int], list[int]]:
    """How often each fact was counted by a consumer that froze and another that took over.

    And what the frozen one counted when it went on.
    """
    await line.publish(FACTS)
    zombie = line.spawn(f"stop={AT}", *words, idle_s=IDLE_S)
    await line.until_there("stopped")
    os.kill(zombie.pid, signal.SIGSTOP)
    heir = line.spawn(*words, idle_s=IDLE_S)
    await line.until_settled()
    before = len(line.tally.counted())
    os.kill(zombie.pid, signal.SIGCONT)
    (line.folder / "go").touch()
    await line.end(zombie)  # it finishes the batch it believes to own
    await line.end(heir)
    counted = line.tally.counted()
    say(f"{FACTS} facts: {before} counted, and {counted[before:]} when the zombie went on")
    assert await line.settled()
    assert [] == await line.stream.dead()
    return Counter(counted), counted[before:]


async def test_what_a_frozen_consumer_does_late_changes_nothing(line: Line) -> None:
    counts, late = await resurrected(line)

    assert (Counter(range(FACTS)), []) == (counts, late)


async def test_control_an_effect_that_is_not_harmless_twice_is_counted_twice(line: Line) -> None:
    """What the zombie had counted and not settled, and the one fact it had in hand.

    The rest of its batch it finds in other hands, and leaves it there.
    """
    counts, late = await resurrected(line, "twice")

    doubled = [rev for rev, count in sorted(counts.items()) if count == 2]
    assert [AT] == late
    assert list(range(doubled[0], AT + 1)) == doubled
    assert Counter([*range(FACTS), *doubled]) == counts
