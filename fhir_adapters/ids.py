"""The FHIR id (R4 datatypes.html#id), in the two strictnesses that are needed. ASCII only, whole texts (`fullmatch`).

What becomes part of a URL must not be `.` or `..`, which the data type allows and every URL library resolves away.
"""

from __future__ import annotations

import re

# The data type, as FHIR has it: for judging resources that somebody else made.
ANY_ID = r"[A-Za-z0-9\-.]{1,64}"
# An id that may become part of a URL; also as a part of a longer pattern, where a slash may follow.
ID = rf"(?!\.+(?:/|\Z)){ANY_ID}"
TYPE = r"[A-Z][A-Za-z]{1,40}"

FHIR_ID = re.compile(ID, re.ASCII)
RELATIVE = re.compile(rf"{TYPE}/{ID}", re.ASCII)
