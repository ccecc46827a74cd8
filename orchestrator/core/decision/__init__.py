"""Evidence, verdicts, holds and phases: what is decided about a pair, and why. Pure."""
