"""Files that say what came of the advice → outcomes, groups, actions. Strict: a line is understood or named."""
