"""`plan` as its user meets it: text, JSON, and a page that a real browser draws."""

import json
import os
import shutil
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

CHECKOUT = Path(__file__).parents[2]
GOOD = "fixtures/repositories/ployd-platform-config/environments/production/applications"
MODEL = f"{GOOD}/llama-3-3-70b-instruct.yaml"
POD = f"{GOOD}/whisper-large-v3.yaml"
OVERVIEW = "fixtures/overview/model-deployment.yaml"
# Half a pixel of the browser, which draws a bar of some 900.
PIXEL = 0.6


def planned(run, *arguments):
    result = run("plan", *arguments, "--format", "json")
    assert result.code == 0, result.err
    return result.json()


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium through its driver; where it is missing, CI fails and a desk skips with the reason."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not program or not driver:
        reason = "no chromium and chromedriver: apt-get install chromium chromium-driver"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1000,1400"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    window = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield window
    window.quit()


def test_the_parts_of_a_bar_add_up_to_the_memory_of_the_gpu(run):
    (item,) = planned(run, MODEL)["objects"]
    (server,) = item["servers"]
    bar = server["bar"]
    assert sum(bar["partsGiB"].values()) == pytest.approx(bar["totalGiB"] + bar["overGiB"], abs=0.001)
    assert bar["totalGiB"] == pytest.approx(server["estimate"]["gib"]["visible"]["expected"], abs=0.001)
    assert bar["partsGiB"]["weights"] == pytest.approx(server["estimate"]["gib"]["weights"]["expected"], abs=0.001)
    assert (server["verdict"], item["allowed"]) == ("FITS", True)


def test_another_gpu_is_planned_for_beside_the_written_one(run):
    (item,) = planned(run, MODEL, "--gpu", "T4", "--gpu", "nvidia-h200-141gb")["objects"]
    assert [(server["asked"], server["gpu"]["name"], server["verdict"]) for server in item["servers"]] == [
        ("", "H100-80GB", "FITS"),
        ("T4", "T4", "FAILS"),
        ("nvidia-h200-141gb", "H200", "FITS"),
    ]
    assert item["servers"][1]["bar"]["overGiB"] > 15


def test_offers_are_cheapest_first(run):
    (item,) = planned(run, MODEL)["objects"]
    offers = item["servers"][0]["offers"]
    assert len(offers) == 5
    prices = [offer["price"] for offer in offers]
    assert prices == sorted(prices)
    assert {"gpu": "H100-80GB", "count": 4, "price": 18.0} in [
        {name: offer[name] for name in ("gpu", "count", "price")} for offer in offers
    ]


def test_as_text(run):
    result = run("plan", MODEL, OVERVIEW, "--environment", "production", "--root", CHECKOUT / "fixtures")
    assert result.code == 0, result.err
    for line in (
        "ModelDeployment ployd-ai-gateway/llama-3-3-70b-instruct in production",
        "  llama-3.3-70b-instruct on 4 x H100-80GB, vLLM 0.19.1",
        "  llama-7b-chat-v2.1 on 2 x V100-16GB, a vLLM nobody pinned",
        "  FAILS  V100-16GB has 7.0, the image needs 7.5",
        "  cost           36.00 to 144.00 USD an hour, 8 to 32 GPUs",
    ):
        assert line in result.out.splitlines()


def test_a_pod_is_planned_like_a_model(run):
    (item,) = planned(run, POD)["objects"]
    assert item["kind"] == "Deployment"
    assert item["servers"][0]["gpu"]["name"] == "L4"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((f"{GOOD}/chat-api.yaml",), "runs vLLM"),
        ((MODEL, "--gpu", "Z9"), "no GPU is called that"),
        (("missing.yaml",), "missing.yaml"),
    ],
)
def test_what_cannot_be_planned_is_said(run, arguments, words):
    result = run("plan", *arguments)
    assert result.code == 2
    assert words in result.err
    assert result.out == ""


def test_the_page_shows_the_figures_in_a_browser(run, browser, tmp_path):
    figures = planned(run, MODEL, "--gpu", "T4")["objects"][0]["servers"]
    page = tmp_path / "plan.html"
    page.write_text(run("plan", MODEL, "--gpu", "T4", "--format", "html").out)
    browser.get(page.as_uri())
    bars = browser.find_elements(By.CLASS_NAME, "bar")
    assert len(bars) == len(figures) == 2
    for bar, server in zip(bars, figures, strict=True):
        whole = bar.size["width"]
        assert whole > 300
        scale = server["bar"]["totalGiB"] + server["bar"]["overGiB"]
        for name, gib in server["bar"]["partsGiB"].items():
            drawn = bar.find_element(By.CLASS_NAME, name).rect["width"]
            assert drawn == pytest.approx(whole * gib / scale, abs=PIXEL), name
    assert bars[1].find_elements(By.CLASS_NAME, "limit")
    assert [entry for entry in browser.get_log("browser") if entry["level"] in {"SEVERE", "WARNING"}] == []
    assert browser.get_screenshot_as_png()[:4] == b"\x89PNG"


def test_the_page_needs_nothing_else(run):
    page = run("plan", MODEL, "--format", "html").out
    for outside in ("<script", "http://", "https://", "url(", "@import"):
        assert outside not in page


def test_names_cannot_break_out_of_the_page(run, tmp_path):
    text = (CHECKOUT / OVERVIEW).read_text().replace("s3://company-models/", "s3://<script>alert(1)</script>&\\u202e/")
    assert "<script>" in text
    file = tmp_path / "model.yaml"
    file.write_text(text)
    page = run("plan", file, "--environment", "dev", "--format", "html", cwd=tmp_path).out
    assert "<script" not in page
    assert "llama-7b-chat" in page


def test_a_file_that_cannot_be_read_is_said(run, tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: b: c\n")
    alone = run("plan", broken, cwd=tmp_path)
    assert alone.code == 2
    assert "broken.yaml:1" in alone.err
    good = tmp_path / "good.yaml"
    good.write_text((CHECKOUT / OVERVIEW).read_text())
    for format_ in ("text", "json", "html"):
        both = run("plan", good, broken, "--environment", "dev", "--format", format_, cwd=tmp_path)
        assert both.code == 1
        assert "broken.yaml:1" in both.out


def test_settings_count_as_they_do_for_check(run, tmp_path):
    (tmp_path / ".ployd-policy.yaml").write_text("exclude: [left-out.yaml]\n")
    text = (CHECKOUT / OVERVIEW).read_text()
    (tmp_path / "kept.yaml").write_text(text)
    (tmp_path / "left-out.yaml").write_text(text.replace("name: llama-7b-chat-v2-1", "name: other"))
    (item,) = run("plan", ".", "--environment", "dev", "--format", "json", cwd=tmp_path).json()["objects"]
    assert item["name"] == "llama-7b-chat-v2-1"


def test_prices_of_ones_own_are_used(run, tmp_path):
    (tmp_path / "prices.yaml").write_text(
        json.dumps({"currency": "EUR", "source": "our contract", "example": False, "perGpuHour": {"H100-80GB": 2.5}})
    )
    found = planned(run, MODEL, "--catalogue", tmp_path)
    assert (found["currency"], found["examplePrices"]) == ("EUR", False)
    assert found["objects"][0]["servers"][0]["hourly"]["price"] == {"min": 20.0, "max": 80.0}
