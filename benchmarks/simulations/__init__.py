"""Simulations of the statistics: how often a healthy model is rolled back, a bad one promoted, a fault found late."""
