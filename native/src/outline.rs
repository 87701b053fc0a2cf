//! The outline of one module: its package, imports, rule heads and every reference, each with its place.
//!
//! It says what is written, not what it means: which reference is refused and which name is a function is Python's to say.

use std::collections::HashSet;
use std::num::NonZeroU32;

use anyhow::bail;
use pyo3::prelude::*;
use regorus::unstable::{
    AssignOp, Expr, Literal, Module, Parser, Query, Ref, Rule, RuleAssign, RuleHead, Source, Span, BUILTINS,
};
use regorus::{PolicyLengthConfig, Value};

use crate::error::Failure;
use crate::guard;

/// Longest line of a policy, in characters. Generated policies have lines beyond regorus's 1,024.
const MAX_COLUMNS: NonZeroU32 = match NonZeroU32::new(65_536) {
    Some(columns) => columns,
    None => NonZeroU32::MAX,
};

/// One name path such as `data.ployd.lib.containers`, as it is written.
type Path = Vec<String>;

/// What stands in one module. Lines and columns count from 1.
#[pyclass(frozen, get_all, module = "ployd_policy._native")]
pub struct Outline {
    /// The package path without `data`.
    package: Path,
    /// Line of the `package` statement.
    package_line: u32,
    /// `(path, alias or None, line)` of each import.
    imports: Vec<(Path, Option<String>, u32)>,
    /// `(path, kind, arguments, line)` of each rule; kind is `set`, `value`, `function` or `default`.
    rules: Vec<(Path, &'static str, usize, u32)>,
    /// `(path, arguments or None, line, column)` of each reference; arguments only where it is called.
    references: Vec<(Path, Option<usize>, u32, u32)>,
    /// `(name, line, column)` of each variable that nothing in its rule gives a value; it may still be a rule or an import.
    free: Vec<(String, u32, u32)>,
}

/// Parse one module and say what stands in it.
///
/// Raises `PolicyError` with path, line and column.
#[pyfunction]
#[pyo3(signature = (path, text, *, v0))]
pub fn outline(py: Python<'_>, path: String, text: String, v0: bool) -> PyResult<Outline> {
    py.detach(|| parse(path, text, v0).map_err(|error| Failure::new(&error).into_policy_error()))
}

fn parse(path: String, text: String, v0: bool) -> anyhow::Result<Outline> {
    let source = source(path, text)?;
    guard::check(&source)?;
    if v0 && guard::mentions_if(&source)? {
        // The parser would take `if` for a variable, and tell so on standard error.
        bail!("Rego v0 has no `if`");
    }
    let mut parser = Parser::new(&source)?;
    parser.set_max_col(MAX_COLUMNS);
    if !v0 {
        parser.enable_rego_v1()?;
    }
    Ok(read(&parser.parse()?))
}

/// The text of a module, bounded by [`policy_length`].
pub fn source(path: String, text: String) -> anyhow::Result<Source> {
    let length = policy_length();
    Source::from_contents_with_limits(path, text, length.max_file_bytes, length.max_lines)
}

/// How long a policy may be: regorus's bounds on bytes and lines, longer lines.
pub fn policy_length() -> PolicyLengthConfig {
    PolicyLengthConfig { max_col: MAX_COLUMNS, ..PolicyLengthConfig::default() }
}

fn read(module: &Module) -> Outline {
    let mut walk = Walk::default();
    let mut rules = Vec::new();
    for rule in &module.policy {
        rules.push(walk.rule(rule));
    }
    Outline {
        package: static_path(&module.package.refr),
        package_line: module.package.span.line,
        imports: module
            .imports
            .iter()
            .map(|import| {
                let alias = import.r#as.as_ref().map(|span| span.text().to_owned());
                (static_path(&import.refr), alias, import.span.line)
            })
            .collect(),
        rules,
        references: walk.references,
        free: walk.free,
    }
}

#[derive(Default)]
struct Walk {
    references: Vec<(Path, Option<usize>, u32, u32)>,
    free: Vec<(String, u32, u32)>,
    /// Variables of the rule at hand that something gives a value, in whatever part of the rule.
    bound: HashSet<String>,
    used: Vec<(String, u32, u32)>,
}

impl Walk {
    fn rule(&mut self, rule: &Rule) -> (Path, &'static str, usize, u32) {
        let summary = self.rule_parts(rule);
        let bound = std::mem::take(&mut self.bound);
        self.free.extend(self.used.drain(..).filter(|(name, ..)| !bound.contains(name)));
        summary
    }

    fn rule_parts(&mut self, rule: &Rule) -> (Path, &'static str, usize, u32) {
        match rule {
            Rule::Spec { span, head, bodies } => {
                for body in bodies {
                    self.assign(body.assign.as_ref());
                    self.query(&body.query);
                }
                let (refr, kind, arguments) = self.head(head);
                (refr, kind, arguments, span.line)
            }
            Rule::Default { span, refr, args, value, .. } => {
                self.patterns(args);
                self.expr(value);
                (self.head_path(refr), "default", args.len(), span.line)
            }
        }
    }

    fn head(&mut self, head: &RuleHead) -> (Path, &'static str, usize) {
        match head {
            RuleHead::Compr { refr, assign, .. } => {
                self.assign(assign.as_ref());
                (self.head_path(refr), "value", 0)
            }
            RuleHead::Set { refr, key, .. } => {
                if let Some(key) = key {
                    self.expr(key);
                }
                (self.head_path(refr), "set", 0)
            }
            RuleHead::Func { refr, args, assign, .. } => {
                self.patterns(args);
                self.assign(assign.as_ref());
                (self.head_path(refr), "function", args.len())
            }
        }
    }

