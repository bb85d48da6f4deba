"""The page in the reader's language: catalogues, and what stands where one has no words.

Everything is worked out, stored and signed in English. A page in another language is the same page: fixed phrases come
from the catalogue by gettext, and finished sentences (of a model, of the ledger) are looked up as a whole. What the
catalogue does not know stays English and is marked so (`lang="en"`); numbers and units stay as they were measured.
"""
