"""The hooks, one file each. A hook module says its name, its version and what its context must hold."""
