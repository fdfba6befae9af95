"""
Fuzzing: bounded and seeded, `python -m tests.fuzz`.

A target is a module with `run(rng, seconds, folder) -> Outcome`, named in `__main__.TARGETS`.
"""
