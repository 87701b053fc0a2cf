"""`import-model`: from a model's own files to a verdict on it, in one command."""

import json
import re
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from ployd_policy.capacity import entry_from_config
from ployd_policy.cli.import_model import import_model
from ployd_policy.model.errors import ConfigurationError

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
INDEX = "model.safetensors.index.json"
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


def config(**more):
    return json.dumps(CONFIG | more).encode()


def test_weights_that_stand_twice_in_a_folder_count_once(run, folder):
    (folder / "consolidated.safetensors").write_bytes(safetensors(PLAIN))
    assert entry(run("import-model", folder), "our-chat-2b")["parameters"] == 24640
    (folder / "model-00001-of-00002.safetensors").write_bytes(safetensors({"embed": PLAIN["embed"]}))
    (folder / "model-00002-of-00002.safetensors").write_bytes(safetensors({"layer": ("BF16", [64, 128])}))
    assert entry(run("import-model", folder), "our-chat-2b")["parameters"] == 256 * 64 + 64 * 128
    (folder / "adapter.safetensors").write_bytes(safetensors({"a": ("BF16", [1000])}))
    index = {"weight_map": {"embed": "model-00001-of-00002.safetensors", "layer": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert entry(run("import-model", folder), "our-chat-2b")["parameters"] == 256 * 64 + 64 * 128


def test_the_files_that_an_index_names_count_whatever_they_are_called(run, folder):
    (folder / "consolidated-1.safetensors").write_bytes(safetensors(PLAIN))
    (folder / "other.safetensors").write_bytes(safetensors(PLAIN))
    index = {"weight_map": {"embed": "consolidated-1.safetensors", "layer": "consolidated-1.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert entry(run("import-model", folder), "our-chat-2b")["parameters"] == 24640


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


OURS = b"# ours\nmodels:\n  first: # tested\n    source: x\n    layers: 1\n    hidden: 8\n    heads: 1\n"


@pytest.mark.parametrize(
    ("before", "start"),
    [
        (b"", b"models:\n  second:\n"),
        (b"# ours\n", b"# ours\nmodels:\n  second:\n"),
        (b"# ours", b"# ours\nmodels:\n  second:\n"),
        (b"models:\n", b"models:\n  second:\n"),
        (b"models: # ours\n", b"models: # ours\n  second:\n"),
        (b"models: {} # ours\n", b"models: # ours\n  second:\n"),
        (b"models: null\n# end", b"models:\n# end\n  second:\n"),
        (b"models: {}\r\n", b"models:\r\n  second:\r\n"),
        (OURS.replace(b"\n", b"\r\n"), OURS.replace(b"\n", b"\r\n") + b"  second:\r\n"),
        (OURS.rstrip(b"\n"), OURS + b"  second:\n"),
        (b"\xef\xbb\xbf" + OURS, b"\xef\xbb\xbf" + OURS + b"  second:\n"),
    ],
)
def test_an_entry_is_added_to_any_beginning_and_the_rest_stays(run, folder, tmp_path, before, start):
    file = tmp_path / "models.yaml"
    file.write_bytes(before)
    result = run("import-model", folder, "--into", tmp_path, "--name", "second")
    assert result.code == 0, result.err
    written = file.read_bytes()
    assert written.startswith(start)
    assert yaml.safe_load(written)["models"]["second"]["layers"] == 2
    assert written.count(b"\r\n") == (written.count(b"\n") if b"\r\n" in before else 0)


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (OURS.replace(b"\n  ", b"\n    "), "`models` has to be its last key, with entries indented by two"),
        (b"models:\n  first: {source: x}\nother:\n  a: 1\n", "`models` has to be its last key"),
        (b"models:\n  first: {source: x}\nother: 1\n", "`models` has to be its last key"),
        (b"models: {first: {source: x}}\n", "`models` has to be its last key"),
        (b"models: {}\nother: 1\n", "`models` has to be its last key"),
        (b"{}\n", "`models` has to be its last key"),
        (b"models:\n  first: {source: x}\n...\n", "`models` has to be its last key"),
        (b"models: []\n", "models.yaml: not a mapping with `models`"),
        (b"models: false\n", "models.yaml: not a mapping with `models`"),
        (b"[]\n", "models.yaml: not a mapping with `models`"),
        (b"models: {}\n---\nmodels: {}\n", "models.yaml: 2 documents"),
        (b"models: {\n", "models.yaml:1:10"),
        (b"models:\n  caf\xe9: {}\n", "models.yaml:2:6: the byte 0xE9 is not UTF-8"),
    ],
)
def test_a_file_that_cannot_take_the_entry_is_said_and_stays(run, folder, tmp_path, before, words):
    file = tmp_path / "models.yaml"
    file.write_bytes(before)
    result = run("import-model", folder, "--into", tmp_path, "--name", "second")
    assert result.code == 2, result.err
    assert words in result.err
    assert file.read_bytes() == before
    lines = [int(line) for line in re.findall(r"models\.yaml:(\d+)", result.err)]
    assert all(line <= before.count(b"\n") + 1 for line in lines), result.err


def test_a_name_that_yaml_takes_for_a_number_is_no_fault_of_the_file(run, folder, tmp_path):
    (tmp_path / "models.yaml").write_bytes(OURS)
    result = run("import-model", folder, "--into", tmp_path, "--name", "1e5")
    assert result.code == 2
    assert "1e5: its entry would not be read: the entry:2:3: a key is the number" in result.err
    assert (tmp_path / "models.yaml").read_bytes() == OURS


def header(text):
    return struct.pack("<Q", len(text)) + text


LINEAR_TYPES = {"layer_types": ["linear_attention", "full_attention"]}


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"config.json": config(num_attention_heads=0)}, "attention heads are at least 1"),
        ({"config.json": config(num_hidden_layers=0)}, "attention heads are at least 1"),
        ({"config.json": config(num_key_value_heads=0)}, "no key-value heads"),
        ({"config.json": config(hidden_size=10**30)}, "does not give hidden_size"),
        ({"config.json": config(hidden_size="64")}, "does not give hidden_size"),
        ({"config.json": config(model_type="gemma3_text", sliding_window_pattern=0)}, "sliding_window_pattern"),
        ({"config.json": config(model_type="gemma3_text", sliding_window_pattern=None)}, "sliding_window_pattern"),
        ({"config.json": config(model_type="gemma3", sliding_window_pattern="6")}, "sliding_window_pattern"),
        ({"config.json": config(**LINEAR_TYPES, linear_num_value_heads=4)}, "linear_num_key_heads"),
        ({"config.json": config(**LINEAR_TYPES, linear_num_value_heads="4")}, "linear_num_value_heads"),
        (
            {"config.json": config(model_type="llama4_text", num_local_experts=2, interleave_moe_layer_step="x")},
            "interleave_moe_layer_step",
        ),
        (
            {"config.json": config(model_type="llama4_text", num_local_experts=2, intermediate_size_mlp=[1])},
            "intermediate_size_mlp",
        ),
        ({"config.json": config(), INDEX: b'{"metadata": null}'}, f"{INDEX}: `metadata` is no mapping"),
        ({"config.json": config(), INDEX: b'{"metadata": {"total_size": "9"}}'}, f"{INDEX}: `total_size` is no whole"),
        ({"config.json": config(), INDEX: b'{"metadata": {"total_size": Infinity}}'}, f"{INDEX}: `total_size` is no"),
        ({"config.json": config(), INDEX: b"[]"}, f"{INDEX}: not a JSON object"),
        ({"config.json": config(), INDEX: b'{"weight_map": [1]}'}, f"{INDEX}: `weight_map` is no mapping"),
        ({"config.json": config(), INDEX: b'{"weight_map": {"x": null}}'}, f"{INDEX}: `weight_map` is no mapping"),
        (
            {"config.json": config(), "a.safetensors": safetensors(PLAIN), INDEX: b'{"weight_map": {"x": "../b"}}'},
            f"{INDEX}: it names ../b, which is not there",
        ),
        *(
            (
                {"config.json": config(), "a.safetensors": header(b'{"x": {"dtype": "F32", "shape": %s}}' % shape)},
                "a.safetensors: the shape of x is no list of whole numbers",
            )
            for shape in (b"[Infinity]", b"[NaN]", b"[1.5]", b"[-1]", b'["3"]', b"[true]", b'"12"', b"{}", b"null")
        ),
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


