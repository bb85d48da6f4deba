"""The door of the pages: who may come in, what each role may see, and how people sign in."""
