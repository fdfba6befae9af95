"""Fixtures that every test may ask for."""

from pathlib import Path

import pytest

pytest.register_assert_rewrite("mosaico_ingest.testing")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with recordings of public projects, beside the checkout; skips where it is absent."""
    folder = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"The shared recordings are absent: {folder} does not exist.")
    return folder
