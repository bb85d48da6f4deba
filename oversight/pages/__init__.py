"""The quality team's pages: server-rendered, without JavaScript. The one place of this room that imports flask."""

from oversight.pages.blueprint import PageDeps, create_blueprint

__all__ = ["PageDeps", "create_blueprint"]
