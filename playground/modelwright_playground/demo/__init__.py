"""`make demo`: the closed loop, watched from outside, with every expectation checked while it runs."""
