"""The command line. Talks to core and local, or to a deployed app over HTTP."""
