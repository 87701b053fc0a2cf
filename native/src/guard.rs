//! Refuses text that the parser would need exponential time or an endless stack for, before it is parsed.
//!
//! The parser of regorus tries every `[` and `{` as a comprehension first and starts over where it is none, so each level
//! of nesting doubles the work; and the tree of `1 + 1 + 1 ...` is as deep as it is long. A file of a few hundred bytes
//! could otherwise stop or end the process, and policies may come from a pull request.

use regorus::unstable::{Lexer, Source, Span, TokenKind};

use crate::outline::policy_length;

/// Work units for one file; a token costs 2 to the power of its nesting. Some two seconds of the parser.
const MAX_WORK: u64 = 1 << 24;
/// Deepest nesting of brackets of any kind.
const MAX_NESTING: usize = 32;
/// Most operators, dots and indexes in one expression, not counting those inside its brackets.
const MAX_CHAIN: u32 = 256;

/// Errs, with the place, where `source` asks too much of the parser.
pub fn check(source: &Source) -> anyhow::Result<()> {
    let mut lexer = lexer(source);
    let mut scan = Scan { chains: vec![0], work: 0, line: 0, unfinished: false };
    loop {
        let token = lexer.next_token()?;
        if token.0 == TokenKind::Eof {
            return Ok(());
        }
        scan.token(&token.0, &token.1)?;
    }
}

/// Whether `source` has the keyword `if` without the import that makes it one in Rego v0.
pub fn mentions_if(source: &Source) -> anyhow::Result<bool> {
    if source.contents().contains("import future.keywords") {
        return Ok(false);
    }
    let mut lexer = lexer(source);
    loop {
        let token = lexer.next_token()?;
        match token.0 {
            TokenKind::Eof => return Ok(false),
            TokenKind::Ident if token.1.text() == "if" => return Ok(true),
            _ => {}
        }
    }
}

fn lexer(source: &Source) -> Lexer<'_> {
    let mut lexer = Lexer::new(source);
    lexer.set_max_col(policy_length().max_col);
    lexer
}

struct Scan {
    /// Length of the expression at each level of nesting.
    chains: Vec<u32>,
    work: u64,
    line: u32,
    /// The last token was an operator, so that the expression goes on in the next line.
    unfinished: bool,
}

impl Scan {
    fn token(&mut self, kind: &TokenKind, span: &Span) -> anyhow::Result<()> {
        let text = span.text();
        let symbol = *kind == TokenKind::Symbol;
        let opens = symbol && matches!(text, "[" | "{" | "(");
        let closes = symbol && matches!(text, "]" | "}" | ")");
        let ends = symbol && matches!(text, "," | ";");
        let joins = symbol && !opens && !closes && !ends || matches!(text, "not" | "in");
        let new_line = span.line != self.line && !self.unfinished && !joins;
        self.line = span.line;
        self.unfinished = joins;

        if closes {
            if self.chains.len() > 1 {
                self.chains.pop();
            }
            return Ok(());
        }
        if let Some(chain) = self.chains.last_mut() {
            *chain = if ends || new_line { 0 } else { *chain };
            *chain += u32::from(opens || joins);
            if *chain > MAX_CHAIN {
                return Err(refuse(span, &format!("more than {MAX_CHAIN} operators in one expression")));
            }
        }
        if opens {
            self.chains.push(0);
            if self.chains.len() > MAX_NESTING + 1 {
                return Err(refuse(span, &format!("brackets nested deeper than {MAX_NESTING} levels")));
            }
        }
        self.work = self.work.saturating_add(1 << (self.chains.len() - 1));
        if self.work > MAX_WORK {
            return Err(refuse(span, "too much nested in brackets; give the inner values rules of their own"));
        }
        Ok(())
    }
}

fn refuse(span: &Span, reason: &str) -> anyhow::Error {
    span.error(reason)
}
