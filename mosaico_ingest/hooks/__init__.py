"""
F3, the plugin town: hookspecs, contracts, discovery in quarantine, registry and host.

Must not know: client, server. Next: `specs`, `contracts`, `discovery`, `registry`, `host`.
"""
