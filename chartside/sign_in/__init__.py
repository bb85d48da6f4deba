"""The sign-in to the quality team's pages: one TOML file. docs/sign-in.md explains each key."""

from chartside.sign_in.entry import SignInEntry
from chartside.sign_in.keys import KEYS
from chartside.sign_in.read import load_sign_in

__all__ = ["KEYS", "SignInEntry", "load_sign_in"]
