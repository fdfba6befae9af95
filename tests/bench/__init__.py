"""Benchmarks: they print what they measure, as ratios in one run, and assert nothing."""
