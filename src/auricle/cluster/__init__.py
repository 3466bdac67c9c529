"""One server's engines on many machines, with Ray: engines where there is room, one queue for all.

Nothing else imports it but the command that starts it, and nothing but its ``ray_*`` modules
imports Ray.
"""
