"""Azure Machine Learning: jobs, assets, datastores, submission."""
