"""`backscore table infer --series`."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.checking import checked_frame
from data.files.sources import read_frame
from data.files.table_toml import read_table
from data.series.histories import histories


def test_a_wide_file_is_melted_beside_its_table(run, tmp_path):
    """And never over a file that may hold corrections."""
    days = pd.date_range("2024-01-01", periods=60)
    wide = pd.DataFrame({"day": days, "tea": np.arange(60.0) + 0.5, "rum": np.arange(60.0) ** 2 + 0.5})
    path, toml, long = tmp_path / "shop.csv", tmp_path / "out.toml", tmp_path / "out_long.csv"
    wide.to_csv(path, index=False)

    result = run("table", "infer", path, "--series", "--out", toml)

    assert result.exit_code == 0, result.stderr
    assert "horizon = 14 is a usual one" in result.stderr
    assert "2 series, melted" in result.stdout
    table = read_table(toml)
    found = histories(checked_frame(table, read_frame(long), "long", training=True), table, "long")
    assert {one.key: one.values.tolist() for one in found} == {name: wide[name].tolist() for name in ("tea", "rum")}
    toml.unlink()
    again = run("table", "infer", path, "--series", "--out", toml)
    assert again.exit_code != 0
    assert "out_long.csv already exists; --force overwrites it" in again.stderr
    assert not toml.exists()


def test_a_long_file_is_described_as_it_is(run, tmp_path):
    days = pd.date_range("2024-01-01", periods=60)
    path, toml = tmp_path / "shop.csv", tmp_path / "out.toml"
    pd.DataFrame({"day": days, "sold": np.arange(60.0) + 0.5, "cost": 1.5}).to_csv(path, index=False)

    result = run("table", "infer", path, "--series", "--target", "sold", "--out", toml)

    assert result.exit_code == 0, result.stderr
    assert read_table(toml).target.name == "sold"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["out.toml", "shop.csv"]


def test_rows_need_a_target(run, tmp_path):
    path = tmp_path / "shop.csv"
    path.write_text("a,b\n1,2\n")

    result = run("table", "infer", path, "--out", tmp_path / "out.toml")

    assert result.exit_code != 0
    assert "--target, or add --series" in result.stderr
