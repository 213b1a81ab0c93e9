"""Engine: lips by rules, from the times of the phones. A tenth of a millisecond a frame, and nothing to load."""

from actors.animator.track import Track


class Rules:
    """Serves all calls; ``open()`` gives what moves the mouth in one reply."""

    name = "rules"

    def missing(self) -> str | None:
        return None

    def load(self) -> None:
        pass

    def warm(self) -> None:
        track = self.open()
        track.extend(0.0, ("pau", "m", "aa"), (50.0, 120.0, 250.0))
        track.mouth(100.0)

    def open(self) -> Track:
        return Track()

    def close(self) -> None:
        pass