    /// The name a head defines. It refers to nothing, but its keys may.
    fn head_path(&mut self, refr: &Expr) -> Path {
        let chain = Chain::of(refr);
        self.indexes(&chain);
        chain.path()
    }

    fn assign(&mut self, assign: Option<&RuleAssign>) {
        if let Some(assign) = assign {
            self.expr(&assign.value);
        }
    }

    fn query(&mut self, query: &Query) {
        for statement in &query.stmts {
            match &statement.literal {
                Literal::SomeVars { vars, .. } => self.bound.extend(vars.iter().map(|var| var.text().to_owned())),
                Literal::SomeIn { key, value, collection, .. } => {
                    if let Some(key) = key {
                        self.pattern(key);
                    }
                    self.pattern(value);
                    self.expr(collection);
                }
                Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => self.expr(expr),
                Literal::Every { key, value, domain, query, .. } => {
                    self.bound.extend(key.iter().chain([value]).map(|var| var.text().to_owned()));
                    self.expr(domain);
                    self.query(query);
                }
            }
            for modifier in &statement.with_mods {
                self.expr(&modifier.refr);
                self.expr(&modifier.r#as);
            }
        }
    }

    /// An expression that gives the variables in it a value.
    fn pattern(&mut self, expression: &Expr) {
        self.bind(expression);
        self.expr(expression);
    }

    fn patterns(&mut self, expressions: &[Ref<Expr>]) {
        for expression in expressions {
            self.pattern(expression);
        }
    }

    fn bind(&mut self, expression: &Expr) {
        match expression {
            Expr::Var { span, .. } => {
                self.bound.insert(span.text().to_owned());
            }
            Expr::Array { items, .. } => items.iter().for_each(|item| self.bind(item)),
            Expr::Object { fields, .. } => fields.iter().for_each(|(_, _, value)| self.bind(value)),
            _ => {}
        }
    }

    fn all(&mut self, expressions: &[Ref<Expr>]) {
        for expression in expressions {
            self.expr(expression);
        }
    }

    fn expr(&mut self, expression: &Expr) {
        match expression {
            Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. } => {}
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => self.reference(expression, None),
            Expr::Array { items, .. } | Expr::Set { items, .. } => self.all(items),
            Expr::Object { fields, .. } => {
                for (_, key, value) in fields {
                    self.expr(key);
                    self.expr(value);
                }
            }
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.expr(term);
                self.query(query);
            }
            Expr::ObjectCompr { key, value, query, .. } => {
                self.expr(key);
                self.expr(value);
                self.query(query);
            }
            Expr::Call { fcn, params, .. } => {
                self.reference(fcn, Some(params.len()));
                self.all(params);
                // One argument more than a function takes is where its result goes.
                let known = BUILTINS.get(Chain::of(fcn).path().join(".").as_str());
                if let Some(last) =
                    params.last().filter(|_| known.is_none_or(|(_, takes)| params.len() > (*takes).into()))
                {
                    self.bind(last);
                }
            }
            Expr::UnaryExpr { expr, .. } => self.expr(expr),
            Expr::BinExpr { lhs, rhs, .. } | Expr::BoolExpr { lhs, rhs, .. } | Expr::ArithExpr { lhs, rhs, .. } => {
                self.expr(lhs);
                self.expr(rhs);
            }
            Expr::AssignExpr { op, lhs, rhs, .. } => {
                self.pattern(lhs);
                if *op == AssignOp::Eq {
                    self.bind(rhs);
                }
                self.expr(rhs);
            }
            Expr::Membership { key, value, collection, .. } => {
                if let Some(key) = key {
                    self.expr(key);
                }
                self.expr(value);
                self.expr(collection);
            }
        }
    }

    fn reference(&mut self, expression: &Expr, arguments: Option<usize>) {
        let chain = Chain::of(expression);
        match chain.root {
            Expr::Var { span, .. } => {
                self.references.push((chain.path(), arguments, span.line, span.col));
                if arguments.is_none() && !matches!(span.text(), "_" | "input" | "data") {
                    self.used.push((span.text().to_owned(), span.line, span.col));
                }
            }
            root => self.expr(root),
        }
        self.indexes(&chain);
    }

    fn indexes(&mut self, chain: &Chain<'_>) {
        for step in &chain.steps {
            if let Step::Index(index) = step {
                self.pattern(index);
            }
        }
    }
}

enum Step<'a> {
    Field(&'a Span),
    Index(&'a Expr),
}

/// A reference taken apart: `root.field["index"][index]`.
struct Chain<'a> {
    root: &'a Expr,
    steps: Vec<Step<'a>>,
}

impl<'a> Chain<'a> {
    fn of(mut expression: &'a Expr) -> Self {
        let mut steps = Vec::new();
        loop {
            match expression {
                Expr::RefDot { refr, field, .. } => {
                    steps.push(Step::Field(&field.0));
                    expression = refr;
                }
                Expr::RefBrack { refr, index, .. } => {
                    steps.push(Step::Index(index));
                    expression = refr;
                }
                root => {
                    steps.reverse();
                    return Self { root, steps };
                }
            }
        }
    }

    /// The names from the root up to the first index that is not a literal string.
    fn path(&self) -> Path {
        let Expr::Var { span, .. } = self.root else {
            return Vec::new();
        };
        let mut path = vec![span.text().to_owned()];
        for step in &self.steps {
            match step {
                Step::Field(span) => path.push(span.text().to_owned()),
                Step::Index(index) => match index {
                    Expr::String { value: Value::String(text), .. }
                    | Expr::RawString { value: Value::String(text), .. } => path.push(text.to_string()),
                    _ => break,
                },
            }
        }
        path
    }
}

fn static_path(refr: &Expr) -> Path {
    Chain::of(refr).path()
}
