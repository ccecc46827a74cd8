"""What timers and deliveries do: look at pairs, poll, submit canaries, reconcile, replicate, begin lost runs again."""
