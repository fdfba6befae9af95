"""The contracts of the kit, on tables written here."""

import pytest
from mosaico_ingest_csv import CsvFormat

from mosaico_ingest.testing.source import SourceContract


class TestCsv(SourceContract):
    """The last column is true or false, so that a row that is cut short cannot be taken for a whole one."""

    plugin_module = "mosaico_ingest_csv"

    @pytest.fixture
    def source_format(self):
        return CsvFormat()

    @pytest.fixture
    def recordings(self, tmp_path):
        plain = tmp_path / "drive.csv"
        names = "time,ax,ay,az,gx,gy,gz,note,ok\n"
        rows = [
            f'{1700000000 + k / 100:.2f},{k},{-k}.5,9.81,0.1,0.2,0.3,"n\n{k}",{k % 2 == 0}\n'
            for k in range(150)
        ]
        plain.write_text(names + "".join(rows))
        kinds = tmp_path / "kinds.csv"
        kinds.write_text(
            "".join(f"{k * 4000},{'mag,1.5,2' if k % 3 else 'baro,3'},true\n" for k in range(120))
        )
        return {plain: {"/imu": 150, "/drive": 150}, kinds: {"/mag": 80, "/baro": 40}}
