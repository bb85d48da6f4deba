"""How were the artefacts of both sepsis models made, and how well do they do? Needs pandas; not part of the wheel."""
