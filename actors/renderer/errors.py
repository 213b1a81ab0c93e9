"""What can go wrong with pictures of a face."""

from actors.engine import CannotStart


class RendererError(Exception):
    """Base of this package's errors."""


class BadAvatar(RendererError, CannotStart):
    """A file, or arrays, that are no avatar."""


class BadPicture(RendererError):
    """A picture that cannot be drawn: an impossible size, or more splats over it than a frame may hold."""