@pytest.mark.parametrize(
    ("more", "figures"),
    [
        ({"sliding_window": "4096", "model_type": "gemma2"}, {"window": None, "window_layers": None}),
        ({"sliding_window": True, "model_type": "mistral"}, {"window": None, "window_layers": None}),
        ({"sliding_window": -1, "model_type": "mistral"}, {"window": None, "window_layers": None}),
        ({"sliding_window": 4096, "model_type": "mistral"}, {"window": 4096, "window_layers": 2}),
        ({"sliding_window": 512, "model_type": "gemma3_text"}, {"window": 512, "window_layers": 2}),
        ({"num_local_experts": 2, "n_shared_experts": -1}, {"experts": 2, "shared_intermediate": None}),
        ({"num_local_experts": 2, "n_shared_experts": True}, {"experts": 2, "shared_intermediate": None}),
        ({"vision_config": {"depth": True, "hidden_size": 8, "intermediate_size": 8}}, {"vision_parameters": None}),
        ({"vision_config": {"depth": 1, "hidden_size": -8, "intermediate_size": 8}}, {"vision_parameters": None}),
        (
            {"quantization_config": {"quant_method": "fp8", "weight_block_size": [True, 1]}},
            {"quantization": "fp8", "quantization_block": None},
        ),
        (
            {"quantization_config": {"quant_method": "fp8", "weight_block_size": [-1, 1]}},
            {"quantization": "fp8", "quantization_block": None},
        ),
        (
            {"rope_scaling": {"type": "yarn", "factor": 2.0, "original_max_position_embeddings": True}},
            {"context": 8192},
        ),
        ({"rope_scaling": {"type": "yarn", "factor": 2.5, "original_max_position_embeddings": -1}}, {"context": 10240}),
        ({"max_position_embeddings": 10**400, "rope_scaling": {"type": "linear", "factor": 2.0}}, {"context": None}),
        (
            LINEAR_TYPES
            | {"linear_num_value_heads": 4, "linear_num_key_heads": 2}
            | {"linear_key_head_dim": 8, "linear_value_head_dim": 16},
            {"linear_layers": 1, "linear_state": 2 * 4 * 8 * 16, "linear_projections": 2 * 2 * 8 + 3 * 4 * 16},
        ),
        (LINEAR_TYPES, {"linear_layers": 1, "linear_state": None}),
    ],
)
def test_a_figure_of_another_type_is_left_out(more, figures):
    found = entry_from_config(CONFIG | more, source="config.json")
    assert not isinstance(found, str), found
    assert {key: found.get(key) for key in figures} == figures


