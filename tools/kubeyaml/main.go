// Command kubeyaml says how Kubernetes reads YAML, so that our own reader can be held to it.
//
// It reads one base64 text per line and prints one JSON answer per line, in order:
//
//	strict   what sigs.k8s.io/yaml YAMLToJSONStrict gives for the text as one document
//	lenient  what sigs.k8s.io/yaml YAMLToJSON gives, which is what kubectl uses
//	stream   the documents kubectl finds in the text as a file, empty ones left out
//
// Each comes with an error instead where the text is refused.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	kubeyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

type answer struct {
	Strict       json.RawMessage   `json:"strict,omitempty"`
	StrictError  string            `json:"strictError,omitempty"`
	Lenient      json.RawMessage   `json:"lenient,omitempty"`
	LenientError string            `json:"lenientError,omitempty"`
	Stream       []json.RawMessage `json:"stream"`
	StreamError  string            `json:"streamError,omitempty"`
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "kubeyaml:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	results := bufio.NewWriter(out)
	encoder := json.NewEncoder(results)
	encoder.SetEscapeHTML(false)
	for {
		line, readErr := lines.ReadBytes('\n')
		if readErr != nil && !errors.Is(readErr, io.EOF) {
			return readErr
		}
		if readErr != nil && len(line) == 0 {
			return results.Flush()
		}
		text, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(line)))
		if err != nil {
			return err
		}
		if err := encoder.Encode(answerFor(text)); err != nil {
			return err
		}
		if lines.Buffered() == 0 { // somebody may be waiting for this answer before asking on
			if err := results.Flush(); err != nil {
				return err
			}
		}
	}
}

func answerFor(text []byte) answer {
	var a answer
	a.Strict, a.StrictError = convert(text, yaml.YAMLToJSONStrict)
	a.Lenient, a.LenientError = convert(text, yaml.YAMLToJSON)
	a.Stream, a.StreamError = stream(text)
	return a
}

func convert(text []byte, read func([]byte) ([]byte, error)) (json.RawMessage, string) {
	value, err := read(text)
	if err != nil {
		return nil, err.Error()
	}
	return value, ""
}

// stream does what kubectl's StreamVisitor does, up to the first error.
func stream(text []byte) ([]json.RawMessage, string) {
	documents := []json.RawMessage{}
	decoder := kubeyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		var document json.RawMessage
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return documents, ""
		}
		if err != nil {
			return documents, err.Error()
		}
		if len(document) > 0 && !bytes.Equal(document, []byte("null")) {
			documents = append(documents, document)
		}
	}
}
