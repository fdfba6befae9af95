"""
Distributions that exist only in a folder: to test how plugins are found.

Next: `mosaico_ingest.hooks.discovery`.
"""

from pathlib import Path

__all__ = ["write_dist"]


def write_dist(
    folder: Path,
    distribution: str,
    plugins: dict[str, str],
    *,
    version: str = "1.0",
    group: str = "mosaico_ingest",
) -> Path:
    """
    Write modules and the metadata that announces them; put *folder* on `sys.path` to install it.

    Args:
        plugins: Source text by entry-point name; the module is `DISTRIBUTION_NAME`.

    Returns:
        The folder.
    """
    stem = distribution.replace("-", "_")
    info = folder / f"{stem}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
    )
    lines = [f"[{group}]"]
    for name, source in plugins.items():
        module = f"{stem}_{name}"
        (folder / f"{module}.py").write_text(source)
        lines.append(f"{name} = {module}")
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder
