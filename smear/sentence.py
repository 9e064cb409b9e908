"""The one kind of error that is meant for people: it carries a sentence that says what was wrong and what to do."""


class SentenceError(ValueError):
    """Something that cannot be done, with the sentence for the page, the command line or the log."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text
