def init():
    """Load the model."""


def run(batch):
    """Label one batch."""
    return list(batch)
