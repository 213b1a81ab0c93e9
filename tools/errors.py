"""What can go wrong with the commands; the command line prints it in one line."""


class ToolError(Exception):
    """Base of this package's errors."""


class NotRunning(ToolError):
    """No supervisor answers in the run folder."""


class StackError(ToolError):
    """The actors cannot be started, or one of them ended before it was ready."""
