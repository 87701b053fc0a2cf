package ployd.lib.names_test

import data.ployd.lib.names

test_finds_names_that_begin_alike if {
	names.like("llama-v2-2", ["llama-v2-0", "llama-v2-1", "qwen", "llama"]) == ["llama", "llama-v2-0", "llama-v2-1"]
	names.like("a", {"b", "c"}) == []
	names.like("llama", []) == []
}

test_gives_three_at_most if {
	names.like("m9", ["m1", "m2", "m3", "m4"]) == ["m1", "m2", "m3"]
}

test_suggests_in_a_sentence if {
	names.suggestion("chat-v2", ["chat-v1", "chat-v3"]) == " Did you mean chat-v1 or chat-v3?"
	names.suggestion("chat", ["code"]) == ""
}
