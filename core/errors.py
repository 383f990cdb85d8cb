"""The root of the errors that are expected now and then."""


class ExpectedError(Exception):
    """A failure of something outside this program. The message is one line that says all of it: a
    log needs no traceback beside it."""
