"""Analytics: coverage, trends and dashboards as projections of what the other services publish."""
