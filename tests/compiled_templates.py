"""Templates are compiled once for a run: each test makes its own app, and compiling took most of its time."""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType

import pytest
from flask import Flask
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket


class Compiled(BytecodeCache):
    """Keeps compiled templates by file, source and all that the compiler asks the environment."""

    def __init__(self) -> None:
        self._kept: dict[tuple[object, ...], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """What was compiled before, if anything."""
        bucket.code = self._kept.get(_key(bucket))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it."""
        if bucket.code is not None:
            self._kept[_key(bucket)] = bucket.code


def _key(bucket: Bucket) -> tuple[object, ...]:
    """A template of the same text is another one where, say, texts are translated."""
    env: Environment = bucket.environment
    syntax = (env.trim_blocks, env.lstrip_blocks, env.keep_trailing_newline, env.optimized, env.undefined)
    extensions = tuple(sorted(env.extensions)), getattr(env, "newstyle_gettext", None)
    return bucket.key, bucket.checksum, syntax, extensions


@pytest.fixture(scope="session", autouse=True)
def compiled_templates() -> Iterator[None]:
    """For every app that a test makes in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "jinja_options", Flask.jinja_options | {"bytecode_cache": Compiled()})
        yield
