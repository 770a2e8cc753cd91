"""Settings that every test needs before it imports anything heavy."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
