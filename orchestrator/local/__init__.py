"""What runs without Azure: a simulated Azure, a host for the function app, replay, demo."""
