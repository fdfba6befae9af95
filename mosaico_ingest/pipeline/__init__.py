"""F4, from a recording's plan to receipts: planner, scheduler, flow, observing."""
