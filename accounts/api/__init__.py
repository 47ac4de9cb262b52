"""What every resource of the API shares: who asks, what goes wrong, how lists are cut.

Resources live with what they are about: `portfolios/api` (facts) and `analytics/api` (inferences).
"""