@pytest.mark.parametrize("source", ["a" * 300, "tests/" + "a" * 300])
def test_a_path_that_no_file_system_takes_is_said(run, source):
    result = run("import-model", source)
    assert result.code == 2
    assert f"{source}: File name too long" in result.err


@pytest.mark.parametrize("place", ["is_dir", "iterdir"])
def test_a_folder_that_may_not_be_read_is_said(folder, monkeypatch, place):
    def denied(self):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, place, denied)
    result = CliRunner().invoke(import_model, [str(folder)])
    assert isinstance(result.exception, ConfigurationError)
    assert result.exception.message == f"{folder}: Permission denied"


@pytest.mark.parametrize("name", ["", "a/b/c", "a b", "/"])
def test_what_is_no_name_of_a_model_on_the_hub_is_said(run, name):
    result = run("import-model", f"hf://{name}")
    assert result.code == 2
    assert f"hf://{name}: no name of a model" in result.err
    assert "hf://OWNER/NAME" in result.err


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


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (("model.safetensors", b"\xff" * 9), "acme/chat-2b: its safetensors, or model.safetensors.index.json, cannot"),
        (("model.safetensors", header(b"{")), "acme/chat-2b: its safetensors, or"),
        (("model.safetensors", header(b"[]")), "acme/chat-2b: its safetensors, or"),
        (("model.safetensors", safetensors({"x": ("F32", ["3"])})), "acme/chat-2b: its safetensors, or"),
        (("model.safetensors", header(b'{"x": {"dtype": "F32"}}')), "acme/chat-2b: its safetensors, or"),
        (
            ("model.safetensors", header(b'{"x": {"dtype": "F32", "shape": [Infinity], "data_offsets": [0, 0]}}')),
            "acme/chat-2b: a header of its safetensors has a shape that is none",
        ),
        ((INDEX, b'{"weight_map": null}'), "acme/chat-2b: its safetensors, or"),
        ((INDEX, b"{"), "acme/chat-2b: its safetensors, or"),
    ],
)
def test_broken_weights_on_the_hub_are_said(run, hub, monkeypatch, file, words):
    monkeypatch.delitem(ON_THE_HUB, "model.safetensors")
    monkeypatch.setitem(ON_THE_HUB, *file)
    result = run("import-model", "hf://acme/chat-2b", env=hub)
    assert result.code == 2, result.err
    assert words in result.err


def test_a_hub_that_does_not_answer_is_no_traceback(run, tmp_path):
    env = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path)}
    result = run("import-model", "hf://acme/chat-2b", env=env)
    assert result.code == 3
    assert "does not answer" in result.err
    assert "Traceback" not in result.err
