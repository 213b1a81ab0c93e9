"""`visavis bench render`: what it says, with a C++ compiler and without."""

import argparse
import shutil

import pytest

from tools.bench import _yardstick as yardstick
from tools.bench import render
from tools.errors import ToolError

KEYS = {"gaussians", "width", "height", "cpu_ms_per_frame", "psnr_db", "ratio_to_cpp"}


@pytest.fixture
def quick(monkeypatch, tmp_path):
    monkeypatch.setattr(render, "SIZES", (3000, 5000))
    monkeypatch.setattr(render, "FULL", 5000)
    monkeypatch.setattr(render, "ROUNDS", 1)
    monkeypatch.setattr(render, "DEFAULT_AVATAR", tmp_path / "none.ply")
    return argparse.Namespace(frames=4)


@pytest.mark.skipif(not shutil.which(yardstick.COMPILER), reason="no C++ compiler")
def test_each_head_is_compared_with_cpp_that_draws_the_same_picture(quick):
    results = render.run(quick)
    assert [case["gaussians"] for case in results["cases"]] == [3000, 5000]
    for case in results["cases"]:
        assert case.keys() >= KEYS and case["psnr_db"] > 50
        assert case["ratio_to_cpp"] > 0 and case["cpp_off_share"] < render.MOST_OFF_SHARE
    assert results["blending"] in ("vectors", "plain loops") and results["streams"]["threads"] == 2


def test_without_a_compiler_the_ratio_is_unknown_and_the_reason_is_said(quick, monkeypatch):
    monkeypatch.setattr(yardstick, "COMPILER", "no-such-compiler")
    results = render.run(quick)
    assert all(case.keys() >= KEYS and case["ratio_to_cpp"] is None for case in results["cases"])
    assert "no-such-compiler" in results["ratio_to_cpp"]


@pytest.mark.skipif(not shutil.which(yardstick.COMPILER), reason="no C++ compiler")
def test_cpp_that_does_not_compile_is_an_error_in_the_compilers_words(monkeypatch, tmp_path):
    broken = tmp_path / "yardstick.cpp"
    broken.write_text("this is not C++")
    monkeypatch.setattr(yardstick, "SOURCE", broken)
    with pytest.raises(ToolError, match="error"):
        yardstick.build()
