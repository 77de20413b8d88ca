"""Who a listener is, as far as their listens say: strengths, history, profile."""
