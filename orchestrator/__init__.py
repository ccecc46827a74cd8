"""hubswitch: failover for Azure Machine Learning and AI Foundry hubs that come in pairs."""

__version__ = "0.1.0"
