"""Bytes of one file -> its documents, and everything that is wrong with the text. The front of the reading half.

Documents are split as kubectl splits them (YAMLReader of k8s.io/apimachinery): at lines that begin with `---` and hold
nothing else but blanks or a comment. This differs from a YAML stream in three ways, and each is a finding instead of a
guess: text behind `---` on its line, text after `...` (kubectl drops it), and `%` directives (they end up in a document
of their own). A file whose first character is `{` is JSON if it reads as JSON, as several objects in a row too.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ployd_policy.documents.identifiers import suspicious_identifiers
from ployd_policy.documents.json_values import read_json
from ployd_policy.documents.limits import Limits
from ployd_policy.documents.problem import MAX_PROBLEMS, Problem, Reading
from ployd_policy.documents.source import DocumentSource, SourceText
from ployd_policy.documents.templates import foreign_reason, template_reason
from ployd_policy.documents.yaml_values import read_yaml
from ployd_policy.model.finding import Finding, Related, Severity, Skip
from ployd_policy.model.location import Location, Position, SourceMap, Span

_SEPARATOR = re.compile(r"^---([^\n]*)\n?", re.MULTILINE)
_NOTHING_BEHIND = re.compile("[ \t]*\r?|[ \t]+#[^\r\x85\u2028\u2029]*\r?")
"""Behind `---`. The breaks are ends of lines to YAML and not to kubectl."""
_ENOUGH_FINDINGS = 200
_JSON_BLANKS = " \t\r\n"
_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BOM = "\ufeff"
_TEMPLATE_RULES = {"yaml.syntax", "yaml.separator", "yaml.key", "yaml.duplicate_key", "yaml.unknown_tag"}
"""What a template looks like to a reader of YAML. A bomb or a bad encoding stays a finding, whatever else is in it."""
_EXHAUSTED = {"yaml.alias_bomb", "yaml.too_large"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document of a file, read without errors. Shared parts (aliases) are one value: never change it."""

    value: Any
    """A JSON value; None never, an empty document is left out."""
    index: int
    """Counts the documents of the file from 0."""
    source: SourceMap


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFile:
    """A file's documents, and what is wrong with its text. A document with an error is not among the documents."""

    documents: tuple[Document, ...] = ()
    findings: tuple[Finding, ...] = ()
    skips: tuple[Skip, ...] = ()


def parse(
    data: bytes, *, file: str, limits: Limits | None = None, in_chart: bool = False, manifests: bool = True
) -> ParsedFile:
    """Read one file. Total: every sequence of bytes gives a ParsedFile, within the bounds of `limits`.

    `file` is the path to show in findings; its ending tells JSON from YAML. `in_chart` says that the file lies in a
    chart's templates/ folder and is skipped. `manifests=False` reads what is known to be no manifest (settings, data):
    nothing is then skipped for being a template or another tool's file.

    Raises:
        ConfigurationError: PyYAML has no libyaml.
    """
    bounds = limits or Limits()
    if in_chart:
        return _skipped(file, template_reason("", file, in_chart=True) or "")
    if len(data) > bounds.bytes:
        return _refused(file, "yaml.too_large", f"the file has {len(data)} bytes, {bounds.bytes} are read")
    if data.startswith(_UTF_16_MARKS):
        return _refused(file, "yaml.encoding", "the file is UTF-16, kubectl reads UTF-8", "Save the file as UTF-8.")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return _undecodable(data, file, error)
    return _FileReader(SourceText(file, text.removeprefix(_BOM)), bounds, manifests=manifests).read()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One document's stretch of the file, and what was read there."""

    reading: Reading
    start: int
    end: int
    is_json: bool


