"""Bodies of activities: ``body(world, order) -> answer``, idempotent by pair, epoch and step."""
