"""Who calls, as the memory knows him: from a random key that the page keeps, and that alone opens his facts."""

import base64
import hashlib
import re

KEY = re.compile(r"[A-Za-z0-9_-]{22,64}")  # 22 characters of base64url are 128 bits


class BadKey(Exception):
    """No key; the message is for the user and has nothing of it."""


def user_of(key: str) -> str:
    """The id for bus and store, from which nobody gets the key back. Raises BadKey."""
    if not KEY.fullmatch(key):
        raise BadKey(f"a user's key is 22 to 64 of A-Z a-z 0-9 _ -; this one has {len(key)} characters")
    digest = hashlib.sha256(f"visavis user {key}".encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
