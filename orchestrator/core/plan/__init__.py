"""A pair's plan: its shape, its policy, its checks. Pure."""
