"""Everything that goes over the wire: checked addresses, bounded answers, one deadline."""
