"""What every test has: laws without a clock, and no processes where one will do."""

from hypothesis import settings as law_settings

# A machine that is busy, or compiles a kernel, must not fail a law.
law_settings.register_profile("tessera", deadline=None)
law_settings.load_profile("tessera")