class _FileReader:
    """The state of reading one file."""

    def __init__(self, source: SourceText, limits: Limits, *, manifests: bool) -> None:
        self.source = source
        self.limits = limits
        self.manifests = manifests
        self.nodes_left = limits.nodes
        self.documents: list[Document] = []
        self.findings: list[Finding] = []
        self.skips: list[Skip] = []

    def read(self) -> ParsedFile:
        """Read every document; stop early only where a bound is exhausted."""
        for index, part in enumerate(self.parts()):
            if index >= self.limits.documents:
                message = f"the file holds more than {self.limits.documents} documents"
                self.report(Problem(rule="yaml.too_large", message=message, start=0, end=0), part.start)
                break
            self.nodes_left -= part.reading.nodes
            self.take(part, index)
            if any(problem.rule in _EXHAUSTED for problem in part.reading.problems):
                break
            if len(self.findings) > _ENOUGH_FINDINGS:
                reason = f"the rest of the file was not read: it has more than {_ENOUGH_FINDINGS} findings before this"
                self.skips.append(Skip(reason=reason, location=self.source.location(part.end, part.end)))
                break
        if not self.documents and not self.findings and not self.skips:
            self.skips.append(Skip(reason="the file holds no document", location=Location(file=self.source.file)))
        return ParsedFile(documents=tuple(self.documents), findings=tuple(self.findings), skips=tuple(self.skips))

    def parts(self) -> Iterator[_Part]:
        """Every document that is not empty, in order."""
        text = self.source.text
        named_json = self.source.file.lower().endswith(".json")
        objects_in_a_row = False
        for start, end in [(0, len(text))] if named_json else self.chunks():
            chunk = text[start:end]
            if objects_in_a_row:
                self.report(_after_json(), start)
                return
            if named_json or (start == 0 and chunk.lstrip().startswith("{")):
                parts = self.json_parts(chunk, start)
                only_json = named_json or not chunk.lstrip(_JSON_BLANKS).startswith("{")  # what kubectl never retries
                if only_json or not _is_no_json(parts[0]):
                    yield from parts
                    objects_in_a_row = len(parts) > 1
                    continue
            # kubectl ends every line of a document with a line feed, the last one too.
            whole = chunk if chunk.endswith("\n") else f"{chunk}\n"
            reading = read_yaml(whole, self.limits, self.nodes_left)
            if reading.value is not None or reading.problems:
                yield _Part(reading=reading, start=start, end=end, is_json=False)

    def json_parts(self, chunk: str, start: int) -> list[_Part]:
        """The JSON values of a chunk."""
        parts = read_json(chunk, self.limits, self.nodes_left)
        return [_Part(reading=p.reading, start=start + p.start, end=start + p.end, is_json=True) for p in parts]

    def chunks(self) -> Iterator[tuple[int, int]]:
        """The stretches between document separators."""
        text, start = self.source.text, 0
        if "---" in text:
            for match in _SEPARATOR.finditer(text):
                if not _NOTHING_BEHIND.fullmatch(match[1]):
                    self.report(_bad_separator(match), 0)
                    return
                if match.start() > start:
                    yield start, match.start()
                start = match.end()
        yield start, len(text)

    def take(self, part: _Part, index: int) -> None:
        """Keep what one document gave: its value, its findings, or the reason why it is not judged."""
        reading, text = part.reading, self.source.text[part.start : part.end]
        foreign = None
        if self.manifests and reading.value is not None:
            foreign = foreign_reason(reading.value, self.source.file)
        if reading.broken:
            reason = foreign
            if reason is None and self.manifests and all(p.rule in _TEMPLATE_RULES for p in reading.problems):
                reason = template_reason(text, self.source.file)
            if reason is not None:
                hides = foreign is None
                self.skips.append(
                    Skip(reason=reason, location=self.source.location(part.start, part.start), hides=hides)
                )
                return
        elif reading.value is not None:
            source = DocumentSource(self.source, part.start, part.end, is_json=part.is_json)
            self.documents.append(Document(value=reading.value, index=index, source=source))
            if foreign is None and ("\\" in text or not text.isascii()):
                self.findings.extend(_identifier_findings(reading.value, source))
        for problem in reading.problems:
            if foreign is None or problem.severity is Severity.ERROR:
                self.report(problem, part.start)

    def report(self, problem: Problem, base: int) -> None:
        """Make a finding of a problem whose offsets count from `base`."""
        related: tuple[Related, ...] = ()
        if problem.first is not None:
            place = self.source.location(base + problem.first, base + problem.first)
            message = "the first is here" if problem.rule == "yaml.duplicate_key" else "what was being read begins here"
            related = (Related(message=message, location=place),)
        self.findings.append(
            Finding(
                rule=problem.rule,
                severity=problem.severity,
                message=problem.message,
                ref=None,
                location=self.source.location(base + problem.start, base + problem.end),
                remedy=problem.remedy,
                related=related,
            )
        )


def _is_no_json(part: _Part) -> bool:
    return any(problem.rule == "yaml.syntax" for problem in part.reading.problems)


def _after_json() -> Problem:
    message = "kubectl reads several JSON objects in a row, or documents with `---` between them, not both in one file"
    return Problem(rule="yaml.separator", message=message, start=0, end=0)


def _bad_separator(match: re.Match[str]) -> Problem:
    return Problem(
        rule="yaml.separator",
        message="kubectl takes a line that begins with `---` for a separator, and refuses text behind it",
        start=match.start(),
        end=match.end(1),
        remedy="Put `---` on a line of its own.",
    )


def _identifier_findings(value: Any, source: DocumentSource) -> Iterator[Finding]:
    for suspicion in islice(suspicious_identifiers(value), MAX_PROBLEMS):
        yield Finding(
            rule=suspicion.rule,
            severity=suspicion.severity,
            message=suspicion.message,
            ref=None,
            path=suspicion.path,
            location=(source.locate_key if suspicion.is_key else source.locate)(suspicion.path),
        )


def _skipped(file: str, reason: str) -> ParsedFile:
    return ParsedFile(skips=(Skip(reason=reason, location=Location(file=file), hides=True),))


def _refused(file: str, rule: str, message: str, remedy: str = "", span: Span | None = None) -> ParsedFile:
    location = Location(file=file, span=span)
    finding = Finding(rule=rule, severity=Severity.ERROR, message=message, ref=None, location=location, remedy=remedy)
    return ParsedFile(findings=(finding,))


def _undecodable(data: bytes, file: str, error: UnicodeDecodeError) -> ParsedFile:
    before = data[: error.start]
    column = len(before[before.rfind(b"\n") + 1 :].decode(errors="replace").removeprefix(_BOM)) + 1
    line = before.count(b"\n") + 1
    message = f"the byte 0x{data[error.start]:02X} is not UTF-8"
    span = Span(Position(line, column), Position(line, column + 1))
    return _refused(file, "yaml.encoding", message, "Save the file as UTF-8.", span)
