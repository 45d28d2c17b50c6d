"""Stand-in until the project's own emulation is here: uses the worked example beside the checkout."""
import sys
from pathlib import Path
_EXAMPLE = Path(__file__).resolve().parents[3] / "shared" / "gpu-emulation"
sys.path.insert(0, str(_EXAMPLE))
import os
os.environ.setdefault("CUSHIM_CACHE", "/tmp/cushim-cache")
Path("/tmp/cushim-cache").mkdir(exist_ok=True)
import cushim  # noqa: E402
class Module(cushim.HostModule):
    def __init__(self, text, sanitize="", **options):
        text = "#define EMULATED 1\n#define load_relaxed ld_relaxed\n#define store_relaxed st_relaxed\n" + text
        super().__init__(text, sanitize=sanitize, **options)
    def configure(self, seed=0, yield_per_mille=0, resident=1):
        self.config(seed=seed, yield_per_mille=yield_per_mille, resident=resident)
