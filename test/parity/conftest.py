"""What holds for all parity tests: threads that wait leave the processor to others."""

import os

# Read once, when PyTorch loads. Waiting by spinning takes several times as long where cores are shared.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
