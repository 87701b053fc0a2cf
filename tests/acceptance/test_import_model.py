"""`import-model`: from a model's own files to a verdict on it, in one command."""

import json
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).parents[2]
CONFIG = {
    "model_type": "llama",
    "num_hidden_layers": 2,
    "hidden_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "intermediate_size": 128,
    "vocab_size": 256,
    "max_position_embeddings": 4096,
    "torch_dtype": "bfloat16",
}
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def safetensors(tensors):
    """A file of weights with this header and no numbers behind it."""
    header = json.dumps(
        {"__metadata__": {"format": "pt"}}
        | {name: {"dtype": kind, "shape": shape, "data_offsets": [0, 0]} for name, (kind, shape) in tensors.items()}
    ).encode()
    return struct.pack("<Q", len(header)) + header


PLAIN = {"embed": ("BF16", [256, 64]), "layer": ("BF16", [64, 128]), "norm": ("BF16", [64])}
PACKED = {"embed": ("BF16", [256, 64]), "layer.qweight": ("I32", [8, 128]), "layer.scales": ("F16", [1, 128])}


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "our-chat-2b"
    made.mkdir()
    (made / "config.json").write_text(json.dumps(CONFIG))
    return made


def entry(result, name):
    assert result.code == 0, result.err
    return yaml.safe_load(result.out)["models"][name]


def test_a_folder_becomes_an_entry_with_its_parameters_counted(run, folder):
    (folder / "model-00001-of-00002.safetensors").write_bytes(safetensors(PLAIN))
    (folder / "model-00002-of-00002.safetensors").write_bytes(safetensors({"head": ("BF16", [256, 64])}))
    found = entry(run("import-model", folder), "our-chat-2b")
    assert found["parameters"] == 256 * 64 + 64 * 128 + 64 + 256 * 64
    assert {key: found[key] for key in ("layers", "heads", "kv_heads", "context", "model_type")} == {
        "layers": 2,
        "heads": 4,
        "kv_heads": 2,
        "context": 4096,
        "model_type": "llama",
    }
    assert "weight_bytes" not in found


def test_packed_weights_count_by_their_bytes(run, folder):
    (folder / "config.json").write_text(json.dumps(CONFIG | {"quantization_config": {"quant_method": "awq"}}))
    (folder / "model.safetensors").write_bytes(safetensors(PACKED))
    found = entry(run("import-model", folder), "our-chat-2b")
    assert (found["quantization"], found["weight_bytes"]) == ("awq", 2 * 256 * 64 + 4 * 8 * 128 + 2 * 128)
    assert "parameters" not in found


def test_the_index_alone_tells_the_size(run, folder):
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {"total_size": 40960}}))
    assert entry(run("import-model", folder), "our-chat-2b")["parameters"] == 20480


def test_an_imported_model_is_judged_and_a_second_import_refused(run, folder, tmp_path):
    catalogue = tmp_path / "catalogue"
    added = run("import-model", folder, "--into", catalogue)
    assert (added.code, added.out) == (0, f"{catalogue}/models.yaml: our-chat-2b added\n")
    text = (CHECKOUT / "fixtures/overview/model-deployment.yaml").read_text()
    file = tmp_path / "model.yaml"
    file.write_text(
        text.replace("llama-7b-chat-v2.1", "our-chat-2b")
        .replace("llama-7b-chat", "our-chat")
        .replace("tesla-v100", "l4")
    )
    before = run("plan", file, "-e", "dev", "-f", "json").json()["objects"][0]["servers"][0]
    after = run("plan", file, "-e", "dev", "-f", "json", "--catalogue", catalogue).json()["objects"][0]["servers"][0]
    assert (before["model"]["known"], after["model"]["name"]) == (False, "our-chat-2b")
    assert after["estimate"]["gib"]["weights"]["expected"] < 0.1
    again = run("import-model", folder, "--into", catalogue)
    assert again.code == 2
    assert "our-chat-2b is there already" in again.err


def test_other_entries_and_comments_stay(run, folder, tmp_path):
    file = tmp_path / "models.yaml"
    file.write_text("# ours\nmodels:\n  first: # tested\n    source: x\n    layers: 1\n    hidden: 8\n    heads: 1\n")
    assert run("import-model", folder, "--into", tmp_path, "--name", "second").code == 0
    written = file.read_text()
    assert written.startswith("# ours\nmodels:\n  first: # tested\n")
    assert list(yaml.safe_load(written)["models"]) == ["first", "second"]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "no config.json"),
        ({"config.json": b"{"}, "config.json"),
        ({"config.json": b"[]"}, "not a JSON object"),
        ({"config.json": b"{}"}, "does not give num_hidden_layers"),
        ({"config.json": json.dumps(CONFIG).encode(), "a.safetensors": b"\xff" * 9}, "a.safetensors"),
        ({"config.json": json.dumps(CONFIG).encode(), "a.safetensors": b""}, "no safetensors file"),
        ({"config.json": json.dumps(CONFIG).encode(), "a.safetensors": safetensors({"x": ("Q9", [1])})}, "type Q9"),
    ],
)
def test_what_cannot_be_read_is_said_with_the_file(run, tmp_path, files, words):
    folder = tmp_path / "m"
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    result = run("import-model", folder)
    assert result.code == 2
    assert words in result.err
    assert "Traceback" not in result.err


ON_THE_HUB = {"config.json": json.dumps(CONFIG).encode(), "model.safetensors": safetensors(PLAIN) + b"\0" * 64}


class FakeHub(BaseHTTPRequestHandler):
    """A stand-in for the Hub: one model, answered as its client asks. The real one cannot be reached from here."""

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, *, body):
        name = self.path.rsplit("/", 1)[-1]
        if self.path.startswith("/api/models/acme/chat-2b"):
            data = json.dumps({"id": "acme/chat-2b", "sha": COMMIT, "siblings": [], "tags": []}).encode()
        elif self.path.startswith("/acme/chat-2b/resolve/") and name in ON_THE_HUB:
            data = ON_THE_HUB[name]
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound" if "/acme/chat-2b/" in self.path else "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{name}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if body:
            self.wfile.write(data)


@pytest.fixture
def hub(tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeHub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield {
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HOME": str(tmp_path / "hub"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    server.shutdown()
    server.server_close()


def test_a_model_of_the_hub_is_read_at_its_commit(run, hub):
    found = entry(run("import-model", "hf://acme/chat-2b", env=hub), "acme/chat-2b")
    assert found["source"] == f"acme/chat-2b@{COMMIT} config.json"
    assert found["parameters"] == 256 * 64 + 64 * 128 + 64


def test_a_model_the_hub_does_not_have_is_said(run, hub):
    result = run("import-model", "hf://acme/nothing", env=hub)
    assert result.code == 2
    assert "acme/nothing" in result.err
    assert "Traceback" not in result.err


def test_a_hub_that_does_not_answer_is_no_traceback(run, tmp_path):
    env = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path)}
    result = run("import-model", "hf://acme/chat-2b", env=env)
    assert result.code == 3
    assert "does not answer" in result.err
    assert "Traceback" not in result.err
