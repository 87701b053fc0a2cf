//! Builtins that regorus answers differently from OPA, answered as OPA does.
//!
//! Both engines give one verdict, so where they differ OPA is right. Each function here takes the place of the builtin with
//! its name; what it does not have to change it leaves to regorus. OPA's own test cases and `tests/ports` found them.

use std::borrow::Cow;

use anyhow::{anyhow, bail};
use regorus::unstable::{Expr, Ref, Source, Span, BUILTINS};
use regorus::{Engine, Value};

type Answer = anyhow::Result<Value>;
type Builtin = fn(&[Value]) -> Answer;

/// Longest list that a builtin makes of two numbers or an address; OPA has a clock inside, regorus would take the memory.
const MAX_LIST: i64 = 1_000_000;

/// Name, number of arguments and function.
const REPLACED: [(&str, u8, Builtin); 14] = [
    ("count", 1, count),
    ("indexof", 2, indexof),
    ("lower", 1, lower),
    ("to_number", 1, to_number),
    ("upper", 1, upper),
    ("numbers.range", 2, numbers_range),
    ("numbers.range_step", 3, numbers_range_step),
    ("net.cidr_expand", 1, net_cidr_expand),
    ("regex.find_all_string_submatch_n", 3, |arguments| with_pattern("regex.find_all_string_submatch_n", 0, arguments)),
    ("regex.find_n", 3, |arguments| with_pattern("regex.find_n", 0, arguments)),
    ("regex.is_valid", 1, |arguments| with_pattern("regex.is_valid", 0, arguments)),
    ("regex.match", 2, |arguments| with_pattern("regex.match", 0, arguments)),
    ("regex.replace", 3, |arguments| with_pattern("regex.replace", 1, arguments)),
    ("regex.split", 2, |arguments| with_pattern("regex.split", 0, arguments)),
];

/// Puts the functions of this module into an engine.
pub fn install(engine: &mut Engine) -> anyhow::Result<()> {
    for (name, arity, function) in REPLACED {
        engine.add_extension(name.to_owned(), arity, Box::new(move |arguments: Vec<Value>| function(&arguments)))?;
    }
    Ok(())
}

/// OPA counts the characters of a text, regorus its UTF-16 units.
fn count(arguments: &[Value]) -> Answer {
    match arguments {
        [Value::String(text)] => Ok(Value::from(text.chars().count())),
        [Value::Array(items)] => Ok(Value::from(items.len())),
        [Value::Set(items)] => Ok(Value::from(items.len())),
        [Value::Object(fields)] => Ok(Value::from(fields.len())),
        _ => original("count", arguments),
    }
}

/// Go changes each letter into one letter: `İ` becomes `i`, without a second mark.
fn lower(arguments: &[Value]) -> Answer {
    each_letter("lower", arguments, |letter| if letter == 'İ' { Some('i') } else { only(letter.to_lowercase()) })
}

/// Go changes each letter into one letter: `ß` stays.
fn upper(arguments: &[Value]) -> Answer {
    each_letter("upper", arguments, |letter| only(letter.to_uppercase()))
}

fn each_letter(name: &str, arguments: &[Value], change: fn(char) -> Option<char>) -> Answer {
    match arguments {
        [Value::String(text)] => {
            let changed: String = text.chars().map(|letter| change(letter).unwrap_or(letter)).collect();
            Ok(Value::from(changed))
        }
        _ => original(name, arguments),
    }
}

fn only(mut letters: impl Iterator<Item = char>) -> Option<char> {
    letters.next().filter(|_| letters.next().is_none())
}

/// OPA has no place for a text that is empty.
fn indexof(arguments: &[Value]) -> Answer {
    if let [_, Value::String(search)] = arguments {
        if search.is_empty() {
            bail!("indexof: empty search character");
        }
    }
    original("indexof", arguments)
}

/// OPA reads the text as it is, without taking blanks away first.
fn to_number(arguments: &[Value]) -> Answer {
    if let [Value::String(text)] = arguments {
        if text.trim() != text.as_ref() {
            bail!("to_number: invalid syntax");
        }
    }
    original("to_number", arguments)
}

fn numbers_range(arguments: &[Value]) -> Answer {
    bounded_range("numbers.range", arguments)
}

fn numbers_range_step(arguments: &[Value]) -> Answer {
    bounded_range("numbers.range_step", arguments)
}

