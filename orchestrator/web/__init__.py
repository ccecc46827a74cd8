"""What people see: from state to a view (pure), and from the view to one page."""
