"""Settings that every test shares."""

import os

from hypothesis import settings

# The same examples in every run: what passes here passes in CI, and what fails can be seen again.
# To search further: HYPOTHESIS_PROFILE=explore, with as many examples as there is time for.
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))
