"""What runs, for whom, and with which settings?

The front door and the fuse box: settings, the client registry, the factory that joins the rooms, the command line.
May import every room; no room may import it.
"""
