"""A line that says how far a long step is and how long it still takes."""

import sys
import time


class Progress:
    """Counts steps of a named task to standard error, at most once a second on a terminal, every 30 s in a log."""

    def __init__(self, task: str, total: int) -> None:
        self.task, self.total, self.done = task, total, 0
        self.started = self.shown = time.monotonic()
        self.terminal = sys.stderr.isatty()

    def step(self, count: int = 1) -> None:
        """Note that `count` more are done."""
        self.done += count
        now = time.monotonic()
        if self.done < self.total and now - self.shown < (1 if self.terminal else 30):
            return
        self.shown = now
        left = (now - self.started) / max(1, self.done) * (self.total - self.done)
        line = f"{self.task}: {self.done}/{self.total}, {left:.0f} s left"
        if self.done >= self.total:
            line = f"{self.task}: {self.done} in {now - self.started:.0f} s"
        print(f"\r\033[K{line}" if self.terminal else line, end="", file=sys.stderr, flush=True)
        if not self.terminal or self.done >= self.total:
            print(file=sys.stderr, flush=True)