fn bounded_range(name: &str, arguments: &[Value]) -> Answer {
    if let [Value::Number(from), Value::Number(to), ..] = arguments {
        let length = to.sub(from)?.as_i64().and_then(i64::checked_abs);
        if from.is_integer() && to.is_integer() && length.is_none_or(|length| length >= MAX_LIST) {
            bail!("{name}: more than {MAX_LIST} numbers");
        }
    }
    original(name, arguments)
}

fn net_cidr_expand(arguments: &[Value]) -> Answer {
    if let [Value::String(text)] = arguments {
        let bits = if text.contains(':') { 128 } else { 32 };
        let prefix = text.rsplit_once('/').and_then(|(_, prefix)| prefix.parse::<i64>().ok());
        if prefix.is_some_and(|prefix| bits - prefix >= i64::from(MAX_LIST.ilog2())) {
            bail!("net.cidr_expand: more than {MAX_LIST} addresses");
        }
    }
    original("net.cidr_expand", arguments)
}

/// RE2's `\d`, `\w`, `\s` and `\b` are about ASCII, those of Rust about Unicode; a `[` in a class is itself in RE2 alone.
fn with_pattern(name: &str, place: usize, arguments: &[Value]) -> Answer {
    match arguments.get(place) {
        Some(Value::String(pattern)) => {
            let mut translated = arguments.to_vec();
            translated[place] = Value::from(re2(pattern).as_ref());
            original(name, &translated)
        }
        _ => original(name, arguments),
    }
}

/// The pattern that means in Rust what `pattern` means in RE2.
fn re2(pattern: &str) -> Cow<'_, str> {
    if !pattern.contains(['\\', '[']) {
        return Cow::Borrowed(pattern);
    }
    let mut text = String::with_capacity(pattern.len() + 16);
    let mut signs = pattern.chars().peekable();
    let mut in_class = false;
    // A `]` right after the opening of a class is itself.
    let mut at_start = false;
    while let Some(sign) = signs.next() {
        let starts = std::mem::take(&mut at_start);
        match sign {
            '\\' => match signs.next() {
                Some(letter) => escape(letter, in_class, &mut text),
                None => text.push('\\'),
            },
            '[' if !in_class => {
                in_class = true;
                at_start = true;
                text.push('[');
                if signs.next_if_eq(&'^').is_some() {
                    text.push('^');
                }
            }
            '[' if signs.peek() == Some(&':') => posix_class(&mut signs, &mut text),
            '[' | '&' | '~' if in_class => text.extend(['\\', sign]),
            ']' if in_class && starts => text.push_str("\\]"),
            ']' => {
                in_class = false;
                text.push(']');
            }
            _ => text.push(sign),
        }
    }
    Cow::Owned(text)
}

fn escape(letter: char, in_class: bool, text: &mut String) {
    let (class, negated) = match letter.to_ascii_lowercase() {
        'd' => ("0-9", letter == 'D'),
        'w' => ("0-9A-Za-z_", letter == 'W'),
        's' => ("\\t\\n\\f\\r ", letter == 'S'),
        'b' if !in_class => {
            text.push_str(if letter == 'B' { "(?-u:\\B)" } else { "(?-u:\\b)" });
            return;
        }
        // To Rust alone these are the bounds of a word.
        '<' | '>' => {
            text.push(letter);
            return;
        }
        _ => {
            text.extend(['\\', letter]);
            return;
        }
    };
    match (in_class, negated) {
        (true, false) => text.push_str(class),
        (_, true) => text.extend(["[^", class, "]"]),
        (false, false) => text.extend(["[", class, "]"]),
    }
}

/// `[:alpha:]` and its like are the same in both; they are taken over whole.
fn posix_class(signs: &mut std::iter::Peekable<std::str::Chars<'_>>, text: &mut String) {
    text.push('[');
    for sign in signs.by_ref() {
        text.push(sign);
        if sign == ']' {
            return;
        }
    }
}

/// What regorus itself answers.
fn original(name: &str, arguments: &[Value]) -> Answer {
    let (function, _) = BUILTINS.get(name).ok_or_else(|| anyhow!("there is no builtin {name}"))?;
    // The interpreter adds the place of the call to an error; the expressions are only looked at for theirs.
    let source = Source::from_contents(String::new(), String::new())?;
    let span = Span { source, line: 1, col: 1, start: 0, end: 0 };
    let parameters: Vec<Ref<Expr>> =
        arguments.iter().map(|_| Ref::new(Expr::Null { span: span.clone(), value: Value::Null, eidx: 0 })).collect();
    function(&span, &parameters, arguments, true).map_err(|error| {
        let text = error.to_string();
        anyhow!("{}", text.rsplit_once("error: ").map_or(text.as_str(), |(_, message)| message))
    })
}
