"""Entry point of ``python -m voxgpu``."""

from voxgpu.cli.main import main

if __name__ == "__main__":
    main()
