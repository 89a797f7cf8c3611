"""`minimm bench`: what minimm costs beside the libraries that people would use instead, measured in one run, taking turns."""
